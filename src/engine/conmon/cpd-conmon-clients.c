/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/conmon/cpd-conmon-clients.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-process.h"

#define ACCEPT_WAIT_US (2 * G_USEC_PER_SEC)
#define ACCEPT_LOOK_US 500

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

/* Asks the kernel for what the socket with this inode is connected to, see sock_diag(7). */
static gboolean
ask_for_peer (int netlink, guint32 inode)
{
  const struct
  {
    struct nlmsghdr header;
    struct unix_diag_req body;
  } request = {
    .header = { .nlmsg_len = sizeof request, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
    .body = {
      .sdiag_family = AF_UNIX, .udiag_states = ~0u, .udiag_ino = inode, .udiag_show = UDIAG_SHOW_PEER,
      .udiag_cookie = { ~0u, ~0u },
    },
  };

  return send (netlink, &request, sizeof request, 0) == sizeof request;
}

/* A socket that nobody has accepted yet has no inode. FALSE only when the kernel says so. */
static gboolean
is_accepted (int netlink, guint32 inode)
{
  struct
  {
    struct nlmsghdr header;
    struct unix_diag_msg body;
    guint8 attributes[512];
  } reply;
  ssize_t length;

  if (!ask_for_peer (netlink, inode))
    return TRUE;
  length = recv (netlink, &reply, sizeof reply, 0);
  if (length < (ssize_t) G_STRUCT_OFFSET (__typeof__ (reply), attributes)
      || reply.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
    return TRUE;
  length -= (ssize_t) G_STRUCT_OFFSET (__typeof__ (reply), attributes);
  for (struct rtattr *attribute = (struct rtattr *) reply.attributes; RTA_OK (attribute, length);
       attribute = RTA_NEXT (attribute, length))
    if (attribute->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD (attribute) == sizeof (guint32))
      {
        guint32 peer;

        memcpy (&peer, RTA_DATA (attribute), sizeof peer);
        return peer != 0;
      }
  return TRUE;
}

void
cpd_conmon_await_accepted (int fd)
{
  cpd_autofd int netlink = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  gint64 deadline = g_get_monotonic_time () + ACCEPT_WAIT_US;
  struct stat info;

  if (netlink < 0 || fstat (fd, &info) < 0)
    return;
  while (!is_accepted (netlink, (guint32) info.st_ino) && g_get_monotonic_time () < deadline)
    g_usleep (ACCEPT_LOOK_US);
}
