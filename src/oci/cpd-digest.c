/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-digest.h"

#include <string.h>

#include "common/cpd-names.h"
#include "public/cpod-error.h"

struct _CpdDigest
{
  GChecksum *checksum;          /* (owned) */
};

CpdDigest *
cpd_digest_new (void)
{
  CpdDigest *digest = g_new0 (CpdDigest, 1);

  digest->checksum = g_checksum_new (G_CHECKSUM_SHA256);
  return digest;
}

void
cpd_digest_free (CpdDigest *digest)
{
  if (digest == NULL)
    return;
  g_checksum_free (digest->checksum);
  g_free (digest);
}

void
cpd_digest_update (CpdDigest *digest, const void *data, gsize length)
{
  const guchar *next = data;

  while (length > 0)            /* GChecksum counts in signed sizes */
    {
      gsize part = MIN (length, (gsize) G_MAXINT32);

      g_checksum_update (digest->checksum, next, (gssize) part);
      next += part;
      length -= part;
    }
}

char *
cpd_digest_finish (CpdDigest *digest)
{
  return g_strconcat (CPD_DIGEST_PREFIX, g_checksum_get_string (digest->checksum), NULL);
}

char *
cpd_digest_of_text (const char *text, gssize length)
{
  g_autoptr(CpdDigest) digest = cpd_digest_new ();

  cpd_digest_update (digest, text, length < 0 ? strlen (text) : (gsize) length);
  return cpd_digest_finish (digest);
}

gboolean
cpd_digest_check (const char *text, GError **error)
{
  if (g_str_has_prefix (text, CPD_DIGEST_PREFIX) && cpd_id_is_valid (cpd_digest_hex (text)))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%.128s' is no digest: \"sha256:\" and 64 lower-case hexadecimal digits", text);
  return FALSE;
}

const char *
cpd_digest_hex (const char *digest)
{
  return digest + strlen (CPD_DIGEST_PREFIX);
}

char *
cpd_digest_chain_id (const char *parent, const char *diff_id)
{
  g_autofree char *both = NULL;

  if (parent == NULL || *parent == '\0')
    return g_strdup (diff_id);
  both = g_strconcat (parent, " ", diff_id, NULL);
  return cpd_digest_of_text (both, -1);
}
