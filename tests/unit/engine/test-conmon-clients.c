/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "engine/conmon/cpd-conmon-clients.h"

typedef struct
{
  int listener;
  int accepted;                 /* (owned), or -1 */
  gint done;                    /* atomic */
} Monitor;

/* In no hurry. */
static gpointer
accept_one (gpointer data)
{
  Monitor *monitor = data;

  g_usleep (G_USEC_PER_SEC / 10);
  g_atomic_int_set (&monitor->done, TRUE);
  monitor->accepted = accept (monitor->listener, NULL, NULL);
  return NULL;
}

static int
connect_to (const struct sockaddr_un *address)
{
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  g_assert_no_errno (connect (fd, (const struct sockaddr *) address, sizeof *address));
  return fd;
}

static void
test_await_accepted (void)
{
  Monitor monitor = { .listener = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), .accepted = -1 };
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *directory = g_dir_make_tmp ("cpod-XXXXXX", NULL);
  GThread *thread;
  int first, second;

  g_snprintf (address.sun_path, sizeof address.sun_path, "%s/attach", directory);
  g_assert_no_errno (bind (monitor.listener, (const struct sockaddr *) &address, sizeof address));
  g_assert_no_errno (listen (monitor.listener, 10));
  first = connect_to (&address);
  thread = g_thread_new ("monitor", accept_one, &monitor);
  cpd_conmon_await_accepted (first);
  g_assert_true (g_atomic_int_get (&monitor.done));
  g_thread_join (thread);

  /* The other one is not taken for the first, nor waited for without an end. */
  cpd_conmon_await_accepted (first);
  second = connect_to (&address);
  cpd_conmon_await_accepted (second);

  close (first);
  close (second);
  close (monitor.accepted);
  close (monitor.listener);
  unlink (address.sun_path);
  rmdir (directory);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/conmon-clients/await-accepted", test_await_accepted);
  return g_test_run ();
}
