/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-container-export.h"

#include "common/cpd-fs.h"
#include "engine/containers/cpd-container-root.h"
#include "engine/cpd-engine-private.h"
#include "oci/cpd-tar-writer.h"
#include "public/cpod-error.h"

#define NOT_REMOVING (CPD_STATE_BIT (CPD_CONTAINER_REMOVING) - 1)

static void
on_progress (guint64 bytes_done, gpointer user_data)
{
  const CpdTransfer *transfer = user_data;

  transfer->progress (bytes_done, 0, 0, 0, transfer->user_data);
}

/* What was read of a container that is going may be but a part: then the archive must have no end. */
static gboolean
check_there (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, NOT_REMOVING, "export", error);

  return row != NULL;
}

static gboolean
write_archive (CpdEngine *engine, const char *id, int root, int fd, const CpdTransfer *transfer, GError **error)
{
  const CpdTarOptions options = {
    .progress = transfer->progress != NULL ? on_progress : NULL,
    .progress_data = (gpointer) transfer,
    .cancellable = transfer->cancellable,
  };
  g_autoptr(CpdTarWriter) writer = cpd_tar_writer_new (fd, &options, error);

  return writer != NULL
         && cpd_tar_writer_add (writer, root, ".", "", error)
         && check_there (engine, id, error)
         && cpd_tar_writer_finish (writer, error);
}

static gboolean
record (CpdEngine *engine, const char *id, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "export");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, NOT_REMOVING, "export", error);

  return row != NULL && cpd_engine_add_event (engine, row, "export", caller, error);
}

gboolean
cpd_engine_export_container (CpdEngine *engine, const char *id, int fd, const CpdTransfer *transfer, GError **error)
{
  cpd_autofd int root = cpd_engine_borrow_root (engine, id, FALSE, "export", error);
  gboolean done;

  if (root < 0)
    return FALSE;
  done = write_archive (engine, id, root, fd, transfer, error);
  cpd_close_fd (&root);
  cpd_engine_return_root (engine, id);
  if (done && record (engine, id, transfer->caller, error))
    return TRUE;
  g_prefix_error (error, "failed to export container %s: ", id);
  return FALSE;
}
