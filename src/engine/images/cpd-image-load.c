/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-archives.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "oci/cpd-image-archive.h"
#include "public/cpod-error.h"
#include "storage/cpd-image-writer.h"
#include "transport/cpd-signature-policy.h"

/* A load under way. */
typedef struct
{
  CpdEngine *engine;            /* (unowned) */
  const CpdTransfer *transfer;  /* (unowned) */
  CpdLayerLimits limits;
  CpdImageWriter *writer;       /* (owned) (nullable) */
  int spool;                    /* (owned) */
  CpdArchiveIndex *archive;     /* (owned) (nullable) */
  GPtrArray *images;            /* (owned) (nullable) CpdArchiveImage */
  guint numbered;               /* layers that the writer knows so far */
  guint64 bytes_done;
  guint64 bytes_total;
  guint layers_done;
  guint layers_total;
} Load;

static void
load_clear (Load *load)
{
  g_clear_pointer (&load->images, g_ptr_array_unref);
  g_clear_pointer (&load->archive, cpd_archive_index_free);
  cpd_close_fd (&load->spool);
  g_clear_pointer (&load->writer, cpd_image_writer_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Load, load_clear)

static void
loaded_free (gpointer data)
{
  CpdLoaded *loaded = data;

  g_free (loaded->id);
  g_strfreev (loaded->names);
  g_free (loaded);
}

static gboolean
ask_policy (Load *load, GError **error)
{
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (load->engine);
  const char *given = cpd_config_get_string (config, CPD_KEY_SIGNATURE_POLICY_PATH);
  const char *path = *given != '\0' ? given : CPD_SIGNATURE_POLICY;
  gboolean is_oci = cpd_image_archive_is_oci (load->archive);
  CpdTransport transport = is_oci ? CPD_TRANSPORT_OCI_ARCHIVE : CPD_TRANSPORT_DOCKER_ARCHIVE;
  CpdPolicyVerdict verdict;

  if (!cpd_signature_policy_judge (path, transport, "", &verdict, error))
    return FALSE;
  if (verdict == CPD_POLICY_ACCEPT)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_IMAGE_REJECTED, "the policy in %s %s", path,
               verdict == CPD_POLICY_REJECT ? "rejects it" : "asks for signatures, and archives have none");
  return FALSE;
}

/* Before it is known what is in the archive. */
static void
on_spooled (guint64 bytes_done, guint64 bytes_total, gpointer user_data)
{
  const Load *load = user_data;

  if (load->transfer->progress != NULL)
    load->transfer->progress (bytes_done, bytes_total, 0, 0, load->transfer->user_data);
}

static void
report (const Load *load)
{
  if (load->transfer->progress != NULL)
    load->transfer->progress (load->bytes_done, load->bytes_total, load->layers_done, load->layers_total,
                              load->transfer->user_data);
}

static void
on_unpacked (guint64 bytes_done, guint64 bytes_total, gpointer user_data)
{
  Load *load = user_data;

  load->bytes_done = MIN (bytes_done, load->bytes_total);
  report (load);
}

/*
 * The layers of an image lie in front of what tells which they are, or behind
 * it, as it comes. So what is not a plain file already is made one, which has
 * no name and goes with the descriptor.
 */
