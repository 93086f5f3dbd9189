/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"

#define PARALLEL_LAYERS 3
#define INDEX_DEPTH_MAX 4
#define PIPE_SIZE (1024 * 1024)

void
cpd_fetch_clear (CpdFetch *fetch)
{
  g_clear_pointer (&fetch->proxy, cpd_image_proxy_free);
  g_clear_pointer (&fetch->writer, cpd_image_writer_free);
  g_clear_pointer (&fetch->skopeo, cpd_skopeo_free);
  if (fetch->cancelled_id != 0)
    g_cancellable_disconnect (fetch->transfer->cancellable, fetch->cancelled_id);
  fetch->cancelled_id = 0;
  g_clear_object (&fetch->cancellable);
  g_clear_pointer (&fetch->reference, g_free);
  g_clear_pointer (&fetch->name, g_free);
  g_clear_pointer (&fetch->top, g_free);
  g_clear_pointer (&fetch->top_digest, g_free);
  g_clear_pointer (&fetch->text, g_free);
  g_clear_pointer (&fetch->text_digest, g_free);
  g_clear_pointer (&fetch->manifest, cpd_manifest_free);
  g_clear_pointer (&fetch->config, g_free);
  g_clear_pointer (&fetch->info, cpd_image_info_free);
  g_clear_error (&fetch->error);
  g_mutex_clear (&fetch->lock);
}

static gboolean
check_digest (const char *what, const char *found, const char *wanted, GError **error)
{
  if (strcmp (found, wanted) == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "%s has the digest %s, not %s", what, found, wanted);
  return FALSE;
}

gboolean
cpd_fetch_top (CpdFetch *fetch, GError **error)
{
  const char *wanted = fetch->transport == CPD_TRANSPORT_DOCKER ? strchr (fetch->reference, '@') : NULL;

  fetch->top = cpd_skopeo_inspect_raw (fetch->skopeo, fetch->reference, error);
  if (fetch->top == NULL)
    return FALSE;
  fetch->top_digest = cpd_digest_of_text (fetch->top, -1);
  return wanted == NULL || check_digest ("its manifest", fetch->top_digest, wanted + 1, error);
}

/* Where the registry has what DIGEST names. */
static char *
sibling (const CpdFetch *fetch, const char *digest)
{
  g_autofree char *repository = cpd_reference_repository (fetch->reference + strlen ("docker://"));

  return g_strconcat ("docker://", repository, "@", digest, NULL);
}

static gboolean
open_proxy (CpdFetch *fetch, const char *reference, GError **error)
{
  g_clear_pointer (&fetch->proxy, cpd_image_proxy_free);
  fetch->proxy = cpd_image_proxy_new (fetch->skopeo, reference, error);
  return fetch->proxy != NULL;
}

/* Takes TEXT (owned by the callee afterwards) as the manifest, if that is what it is. */
static gboolean
take_manifest (CpdFetch *fetch, char *text, gboolean is_raw, GError **error)
{
  g_clear_pointer (&fetch->text, g_free);
  g_clear_pointer (&fetch->text_digest, g_free);
  g_clear_pointer (&fetch->manifest, cpd_manifest_free);
  fetch->text = text;
  if (text == NULL)
    return FALSE;
  fetch->text_digest = cpd_digest_of_text (text, -1);
  fetch->is_raw = is_raw;
  fetch->manifest = cpd_manifest_parse (text, error);
  return fetch->manifest != NULL;
}

