/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-grant.h"

#include <string.h>

#include "public/cpod-error.h"

void
cpd_grant_free (CpdGrant *grant)
{
  g_free (grant->container_id);
  g_free (grant->image_id);
  g_strfreev (grant->reach);
  g_free (grant);
}

gboolean
cpd_grant_check_image (const CpdGrant *grant, const char *name, const char *image_id, GError **error)
{
  if (grant == NULL || grant->image_id == NULL || strcmp (grant->image_id, image_id) == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
               "image %s is %s by now, and %s is what was authorized", name, image_id, grant->image_id);
  return FALSE;
}

gboolean
cpd_grant_check_reach (const CpdGrant *grant, const char *const *reach, GError **error)
{
  if (grant == NULL)
    return TRUE;
  for (const char *const *word = reach; *word != NULL; word++)
    if (grant->reach == NULL || !g_strv_contains ((const char *const *) grant->reach, *word))
      {
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
                     "it reaches further into the host than was authorized: %s", *word);
        return FALSE;
      }
  return TRUE;
}