static int
make_file (Load *load, int fd, GError **error)
{
  g_autofree char *path = NULL;

  if (cpd_archive_is_plain_file (fd))
    return fd;
  path = g_build_filename (cpd_image_writer_get_directory (load->writer), "archive", NULL);
  load->spool = open (path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (load->spool < 0 || unlink (path) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make %s", path);
      return -1;
    }
  if (!cpd_archive_spool (fd, load->spool, load->limits.size, on_spooled, load, load->transfer->cancellable, error))
    return -1;
  if (lseek (load->spool, 0, SEEK_SET) == 0)
    return load->spool;
  cpd_set_error_errno (error, errno, "failed to read the archive");
  return -1;
}

static gboolean
claim_layers (Load *load, guint number, GError **error)
{
  const CpdArchiveImage *image = load->images->pdata[number];
  g_autofree CpdLayerClaim *claims = g_new0 (CpdLayerClaim, image->layers->len);

  for (guint i = 0; i < image->layers->len; i++)
    {
      const CpdArchiveLayer *layer = image->layers->pdata[i];

      claims[i] = (CpdLayerClaim) { image->info->diff_ids[i], layer->digest, layer->size };
    }
  if (!cpd_image_writer_set_layers (load->writer, claims, image->layers->len, error))
    return FALSE;
  for (guint i = 0; i < image->layers->len; i++)
    {
      guint at = cpd_image_writer_get_number (load->writer, number, i);

      if (at < load->numbered)  /* another image has it as well */
        continue;
      load->numbered = at + 1;
      if (cpd_image_writer_has_layer (load->writer, at))
        continue;
      load->bytes_total += ((const CpdArchiveLayer *) image->layers->pdata[i])->part.length;
      load->layers_total++;
    }
  return TRUE;
}

/* How messages call an image. */
static const char *
shown_name (const CpdArchiveImage *image)
{
  return image->names->len > 0 ? image->names->pdata[0] : image->id;
}

static gboolean
unpack_layers (Load *load, guint number, GError **error)
{
  const CpdArchiveImage *image = load->images->pdata[number];

  for (guint i = 0; i < image->layers->len; i++)
    {
      const CpdArchiveLayer *layer = image->layers->pdata[i];
      guint at = cpd_image_writer_get_number (load->writer, number, i);

      if (cpd_image_writer_has_layer (load->writer, at))
        continue;
      if (!cpd_image_writer_add_part (load->writer, at, cpd_archive_index_get_fd (load->archive), &layer->part,
                                      load->transfer->cancellable, error))
        {
          g_prefix_error (error, "image %s: layer %u of %u (%s): ", shown_name (image), i + 1, image->layers->len,
                          layer->member);
          return FALSE;
        }
      load->layers_done++;
      report (load);
    }
  return TRUE;
}

static GPtrArray *
commit (Load *load, GError **error)
{
  g_autoptr(GPtrArray) result = g_ptr_array_new_with_free_func (loaded_free);
  g_autofree CpdImageContents *contents = g_new0 (CpdImageContents, load->images->len);

  for (guint i = 0; i < load->images->len; i++)
    {
      const CpdArchiveImage *image = load->images->pdata[i];
      CpdLoaded *loaded = g_new0 (CpdLoaded, 1);
      g_autoptr(GStrvBuilder) names = g_strv_builder_new ();

      for (guint j = 0; j < image->names->len; j++)
        g_strv_builder_add (names, image->names->pdata[j]);
      loaded->id = g_strdup (image->id);
      loaded->names = g_strv_builder_end (names);
      g_ptr_array_add (result, loaded);
      contents[i] = (CpdImageContents) {
        .config = image->config, .created = image->info->created, .manifest = image->manifest,
        .names = (const char *const *) loaded->names,
        .event = "loadfromarchive", .event_name = image->names->len > 0 ? image->names->pdata[0] : "",
      };
    }
  return cpd_image_writer_commit_all (load->writer, contents, load->transfer->caller, error)
         ? g_steal_pointer (&result) : NULL;
}

static GPtrArray *
load_images (Load *load, int fd, GError **error)
{
  const CpdPlatform machine = { NULL, NULL, NULL };
  int file = make_file (load, fd, error);

  load->archive = file >= 0 ? cpd_archive_index_new (file, load->transfer->cancellable, error) : NULL;
  if (load->archive == NULL || !ask_policy (load, error))
    return NULL;
  load->images = cpd_image_archive_read (load->archive, &machine, error);
  if (load->images == NULL)
    return NULL;
  cpd_fault_point ("load.described");
  for (guint i = 0; i < load->images->len; i++)
    if (!claim_layers (load, i, error))
      return NULL;
  cpd_image_writer_set_progress (load->writer, on_unpacked, load);
  for (guint i = 0; i < load->images->len; i++)
    if (!unpack_layers (load, i, error))
      return NULL;
  return commit (load, error);
}

GPtrArray *
cpd_engine_load_images (CpdEngine *engine, int fd, const CpdTransfer *transfer, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_auto(Load) load = {
    .engine = engine, .transfer = transfer, .limits = cpd_engine_get_layer_limits (engine), .spool = -1,
  };
  GPtrArray *result;

  load.writer = cpd_image_writer_new (engine->storage, "an archive", &load.limits, error);
  result = load.writer != NULL ? load_images (&load, fd, error) : NULL;
  if (result == NULL)
    g_prefix_error (error, "failed to load images: ");
  return result;
}