/* One step down from an index: to the manifest for the platform, or to an index in the index. */
static gboolean
descend (CpdFetch *fetch, GError **error)
{
  const CpdManifestEntry *entry = cpd_manifest_choose (fetch->manifest, &fetch->platform, error);
  g_autofree char *digest = entry != NULL ? g_strdup (entry->digest) : NULL;
  g_autofree char *reference = entry != NULL ? sibling (fetch, digest) : NULL;
  g_autofree char *text = NULL, *told = NULL, *found = NULL;

  if (entry == NULL)
    return FALSE;
  /* What the proxy has read anyway need not be asked for twice, unless it gives it in other words. */
  if (strstr (entry->media_type, "oci.image.manifest") != NULL)
    {
      if (!open_proxy (fetch, reference, error))
        return FALSE;
      text = cpd_image_proxy_get_manifest (fetch->proxy, &told, error);
      found = text != NULL ? cpd_digest_of_text (text, -1) : NULL;
      if (found == NULL || strcmp (found, digest) == 0)
        return found != NULL && take_manifest (fetch, g_steal_pointer (&text), TRUE, error);
      g_clear_pointer (&text, g_free);
      g_clear_pointer (&found, g_free);
    }
  text = cpd_skopeo_inspect_raw (fetch->skopeo, reference, error);
  found = text != NULL ? cpd_digest_of_text (text, -1) : NULL;
  return found != NULL && check_digest ("its manifest", found, digest, error)
         && take_manifest (fetch, g_steal_pointer (&text), TRUE, error);
}

static gboolean
fetch_from_registry (CpdFetch *fetch, GError **error)
{
  g_autofree char *reference = NULL;

  if (!take_manifest (fetch, g_strdup (fetch->top), TRUE, error))
    return FALSE;
  for (int depth = 0; fetch->manifest->is_index; depth++)
    {
      if (depth == INDEX_DEPTH_MAX)
        {
          g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "its indexes are in indexes without end");
          return FALSE;
        }
      if (!descend (fetch, error))
        return FALSE;
    }
  if (fetch->proxy != NULL)
    return TRUE;
  reference = sibling (fetch, fetch->text_digest);
  return open_proxy (fetch, reference, error);
}

/* From anywhere else, where the proxy chooses from an index. */
static gboolean
fetch_from_elsewhere (CpdFetch *fetch, GError **error)
{
  g_autofree char *text = NULL, *told = NULL, *found = NULL;
  gboolean is_raw;

  if (!take_manifest (fetch, g_strdup (fetch->top), TRUE, error) || !open_proxy (fetch, fetch->reference, error))
    return FALSE;
  if (!fetch->manifest->is_index)
    return TRUE;
  text = cpd_image_proxy_get_manifest (fetch->proxy, &told, error);
  if (text == NULL)
    return FALSE;
  found = cpd_digest_of_text (text, -1);
  is_raw = strcmp (found, told) == 0;
  return take_manifest (fetch, g_steal_pointer (&text), is_raw, error);
}

/* Whether an index has an entry of that digest. */
static gboolean
has_entry (const char *image_index, const char *digest)
{
  g_autoptr(CpdManifest) manifest = cpd_manifest_parse (image_index, NULL);

  for (guint i = 0; manifest != NULL && manifest->is_index && i < manifest->entries->len; i++)
    if (strcmp (((const CpdManifestEntry *) manifest->entries->pdata[i])->digest, digest) == 0)
      return TRUE;
  return FALSE;
}

/* Lets skopeo copy the image, which looks at its signatures as it does so, and reads the copy. */
static gboolean
fetch_verified (CpdFetch *fetch, GError **error)
{
  g_autofree char *directory = g_build_filename (cpd_image_writer_get_directory (fetch->writer), "verified", NULL);
  g_autofree char *copy = g_strconcat ("dir:", directory, NULL);
  gboolean exact = cpd_transport_is_exact (fetch->transport);

  if (!cpd_skopeo_copy (fetch->skopeo, fetch->reference, copy,
                        CPD_SKOPEO_COPY_VERIFY | (exact ? CPD_SKOPEO_COPY_KEEP_DIGESTS : 0), NULL, NULL, NULL, NULL,
                        error)
      || !take_manifest (fetch, cpd_skopeo_inspect_raw (fetch->skopeo, copy, error), exact, error)
      || !open_proxy (fetch, copy, error))
    return FALSE;
  /* What was verified must be what was asked for. */
  if (!exact || strcmp (fetch->text_digest, fetch->top_digest) == 0 || has_entry (fetch->top, fetch->text_digest))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "it has changed while its signatures were looked at: %s",
               fetch->text_digest);
  return FALSE;
}

