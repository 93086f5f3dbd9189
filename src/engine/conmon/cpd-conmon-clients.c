/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/conmon/cpd-conmon-clients.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-process.h"

/*
 * The sockets are conmon's own. Keeping copies of the ends that clients get
 * would be simpler, but then conmon would not see when a client is gone: the
 * container's input would never end, and its output would fill a socket that
 * nobody reads. It would not help either after a restart of the service.
 */

static int
get_option (int fd, int option)
{
  int value = -1;
  socklen_t length = sizeof value;

  return getsockopt (fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

/* Only its streams are of this kind, and the one that listens has no client. */
static gboolean
is_client (int fd)
{
  return get_option (fd, SO_DOMAIN) == AF_UNIX && get_option (fd, SO_TYPE) == SOCK_SEQPACKET
         && get_option (fd, SO_ACCEPTCONN) == 0;
}

gboolean
cpd_conmon_drop_clients (pid_t pid, gint64 start_time, GError **error)
{
  cpd_autofd int process = cpd_process_open (pid, start_time);
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", (int) pid);
  g_autoptr(GPtrArray) names = NULL;

  if (process < 0)
    return TRUE;
  names = cpd_fs_list_dir (path, error);
  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    {
      cpd_autofd int fd = (int) syscall (SYS_pidfd_getfd, process, atoi (names->pdata[i]), 0);

      if (fd < 0 && errno != EBADF && errno != ESRCH)
        {
          cpd_set_error_errno (error, errno, "failed to get descriptor %s of process %d",
                               (const char *) names->pdata[i], (int) pid);
          return FALSE;
        }
      if (fd >= 0 && is_client (fd))
        shutdown (fd, SHUT_WR);
    }
  return TRUE;
}
