/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/cpd-notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cpd-fs.h"

/* The protocol of sd_notify(3): one datagram to the socket that the environment names. */

static char *notify_socket;
static gint64 watchdog_us;

/*
 * Takes the socket out of the environment, before there are threads: what the
 * service runs would speak for it otherwise, and OCI runtimes even hand the
 * socket on into containers.
 */
void
cpd_notify_init (void)
{
  const char *usec = g_getenv ("WATCHDOG_USEC"), *pid = g_getenv ("WATCHDOG_PID");

  notify_socket = g_strdup (g_getenv ("NOTIFY_SOCKET"));
  if (usec != NULL && (pid == NULL || g_ascii_strtoll (pid, NULL, 10) == getpid ()))
    watchdog_us = g_ascii_strtoll (usec, NULL, 10);
  g_unsetenv ("NOTIFY_SOCKET");
  g_unsetenv ("WATCHDOG_USEC");
  g_unsetenv ("WATCHDOG_PID");
}

gboolean
cpd_notify_is_wanted (void)
{
  return notify_socket != NULL;
}

gint64
cpd_notify_get_watchdog (void)
{
  return notify_socket != NULL ? MAX (watchdog_us, 0) : 0;
}

static void
send_state (const char *state, int flags)
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
  if (fd < 0 || sendto (fd, state, strlen (state), MSG_NOSIGNAL | flags, (struct sockaddr *) &address,
                        (socklen_t) (offsetof (struct sockaddr_un, sun_path) + length)) < 0)
    g_message ("failed to tell %s: %s", notify_socket, g_strerror (errno));
}

void
cpd_notify (const char *state)
{
  send_state (state, 0);
}

void
cpd_notify_again (const char *state)
{
  send_state (state, MSG_DONTWAIT);
}

void
cpd_notify_status (const char *format, ...)
{
  g_autofree char *text = NULL, *state = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  /* A line end would begin another assignment. */
  state = g_strconcat ("STATUS=", g_strdelimit (text, "\n", ' '), NULL);
  cpd_notify_again (state);
}