gboolean
cpd_fetch_manifest (CpdFetch *fetch, gboolean verify, GError **error)
{
  const CpdManifestEntry *config;
  gboolean done;

  if (verify)
    done = fetch_verified (fetch, error);
  else if (fetch->transport == CPD_TRANSPORT_DOCKER)
    done = fetch_from_registry (fetch, error);
  else
    done = fetch_from_elsewhere (fetch, error);
  if (!done)
    return FALSE;
  if (fetch->manifest->is_index)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "there is an index where a manifest should be");
      return FALSE;
    }
  config = fetch->manifest->config;
  fetch->config = cpd_image_proxy_get_text (fetch->proxy, config->digest, config->size, error);
  fetch->info = fetch->config != NULL ? cpd_image_info_parse (fetch->config, error) : NULL;
  if (fetch->info == NULL)
    return FALSE;
  if (g_strv_length (fetch->info->diff_ids) == fetch->manifest->entries->len)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "its manifest has %u layers, its configuration %u",
               fetch->manifest->entries->len, g_strv_length (fetch->info->diff_ids));
  return FALSE;
}

/* Tells how far it is; with the lock held. */
static void
report (CpdFetch *fetch)
{
  if (fetch->transfer->progress != NULL)
    fetch->transfer->progress (fetch->bytes_done, fetch->bytes_total, fetch->layers_done,
                               fetch->manifest->entries->len, fetch->transfer->user_data);
}

static void
add_bytes (gsize bytes, gpointer user_data)
{
  CpdFetch *fetch = user_data;

  g_mutex_lock (&fetch->lock);
  fetch->bytes_done += bytes;
  report (fetch);
  g_mutex_unlock (&fetch->lock);
}

/* A download on its way into a pipe. */
typedef struct
{
  CpdFetch *fetch;              /* (unowned) */
  const char *digest;           /* (unowned) */
  gint64 size;
  int to;                       /* (owned) */
  GError *error;                /* (owned) (nullable) */
} Download;

static gpointer
run_download (gpointer user_data)
{
  Download *download = user_data;
  sigset_t pipe_signal;
  gboolean done;

  /* That nobody reads any more is an error, and no reason to die. */
  sigemptyset (&pipe_signal);
  sigaddset (&pipe_signal, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &pipe_signal, NULL);
  done = cpd_image_proxy_copy_blob (download->fetch->proxy, download->digest, download->size, download->to,
                                    add_bytes, download->fetch, &download->error);
  cpd_close_fd (&download->to);
  return GINT_TO_POINTER (done);
}

/* Unpacks a layer while it is being downloaded. */
static gboolean
download_layer (CpdFetch *fetch, guint number, const char *digest, gint64 size, GError **error)
{
  Download download = { .fetch = fetch, .digest = digest, .size = size, .to = -1 };
  g_autoptr(GError) failure = NULL, cause = NULL;
  cpd_autofd int from = -1;
  gboolean downloaded, unpacked;
  GThread *thread;
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make a pipe");
      return FALSE;
    }
  from = ends[0];
  download.to = ends[1];
  fcntl (from, F_SETPIPE_SZ, PIPE_SIZE);
  thread = g_thread_try_new ("cpd-download", run_download, &download, &cause);
  if (thread == NULL)
    {
      cpd_close_fd (&download.to);
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED, "failed to start a thread: %s", cause->message);
      return FALSE;
    }
  unpacked = cpd_image_writer_add_layer (fetch->writer, number, from, fetch->cancellable, &failure);
  cpd_close_fd (&from);
  downloaded = GPOINTER_TO_INT (g_thread_join (thread));
  /* Of two errors the cause is what counts: an end that comes too early, or a reader that has given up. */
  if (!downloaded && !g_error_matches (download.error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE))
    g_propagate_error (error, g_steal_pointer (&download.error));
  else if (!unpacked)
    g_propagate_error (error, g_steal_pointer (&failure));
  else if (!downloaded)
    g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "there is something behind its end");
  g_clear_error (&download.error);
  return downloaded && unpacked;
}

