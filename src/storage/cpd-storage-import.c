/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-json.h"
#include "oci/cpd-manifest.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"
#include "storage/cpd-image-writer.h"

/* An image whose only layer is the archive, on its way. */
typedef struct
{
  CpdImageWriter *writer;       /* (owned) (nullable) */
  const char *config;           /* (unowned) (nullable) */
  const char *message;          /* (unowned) (nullable) */
  const CpdCaller *caller;      /* (unowned) */
  char *name;                   /* (owned) (nullable) full name */
  CpdProgressFunc progress;     /* (nullable) */
  gpointer user_data;
  guint64 bytes_total;          /* 0 when nobody knows */
} Import;

static void
import_clear (Import *import)
{
  g_clear_pointer (&import->writer, cpd_image_writer_free);
  g_clear_pointer (&import->name, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Import, import_clear)

static void
on_progress (guint64 bytes_done, guint64 bytes_total, gpointer user_data)
{
  const Import *import = user_data;

  if (import->progress != NULL)
    import->progress (bytes_done, import->bytes_total, import->user_data);
}

/* How much there is to read, of a file. */
static guint64
count_bytes (int fd)
{
  const off_t at = lseek (fd, 0, SEEK_CUR);
  struct stat info;

  return at >= 0 && fstat (fd, &info) == 0 && S_ISREG (info.st_mode) ? (guint64) MAX (0, info.st_size - at) : 0;
}

static gboolean
check_config (const char *config, GError **error)
{
  g_autoptr(GError) cause = NULL;
  g_autoptr(JsonNode) node = config != NULL && *config != '\0' ? cpd_json_parse (config, -1, &cause) : NULL;

  if (cause == NULL && (node == NULL || JSON_NODE_HOLDS_OBJECT (node)))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "config: it is no JSON object: %s",
               cause != NULL ? cause->message : "it is of another type");
  return FALSE;
}

static gboolean
check_name (Import *import, const char *reference, GError **error)
{
  if (reference == NULL || *reference == '\0')
    return TRUE;
  import->name = cpd_reference_normalize (reference, error);
  if (import->name == NULL)
    return FALSE;
  if (strchr (import->name, '@') == NULL)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "reference: '%s' has a digest, which cannot be chosen",
               reference);
  return FALSE;
}

static gboolean
unpack (Import *import, int fd, GCancellable *cancellable, GError **error)
{
  const CpdLayerClaim claim = { NULL, NULL, -1 };

  import->bytes_total = count_bytes (fd);
  cpd_image_writer_set_progress (import->writer, on_progress, import);
  if (!cpd_image_writer_set_layers (import->writer, &claim, 1, error)
      || !cpd_image_writer_add_layer (import->writer, 0, fd, cancellable, error))
    return FALSE;
  if (!g_cancellable_is_cancelled (cancellable))
    return TRUE;
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
  return FALSE;
}

static char *
publish (Import *import, GError **error)
{
  const char *diff_ids[] = { cpd_image_writer_get_diff_id (import->writer, 0), NULL };
  const char *names[] = { import->name, NULL };
  CpdImageContents contents = {
    .created = cpd_clock_now (), .names = names, .event = "import",
    .event_name = import->name != NULL ? import->name : "",
  };
  g_autofree char *config = cpd_manifest_image_config (contents.created, import->config, import->message, diff_ids,
                                                       error);

  contents.config = config;
  return config != NULL ? cpd_image_writer_commit (import->writer, &contents, import->caller, error) : NULL;
}

char *
cpd_storage_import (CpdStorage *storage, int fd, const CpdLayerLimits *limits, const char *reference,
                    const char *config, const char *message, const CpdCaller *caller, CpdProgressFunc progress,
                    gpointer user_data, GCancellable *cancellable, GError **error)
{
  const CpdLayerLimits none = { 0 };
  g_auto(Import) import = {
    .config = config, .message = message, .caller = caller, .progress = progress, .user_data = user_data,
  };
  g_autofree char *id = NULL;

  if (check_name (&import, reference, error) && check_config (config, error))
    import.writer = cpd_image_writer_new (storage, import.name != NULL ? import.name : "",
                                          limits != NULL ? limits : &none, error);
  if (import.writer != NULL && unpack (&import, fd, cancellable, error))
    id = publish (&import, error);
  if (id == NULL)
    g_prefix_error (error, "failed to import image %s: ", import.name != NULL ? import.name : "without a name");
  return g_steal_pointer (&id);
}
