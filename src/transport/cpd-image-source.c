/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport/cpd-image-source.h"

#include <string.h>

#include "public/cpod-error.h"

static const struct
{
  const char *prefix;
  const char *name;
  gboolean exact;
} transports[] = {
  [CPD_TRANSPORT_DOCKER] = { "docker://", "docker", TRUE },
  [CPD_TRANSPORT_OCI] = { "oci:", "oci", TRUE },
  [CPD_TRANSPORT_OCI_ARCHIVE] = { "oci-archive:", "oci-archive", TRUE },
  [CPD_TRANSPORT_DOCKER_ARCHIVE] = { "docker-archive:", "docker-archive", FALSE },
  [CPD_TRANSPORT_DIR] = { "dir:", "dir", TRUE },
  [CPD_TRANSPORT_CONTAINERS_STORAGE] = { "containers-storage:", "containers-storage", FALSE },
};

static const char *const unsupported[] = { "docker-daemon:", "ostree:", "sif:", "tarball:" };

gboolean
cpd_image_source_split (const char *reference, CpdTransport *transport, const char **rest, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (transports); i++)
    if (g_str_has_prefix (reference, transports[i].prefix))
      {
        *transport = (CpdTransport) i;
        *rest = reference + strlen (transports[i].prefix);
        return TRUE;
      }
  for (gsize i = 0; i < G_N_ELEMENTS (unsupported); i++)
    if (g_str_has_prefix (reference, unsupported[i]))
      {
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s': the transport %s is not supported",
                     reference, unsupported[i]);
        return FALSE;
      }
  *transport = CPD_TRANSPORT_DOCKER;
  *rest = reference;
  return TRUE;
}

const char *
cpd_transport_prefix (CpdTransport transport)
{
  return transports[transport].prefix;
}

const char *
cpd_transport_name (CpdTransport transport)
{
  return transports[transport].name;
}

gboolean
cpd_transport_is_exact (CpdTransport transport)
{
  return transports[transport].exact;
}

char *
cpd_image_source_get_name (CpdTransport transport, const char *rest)
{
  const char *colon = strchr (rest, ':');
  const char *bracket = *rest == '[' ? strchr (rest, ']') : NULL;

  switch (transport)
    {
    case CPD_TRANSPORT_DOCKER:
      return g_strdup (rest);
    case CPD_TRANSPORT_CONTAINERS_STORAGE:
      return g_strdup (bracket != NULL ? bracket + 1 : rest);
    case CPD_TRANSPORT_OCI:
    case CPD_TRANSPORT_OCI_ARCHIVE:
      return colon != NULL && colon[1] != '\0' ? g_strdup (colon + 1) : NULL;
    case CPD_TRANSPORT_DOCKER_ARCHIVE:
      return colon != NULL && colon[1] != '\0' && colon[1] != '@' ? g_strdup (colon + 1) : NULL;
    case CPD_TRANSPORT_DIR:
    default:
      return NULL;
    }
}