/* Unpacks a layer from wherever its blob is. */
static gboolean
fetch_layer (CpdFetch *fetch, guint number, GError **error)
{
  const CpdManifestEntry *entry = fetch->manifest->entries->pdata[number];
  const char *digest = entry->digest;
  gint64 size = entry->size;
  cpd_autofd int blob = cpd_image_writer_open_blob (fetch->writer, number);

  if (blob >= 0)
    {
      if (!cpd_image_writer_add_layer (fetch->writer, number, blob, fetch->cancellable, error))
        return FALSE;
      add_bytes ((gsize) size, fetch);
      return TRUE;
    }
  if (fetch->transport == CPD_TRANSPORT_CONTAINERS_STORAGE)
    {
      /* It has layers only unpacked, and knows them by what they are then. */
      digest = fetch->info->diff_ids[number];
      size = cpd_image_proxy_get_size (fetch->proxy, digest, error);
      if (size < 0)
        return FALSE;
    }
  return download_layer (fetch, number, digest, size, error);
}

/* The next layer to be fetched, or -1 when there is none. */
static int
take_layer (CpdFetch *fetch)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&fetch->lock);

  while (fetch->error == NULL && fetch->next_layer < fetch->manifest->entries->len)
    {
      guint number = fetch->next_layer++;

      if (!cpd_image_writer_has_layer (fetch->writer, number))
        return (int) number;
    }
  return -1;
}

static gpointer
run_worker (gpointer user_data)
{
  CpdFetch *fetch = user_data;
  int number;

  while ((number = take_layer (fetch)) >= 0)
    {
      const CpdManifestEntry *entry = fetch->manifest->entries->pdata[number];
      g_autoptr(GError) error = NULL;
      gboolean done = fetch_layer (fetch, (guint) number, &error);

      g_mutex_lock (&fetch->lock);
      if (done)
        fetch->layers_done++;
      else if (fetch->error == NULL)
        {
          g_propagate_prefixed_error (&fetch->error, g_steal_pointer (&error), "layer %d of %u (%s): ", number + 1,
                                      fetch->manifest->entries->len, entry->digest);
          g_cancellable_cancel (fetch->cancellable);    /* one is enough to fail all */
        }
      report (fetch);
      g_mutex_unlock (&fetch->lock);
    }
  return NULL;
}

/* Which layers there are, and how much of them is to be fetched. */
static gboolean
claim_layers (CpdFetch *fetch, GError **error)
{
  guint n = fetch->manifest->entries->len;
  g_autofree CpdLayerClaim *claims = g_new0 (CpdLayerClaim, n);
  gboolean exact = cpd_transport_is_exact (fetch->transport);

  for (guint i = 0; i < n; i++)
    {
      const CpdManifestEntry *entry = fetch->manifest->entries->pdata[i];

      claims[i] = (CpdLayerClaim) { fetch->info->diff_ids[i], exact ? entry->digest : NULL, exact ? entry->size : -1 };
    }
  if (!cpd_image_writer_set_layers (fetch->writer, claims, n, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (cpd_image_writer_has_layer (fetch->writer, i))
      fetch->layers_done++;
    else
      fetch->bytes_total += (guint64) ((const CpdManifestEntry *) fetch->manifest->entries->pdata[i])->size;
  g_mutex_lock (&fetch->lock);
  report (fetch);
  g_mutex_unlock (&fetch->lock);
  return TRUE;
}

gboolean
cpd_fetch_layers (CpdFetch *fetch, GError **error)
{
  GThread *threads[PARALLEL_LAYERS] = { NULL };
  guint n_missing;

  if (!claim_layers (fetch, error))
    return FALSE;
  n_missing = fetch->manifest->entries->len - fetch->layers_done;
  for (guint i = 1; i < PARALLEL_LAYERS && i < n_missing; i++)
    threads[i] = g_thread_try_new ("cpd-layer", run_worker, fetch, NULL);
  run_worker (fetch);           /* in this thread too, so that at least one is at work */
  for (guint i = 1; i < PARALLEL_LAYERS; i++)
    if (threads[i] != NULL)
      g_thread_join (threads[i]);
  if (fetch->error == NULL)
    return TRUE;
  /* That all were told to end is not the reason. */
  g_propagate_error (error, g_steal_pointer (&fetch->error));
  return FALSE;
}
