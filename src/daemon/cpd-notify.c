/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/cpd-notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/cpd-fs.h"

/* The protocol of sd_notify(3): one datagram to the socket that the environment names. */

static char *notify_socket;

/*
 * Takes the socket out of the environment, before there are threads: what the
 * service runs would speak for it otherwise, and OCI runtimes even hand the
 * socket on into containers.
 */
void
cpd_notify_init (void)
{
  notify_socket = g_strdup (g_getenv ("NOTIFY_SOCKET"));
  g_unsetenv ("NOTIFY_SOCKET");
}

void
cpd_notify (const char *state)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  cpd_autofd int fd = -1;
  gsize length;

  if (notify_socket == NULL || (*notify_socket != '/' && *notify_socket != '@'))
    return;
  length = strlen (notify_socket);
  if (length >= sizeof address.sun_path)
    return;
  memcpy (address.sun_path, notify_socket, length);
  if (*notify_socket == '@')
    address.sun_path[0] = '\0';

  fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || sendto (fd, state, strlen (state), MSG_NOSIGNAL, (struct sockaddr *) &address,
                        (socklen_t) (offsetof (struct sockaddr_un, sun_path) + length)) < 0)
    g_message ("failed to tell %s: %s", notify_socket, g_strerror (errno));
}
