/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "config.h"
#include "daemon/cpd-log.h"
#include "daemon/cpd-notify.h"
#include "daemon/cpd-service.h"

/*
 * Each thread would otherwise get a heap of its own, which stays after it:
 * workers allocate little, so they can share two.
 */
#define MAX_HEAPS 2

static gboolean
check_options (const CpdServiceOptions *options, GError **error)
{
  if (options->root != NULL && !g_path_is_absolute (options->root))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--root must be an absolute path, not '%s'", options->root);
      return FALSE;
    }
  if (options->peer != -1 && options->session)
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                           "--peer and --session exclude each other");
      return FALSE;
    }
  if (options->peer != -1 && fcntl (options->peer, F_SETFD, FD_CLOEXEC) < 0)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--peer: %d is no open descriptor", options->peer);
      return FALSE;
    }
  return TRUE;
}

int
main (int argc, char **argv)
{
  CpdServiceOptions options = { .peer = -1 };
  gboolean verbose = FALSE, version = FALSE;
  g_autofree char *root = NULL;
  const GOptionEntry entries[] = {
    { "root", 0, 0, G_OPTION_ARG_FILENAME, &root, "Keep all state below DIR", "DIR" },
    { "session", 0, 0, G_OPTION_ARG_NONE, &options.session, "Serve the session bus", NULL },
    { "peer", 0, 0, G_OPTION_ARG_INT, &options.peer, "Serve one client on a socket, without a bus", "FD" },
    { "verbose", 0, 0, G_OPTION_ARG_NONE, &verbose, "Log more", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Show the version", NULL },
    { NULL }
  };
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_autoptr(GError) error = NULL;

  mallopt (M_ARENA_MAX, MAX_HEAPS);
  cpd_notify_init ();
  umask (022);
  signal (SIGPIPE, SIG_IGN);    /* a client that closes its end of a pipe is no reason to die */

  g_option_context_set_summary (context, "The container engine cpod as a D-Bus service.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("cpodd: %s\n", error->message);
      return 2;
    }
  options.root = root;
  if (argc > 1 || !check_options (&options, &error))
    {
      g_printerr ("cpodd: %s\n", argc > 1 ? "there are no arguments but options" : error->message);
      return 2;
    }
  if (version)
    {
      printf ("cpodd %s\n", CPD_VERSION);
      return 0;
    }
  cpd_log_init (verbose, options.peer != -1);
  return cpd_service_run (&options);
}
