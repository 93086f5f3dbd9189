/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/exec/cpd-exec-streams.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "public/cpod-error.h"

const char *const cpd_stream_names[CPD_N_STREAMS] = { "stdin", "stdout", "stderr" };

/* Nobody else has to do with it: neither a named pipe nor a file is among these. */
static gboolean
is_anonymous (int fd, const struct stat *info)
{
  struct statfs where;

  return S_ISSOCK (info->st_mode) || (S_ISFIFO (info->st_mode) && fstatfs (fd, &where) == 0 && where.f_type == PIPEFS_MAGIC);
}

static gboolean
is_null (const struct stat *info)
{
  struct stat null;

  return S_ISCHR (info->st_mode) && stat ("/dev/null", &null) == 0 && null.st_rdev == info->st_rdev;
}

/* Root, and whom the service runs as, could do by themselves all that a process can do with what they hand to it. */
static gboolean
is_trusted (uid_t caller)
{
  return caller == 0 || caller == geteuid ();
}

/*
 * What somebody else hands in lends that caller no rights of the process. Who
 * owns a file may open it anew, by /proc/self/fd, for what it was not opened
 * for; and through a socket a directory of the host can follow.
 */
static const char *
find_lent (int fd, const struct stat *info, uid_t caller)
{
  if (S_ISSOCK (info->st_mode))
    return "it is a socket, through which descriptors of the host could follow: use a pipe";
  if (!is_anonymous (fd, info) && !is_null (info) && info->st_uid != caller)
    return "it does not belong to the caller: use a pipe";
  return NULL;
}

/*
 * The OCI runtime gives the standard streams to the user of the process, so
 * what is not that user's already must be nothing that has an owner to others.
 * A terminal would let the container type on it, and by a directory, or what
 * was opened as a mere path, it would get out of its root.
 */
static const char *
find_fault (int fd, uid_t uid, uid_t caller)
{
  int flags = fcntl (fd, F_GETFL);
  struct stat info;

  if (flags < 0 || fstat (fd, &info) < 0)
    return g_strerror (errno);
  if ((flags & O_PATH) != 0 || S_ISDIR (info.st_mode))
    return "nothing can be read from it or written to it";
  if (isatty (fd))
    return "it is a terminal, which is not handed to containers: use the option 'tty' of Exec";
  if (!is_anonymous (fd, &info) && !is_null (&info) && info.st_uid != uid)
    return "it belongs to another user than the process is to have: use a pipe or a socket";
  return is_trusted (caller) ? NULL : find_lent (fd, &info, caller);
}

gboolean
cpd_exec_streams_check (const CpdStreams *streams, uid_t uid, uid_t caller, GError **error)
{
  for (gsize i = 0; i < CPD_N_STREAMS; i++)
    {
      const char *fault = streams->fd[i] >= 0 ? find_fault (streams->fd[i], uid, caller) : NULL;

      if (fault != NULL)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "option '%s': %s", cpd_stream_names[i], fault);
          return FALSE;
        }
    }
  return TRUE;
}
