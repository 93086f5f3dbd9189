/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-layer.h"


#include "oci/cpd-layer-source.h"
#include "oci/cpd-layer-writer.h"
#include "oci/cpd-libarchive.h"
#include "public/cpod-error.h"

void
cpd_layer_info_clear (CpdLayerInfo *info)
{
  g_clear_pointer (&info->digest, g_free);
  g_clear_pointer (&info->diff_id, g_free);
  g_clear_pointer (&info->blob_digest, g_free);
}

static gboolean
extract (CpdLayerSource *source, int root, const CpdCopyRules *rules, guint64 entries_max, CpdLayerInfo *info,
         GError **error)
{
  g_autoptr(CpdLayerWriter) writer = cpd_layer_writer_new (root, rules);
  struct archive *archive = cpd_layer_source_open (source, error);
  struct archive_entry *entry;
  int result;

  if (archive == NULL)
    return FALSE;
  while ((result = archive_read_next_header (archive, &entry)) == ARCHIVE_OK || result == ARCHIVE_WARN)
    {
      if (++info->entries > entries_max && entries_max > 0)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE,
                       "it has more than %" G_GUINT64_FORMAT " entries, which is the limit", entries_max);
          return FALSE;
        }
      if (!cpd_layer_writer_add (writer, source, archive, entry, error))
        return FALSE;
    }
  if (result != ARCHIVE_EOF)
    {
      cpd_layer_source_set_error (source, NULL, error);
      return FALSE;
    }
  cpd_layer_writer_finish (writer);
  info->size = cpd_layer_writer_get_size (writer);
  return cpd_layer_source_finish (source, info, error);
}

/*
 * libarchive converts names to the thread's character set, and a service often
 * has none but ASCII. Made once and kept; 0 when the C library has none.
 */
locale_t
cpd_layer_utf8 (void)
{
  static gsize once = 0;
  static locale_t utf8 = (locale_t) 0;

  if (g_once_init_enter (&once))
    {
      utf8 = newlocale (LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
      g_once_init_leave (&once, 1);
    }
  return utf8;
}

/* Reads all of the archive; RULES is NULL for a layer. */
static gboolean
unpack (CpdLayerSource *source, int root, const CpdCopyRules *rules, const CpdLayerLimits *limits, CpdLayerInfo *info,
        GError **error)
{
  g_auto(CpdLayerInfo) found = { 0 };
  locale_t old = uselocale (cpd_layer_utf8 ());    /* 0 changes nothing */
  gboolean done = extract (source, root, rules, limits != NULL ? limits->entries : 0, &found, error);

  uselocale (old);
  if (!done)
    return FALSE;
  *info = found;
  found = (CpdLayerInfo) { 0 };
  return TRUE;
}

gboolean
cpd_layer_extract_part (int fd, const CpdLayerPart *part, int root, int blob, const CpdLayerLimits *limits,
                        CpdLayerProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                        CpdLayerInfo *info, GError **error)
{
  g_autoptr(CpdLayerSource) source = cpd_layer_source_new (fd, part, blob, limits, progress, user_data, cancellable);

  return unpack (source, root, NULL, limits, info, error);
}

gboolean
cpd_layer_copy_in (int fd, int root, const CpdCopyRules *rules, const CpdLayerLimits *limits,
                   CpdLayerProgressFunc progress, gpointer user_data, GCancellable *cancellable, CpdLayerInfo *info,
                   GError **error)
{
  g_autoptr(CpdLayerSource) source = cpd_layer_source_new (fd, NULL, -1, limits, progress, user_data, cancellable);

  return unpack (source, root, rules, limits, info, error);
}

gboolean
cpd_layer_extract (int fd, int root, int blob, const CpdLayerLimits *limits, CpdLayerProgressFunc progress,
                   gpointer user_data, GCancellable *cancellable, CpdLayerInfo *info, GError **error)
{
  return cpd_layer_extract_part (fd, NULL, root, blob, limits, progress, user_data, cancellable, info, error);
}
