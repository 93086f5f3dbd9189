/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-container-commit.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-journal.h"
#include "engine/containers/cpd-container-root.h"
#include "engine/cpd-engine-private.h"
#include "engine/images/cpd-commit-config.h"
#include "oci/cpd-manifest.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"
#include "storage/cpd-image-writer.h"
#include "storage/cpd-storage-diff.h"

#define NOT_REMOVING (CPD_STATE_BIT (CPD_CONTAINER_REMOVING) - 1)
#define PIPE_SIZE (1024 * 1024)

/* A commit on its way; the lock of the container is held. */
typedef struct
{
  CpdEngine *engine;            /* (unowned) */
  const CpdContainerRow *row;   /* (unowned) */
  const CpdCommitOptions *options;      /* (unowned) */
  const CpdCaller *caller;      /* (unowned) */
  CpdProgressFunc progress;
  gpointer user_data;
  GCancellable *cancellable;    /* (unowned) (nullable) */
  char *name;                   /* (owned) (nullable) full name of the image */
  char *repository;             /* (owned) (nullable) that of the name, if there is to be a manifest of docker's kind */
  CpdImageRow *base;            /* (owned) */
  CpdContainerConfig *config;   /* (owned) */
  gint64 operation;             /* while it is frozen for this, else 0 */
  int fd;                       /* (owned) that the layer is written to */
  GError *error;                /* (owned) (nullable) of the thread that does so */
} Commit;

static void
commit_clear (Commit *commit)
{
  g_clear_pointer (&commit->name, g_free);
  g_clear_pointer (&commit->repository, g_free);
  g_clear_pointer (&commit->base, cpd_image_row_free);
  g_clear_pointer (&commit->config, cpd_container_config_free);
  cpd_close_fd (&commit->fd);
  g_clear_error (&commit->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Commit, commit_clear)

static gboolean
prepare (Commit *commit, GError **error)
{
  const char *reference = commit->options->reference;

  if (*reference != '\0')
    {
      commit->name = cpd_reference_normalize (reference, error);
      if (commit->name == NULL)
        return FALSE;
      if (strchr (commit->name, '@') != NULL)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                       "reference: '%s' has a digest, which cannot be chosen", reference);
          return FALSE;
        }
    }
  if (commit->options->docker && commit->name == NULL)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           "format: a manifest of docker's kind is kept by the image's name: give one");
      return FALSE;
    }
  commit->repository = commit->options->docker ? cpd_reference_repository (commit->name) : NULL;
  commit->base = cpd_store_get_image (commit->engine->store, commit->row->image_id, error);
  commit->config = commit->base != NULL ? cpd_container_config_parse (commit->row->config, error) : NULL;
  return commit->config != NULL;
}

/* Freezes it unless it does not run, or is frozen already. */
static gboolean
freeze (Commit *commit, GError **error)
{
  CpdEngine *engine = commit->engine;
  const char *id = commit->row->id;

  if (!commit->options->pause || commit->row->status.state != CPD_CONTAINER_RUNNING)
    return TRUE;
  if (!cpd_engine_begin_operation (engine, "commit", id, &commit->operation, error))
    return FALSE;
  cpd_fault_point ("commit.intent");
  if (cpd_engine_pause_locked (engine, id, commit->caller, error))
    return TRUE;
  cpd_engine_end_operation (engine, commit->operation);
  commit->operation = 0;
  return FALSE;
}

static void
thaw (Commit *commit)
{
  g_autoptr(GError) error = NULL;

  if (commit->operation == 0)
    return;
  if (!cpd_engine_unpause_locked (commit->engine, commit->row->id, commit->caller, &error)
      && !g_error_matches (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE))
    cpd_log_container (G_LOG_LEVEL_MESSAGE, commit->row->id,
                       "failed to let container %s go on: %s", commit->row->name, error->message);
  cpd_engine_end_operation (commit->engine, commit->operation);
  commit->operation = 0;
}

static void
on_progress (guint64 bytes_done, gpointer user_data)
{
  const Commit *commit = user_data;

  if (commit->progress != NULL)
    commit->progress (bytes_done, 0, commit->user_data);
}

/* All of the root, as one layer. */
static gboolean
pack_root (Commit *commit, GError **error)
{
  const CpdTarOptions options = {
    .progress = on_progress, .progress_data = commit, .cancellable = commit->cancellable,
  };
  g_autoptr(CpdTarWriter) writer = NULL;
  cpd_autofd int root = cpd_engine_borrow_root_locked (commit->engine, commit->row, FALSE, error);
  gboolean done;

  if (root < 0)
    return FALSE;
  writer = cpd_tar_writer_new (commit->fd, &options, error);
  done = writer != NULL && cpd_tar_writer_add (writer, root, ".", "", error) && cpd_tar_writer_finish (writer, error);
  cpd_close_fd (&root);
  cpd_engine_return_root_locked (commit->engine, commit->row->id);
  return done;
}

static gpointer
pack_thread (gpointer user_data)
{
  Commit *commit = user_data;
  const CpdContainerRow *row = commit->row;

  if (commit->options->squash)
    pack_root (commit, &commit->error);
  else
    cpd_storage_pack_rw (commit->engine->storage, row->id, row->image_id, commit->fd, on_progress, commit,
                         commit->cancellable, &commit->error);
  cpd_close_fd (&commit->fd);   /* the end of the archive */
  return NULL;
}

