/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-container-root.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-journal.h"
#include "common/cpd-process.h"
#include "engine/containers/cpd-container-mount.h"
#include "engine/cpd-engine-private.h"
#include "engine/cpd-mounts.h"
#include "store/cpd-store-mounts.h"

#define NOT_REMOVING (CPD_STATE_BIT (CPD_CONTAINER_REMOVING) - 1)
#define HAS_PROCESS (CPD_STATE_BIT (CPD_CONTAINER_RUNNING) | CPD_STATE_BIT (CPD_CONTAINER_PAUSED) \
                     | CPD_STATE_BIT (CPD_CONTAINER_STOPPING))

/* How many use it now, with CHANGE more of them. */
static int
count (CpdEngine *engine, const char *id, int change)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&engine->mutex);
  int users = GPOINTER_TO_INT (g_hash_table_lookup (engine->borrowed, id)) + change;

  if (users > 0)
    g_hash_table_insert (engine->borrowed, g_strdup (id), GINT_TO_POINTER (users));
  else
    g_hash_table_remove (engine->borrowed, id);
  return users;
}

gboolean
cpd_engine_root_is_borrowed (CpdEngine *engine, const char *id)
{
  return count (engine, id, 0) > 0;
}

/* -1 when there is no process whose root it could be. */
static int
open_in_namespace (const CpdContainerRow *row)
{
  const CpdContainerStatus *status = &row->status;
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/root", status->pid);
  cpd_autofd int fd = -1;

  if ((HAS_PROCESS & CPD_STATE_BIT (status->state)) == 0)
    return -1;
  fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* Had it ended before, this could be anybody's. */
  return cpd_process_is ((pid_t) status->pid, status->pid_start) ? g_steal_fd (&fd) : -1;
}

static int
open_mount (CpdEngine *engine, const CpdContainerRow *row, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, row->id);
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    cpd_set_error_errno (error, errno, "failed to open the root of container %s", row->name);
  return fd;
}

int
cpd_engine_borrow_root_locked (CpdEngine *engine, const CpdContainerRow *row, gboolean in_namespace, GError **error)
{
  int fd = -1;

  if (cpd_engine_needs_refresh (engine, row->id) && !cpd_engine_refresh_locked (engine, row, error))
    return -1;
  /* Even if something runs: should it be started anew meanwhile, this is what its root will be made of. */
  count (engine, row->id, 1);
  if (cpd_engine_make_mount (engine, row, error))
    {
      fd = in_namespace ? open_in_namespace (row) : -1;
      fd = fd >= 0 ? fd : open_mount (engine, row, error);
    }
  if (fd < 0)
    cpd_engine_return_root_locked (engine, row->id);
  return fd;
}

void
cpd_engine_return_root_locked (CpdEngine *engine, const char *id)
{
  g_autoptr(GError) error = NULL;
  guint mounts = 0;

  if (count (engine, id, -1) > 0)
    return;
  if (!cpd_store_get_mounts (engine->store, id, &mounts, &error)
      || (mounts == 0 && !cpd_engine_drop_mount (engine, id, &error)))
    cpd_log_container (G_LOG_LEVEL_MESSAGE, id, "failed to unmount the root of container %s: %s", id, error->message);
}

int
cpd_engine_borrow_root (CpdEngine *engine, const char *id, gboolean in_namespace, const char *operation, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, operation);
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, NOT_REMOVING, operation, error);

  return row != NULL ? cpd_engine_borrow_root_locked (engine, row, in_namespace, error) : -1;
}

void
cpd_engine_return_root (CpdEngine *engine, const char *id)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "unmount");

  cpd_engine_return_root_locked (engine, id);
}
