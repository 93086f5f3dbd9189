/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

/*
 * Removing containers is the way out of a full disk, and needs room for a few
 * records itself; so does the end of a container that has filled the disk.
 * That room is kept in a file.
 */
#define RESERVE_SIZE (1024 * 1024)

static char *
reserve_path (CpdEngine *engine)
{
  return g_build_filename (engine->config->static_dir, "reserve", NULL);
}

/* Without the room for it there is none, until something was removed. */
void
cpd_engine_fill_reserve (CpdEngine *engine)
{
  g_autofree char *path = reserve_path (engine);
  cpd_autofd int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  int failure;

  if (fd < 0)
    return;                     /* it is there */
  failure = posix_fallocate (fd, 0, RESERVE_SIZE);
  if (failure == 0)
    return;
  unlink (path);
  g_info ("failed to reserve %d bytes: %s", RESERVE_SIZE, g_strerror (failure));
}

/* Whether ERROR was a full disk and there is room now, so that trying again makes sense. */
gboolean
cpd_engine_use_reserve (CpdEngine *engine, const GError *error)
{
  g_autofree char *path = reserve_path (engine);

  return g_error_matches (error, CPOD_ERROR, CPOD_ERROR_DISK_FULL) && unlink (path) == 0;
}