/* Writes the layer at one end of a pipe while it is stored at the other: no copy of it is needed on the way. */
static gboolean
store_layer (Commit *commit, CpdImageWriter *writer, guint number, GError **error)
{
  cpd_autofd int reader = -1;
  g_autoptr(GError) cause = NULL;
  GThread *thread;
  int fds[2];
  gboolean stored;

  if (!g_unix_open_pipe (fds, FD_CLOEXEC, &cause))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to make a pipe: %s", cause->message);
      return FALSE;
    }
  reader = fds[0];
  commit->fd = fds[1];
  fcntl (reader, F_SETPIPE_SZ, PIPE_SIZE);      /* no more than faster */
  thread = g_thread_try_new ("cpd-commit", pack_thread, commit, &cause);
  if (thread == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to start a thread: %s", cause->message);
      return FALSE;
    }
  stored = cpd_image_writer_add_layer (writer, number, reader, commit->cancellable, &cause);
  cpd_close_fd (&reader);
  g_thread_join (thread);
  /* What could not be read is the reason of what could not be stored, unless that has closed the pipe. */
  if (commit->error != NULL && (stored || !g_error_matches (commit->error, CPOD_ERROR, CPOD_ERROR_FAILED)
                                || g_error_matches (cause, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE)))
    g_propagate_error (error, g_steal_pointer (&commit->error));
  else if (!stored)
    g_propagate_error (error, g_steal_pointer (&cause));
  else
    return TRUE;
  return FALSE;
}

/* The layers of the image it is made of, and one more. */
static gboolean
claim_layers (Commit *commit, CpdImageWriter *writer, guint *number, GError **error)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_image_layers (commit->engine->store, commit->base->id, error);
  g_autofree CpdLayerClaim *claims = NULL;
  const guint below = rows != NULL && !commit->options->squash ? rows->len : 0;

  if (rows == NULL)
    return FALSE;
  claims = g_new0 (CpdLayerClaim, below + 1);
  for (guint i = 0; i < below; i++)
    {
      const CpdLayerRow *row = rows->pdata[i];

      if (commit->options->docker && cpd_manifest_docker_type (row->media_type) == NULL)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                       "format: docker has no type for layer %s, which is %s", row->digest, row->media_type);
          return FALSE;
        }
      claims[i] = (CpdLayerClaim) { row->diff_id, row->digest, row->blob_size };
    }
  claims[below] = (CpdLayerClaim) { NULL, NULL, -1 };
  *number = below;
  return cpd_image_writer_set_layers (writer, claims, below + 1, error);
}

static char *
publish (Commit *commit, CpdImageWriter *writer, guint number, GError **error)
{
  g_autoptr(GVariantBuilder) attributes = cpd_engine_attributes (commit->row);
  g_autoptr(GVariant) given = g_variant_ref_sink (g_variant_builder_end (attributes));
  const char *names[] = { commit->name, NULL };
  CpdImageContents contents = {
    .created = cpd_clock_now (), .names = names, .docker = commit->repository, .event = "commit", .event_name = commit->row->name,
    .container = commit->row->id, .attributes = given,
  };
  g_autofree char *config = cpd_commit_config_new (commit->base, commit->config, commit->options,
                                                   cpd_image_writer_get_diff_id (writer, number), contents.created,
                                                   error);

  contents.config = config;
  return config != NULL ? cpd_image_writer_commit (writer, &contents, commit->caller, error) : NULL;
}

static char *
run (Commit *commit, GError **error)
{
  const CpdLayerLimits limits = { 0 };  /* nobody else has made it */
  g_autoptr(CpdImageWriter) writer = NULL;
  guint number;
  gboolean stored;

  /* Before anything is stored: nobody should have to wait to be told that a word is wrong. */
  g_autofree char *trial = cpd_commit_config_new (commit->base, commit->config, commit->options, "", 0, error);

  if (trial == NULL)
    return NULL;
  writer = cpd_image_writer_new (commit->engine->storage, commit->name != NULL ? commit->name : "", &limits, error);
  if (writer == NULL || !claim_layers (commit, writer, &number, error) || !freeze (commit, error))
    return NULL;
  cpd_fault_point ("commit.frozen");
  stored = store_layer (commit, writer, number, error);
  cpd_fault_point ("commit.stored");
  thaw (commit);
  return stored ? publish (commit, writer, number, error) : NULL;
}

char *
cpd_engine_commit_container (CpdEngine *engine, const char *id, const CpdCommitOptions *options,
                             const CpdCaller *caller, CpdProgressFunc progress, gpointer user_data,
                             GCancellable *cancellable, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "commit");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, NOT_REMOVING, "commit", error);
  g_auto(Commit) commit = {
    .engine = engine, .row = row, .options = options, .caller = caller, .progress = progress, .user_data = user_data,
    .cancellable = cancellable, .fd = -1,
  };
  char *image_id;

  if (row == NULL)
    return NULL;
  image_id = prepare (&commit, error) ? run (&commit, error) : NULL;
  if (image_id == NULL)
    g_prefix_error (error, "failed to commit container %s: ", row->name);
  return image_id;
}
