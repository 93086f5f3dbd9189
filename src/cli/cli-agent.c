/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define AGENT "pkttyagent"

/* Of the agent's process, which tells that it is registered by closing what it was given for that. */
#define NOTIFY_FD 3
#define REGISTER_MS (10 * 1000)
#define SESSION_MS (10 * 1000)

/* What the handler of signals has to know. */
static struct
{
  volatile GPid agent;
  struct termios before;
} terminal;

/* Root is never asked, nor is anybody by a service of one's own. */
static gboolean
is_needed (CliApp *app)
{
  return terminal.agent == 0 && geteuid () != 0 && !app->private_peer && app->bus_type == G_BUS_TYPE_SYSTEM
         && isatty (STDIN_FILENO) && isatty (STDERR_FILENO);
}

/* The session that polkit would go by: the command's own, or that of its user at a screen. */
static gboolean
is_in_session (CliApp *app)
{
  g_autoptr(GVariant) session
    = g_dbus_connection_call_sync (cpod_client_get_connection (app->client), "org.freedesktop.login1",
                                   "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "GetSession",
                                   g_variant_new ("(s)", "auto"), G_VARIANT_TYPE ("(o)"),
                                   G_DBUS_CALL_FLAGS_NO_AUTO_START, SESSION_MS, NULL, NULL);

  return session != NULL;
}

static void
wait_until_registered (int fd)
{
  struct pollfd poll_fd = { fd, POLLIN, 0 };
  char byte;

  while (poll (&poll_fd, 1, REGISTER_MS) > 0 && read (fd, &byte, 1) > 0)
    continue;
}

/* The agent hides what is typed when it asks for a password. Other programs at the terminal (a pager) do more than that,
 * and theirs is left alone. */
static void
restore_echo (void)
{
  struct termios now;

  if (tcgetattr (STDIN_FILENO, &now) != 0 || (now.c_lflag & (ECHO | ICANON)) != ICANON)
    return;

  if ((terminal.before.c_lflag & ECHO) != 0 && tcgetpgrp (STDIN_FILENO) == getpgrp ())
    tcsetattr (STDIN_FILENO, TCSADRAIN, &terminal.before);
}

static void
end_agent (void)
{
  kill (terminal.agent, SIGTERM);
  kill (terminal.agent, SIGCONT);
  while (waitpid (terminal.agent, NULL, 0) < 0 && errno == EINTR)
    continue;
  terminal.agent = 0;
  restore_echo ();
}

/* The agent gets a signal of the terminal, too, but it cannot be relied on to leave the terminal as it was: it begins to
 * ask before it has looked how that is. */
static void
on_signal (int number)
{
  if (terminal.agent != 0)
    end_agent ();
  signal (number, SIG_DFL);
  raise (number);
}

static void
watch_signals (void)
{
  const int numbers[] = { SIGINT, SIGQUIT, SIGTERM };
  struct sigaction action = { .sa_handler = on_signal };
  struct sigaction present;

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      if (sigaction (numbers[i], NULL, &present) == 0 && present.sa_handler == SIG_DFL)
        sigaction (numbers[i], &action, NULL);
    }
}

/* In the agent's process, which has to end by SIGTERM, though the command may take in its signals by a descriptor, and be
 * killed itself. */
static void
set_up_agent (gpointer user_data G_GNUC_UNUSED)
{
  sigset_t none;

  prctl (PR_SET_PDEATHSIG, SIGTERM);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

void
cli_agent_begin (CliApp *app)
{
  const char *argv[] = { AGENT, "--notify-fd", G_STRINGIFY (NOTIFY_FD), NULL, NULL };
  int source, target = NOTIFY_FD;
  int pipe_fds[2];
  GPid pid = 0;

  if (!is_needed (app) || tcgetattr (STDIN_FILENO, &terminal.before) != 0 || pipe2 (pipe_fds, O_CLOEXEC) != 0)
    return;

  /* Another agent of the session goes first. Where there is none, polkit 122 would not ask an agent of this kind at all. */
  if (is_in_session (app))
    argv[G_N_ELEMENTS (argv) - 2] = "--fallback";
  source = pipe_fds[1];
  watch_signals ();
  if (g_spawn_async_with_pipes_and_fds (NULL, argv, NULL,
                                        G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN,
                                        set_up_agent, NULL, -1, -1, -1, &source, &target, 1, &pid, NULL, NULL, NULL,
                                        NULL))
    terminal.agent = pid;
  close (pipe_fds[1]);
  if (terminal.agent != 0)
    wait_until_registered (pipe_fds[0]);
  close (pipe_fds[0]);
}

void
cli_agent_end (void)
{
  if (terminal.agent != 0)
    end_agent ();
}
