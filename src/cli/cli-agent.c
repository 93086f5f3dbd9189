/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT "pkttyagent"

/* Of the agent's process, which tells that it is registered by closing what it was given for that. */
#define NOTIFY_FD 3
#define REGISTER_MS (10 * 1000)

/* Root is never asked, nor is anybody by a service of one's own. */
static gboolean
is_needed (CliApp *app)
{
  return app->agent == 0 && geteuid () != 0 && !app->private_peer && app->bus_type == G_BUS_TYPE_SYSTEM
         && isatty (STDIN_FILENO) && isatty (STDERR_FILENO);
}

static void
wait_until_registered (int fd)
{
  struct pollfd poll_fd = { fd, POLLIN, 0 };
  char byte;

  while (poll (&poll_fd, 1, REGISTER_MS) > 0 && read (fd, &byte, 1) > 0)
    continue;
}

void
cli_agent_begin (CliApp *app)
{
  const char *const argv[] = { AGENT, "--notify-fd", G_STRINGIFY (NOTIFY_FD), "--fallback", NULL };
  int source, target = NOTIFY_FD;
  int pipe_fds[2];
  GPid pid = 0;

  if (!is_needed (app) || pipe2 (pipe_fds, O_CLOEXEC) != 0)
    return;

  source = pipe_fds[1];
  if (g_spawn_async_with_pipes_and_fds (NULL, argv, NULL,
                                        G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN,
                                        NULL, NULL, -1, -1, -1, &source, &target, 1, &pid, NULL, NULL, NULL, NULL))
    app->agent = pid;
  close (pipe_fds[1]);
  if (app->agent != 0)
    wait_until_registered (pipe_fds[0]);
  close (pipe_fds[0]);
}

void
cli_agent_end (CliApp *app)
{
  if (app->agent == 0)
    return;

  kill (app->agent, SIGTERM);
  kill (app->agent, SIGCONT);
  waitpid (app->agent, NULL, 0);
  app->agent = 0;
}
