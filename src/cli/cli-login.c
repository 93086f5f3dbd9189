/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <unistd.h>

#include "cli/cli.h"

/* What both verbs take from the command line. */
typedef struct
{
  char *authfile;
  char *username;
  char *password;
  char *tls_verify;
  gboolean password_stdin;
  gboolean get_login;
  gboolean all;
} Options;

static void
options_clear (Options *options)
{
  g_clear_pointer (&options->authfile, g_free);
  g_clear_pointer (&options->username, g_free);
  g_clear_pointer (&options->password, g_free);
  g_clear_pointer (&options->tls_verify, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static void
add (GPtrArray  *words,
     const char *option,
     const char *value)
{
  if (value != NULL)
    g_ptr_array_add (words, g_strconcat (option, value, NULL));
}

/* skopeo keeps credentials where podman, and we, look for them; it asks for the password and tries it out. It takes
 * our place, so that the terminal is its. Comes back only when that fails. */
static int
become_skopeo (const char    *verb,
               const Options *options,
               char         **arguments)
{
  g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

  add (words, "", "skopeo");
  add (words, "", verb);
  add (words, "--authfile=", options->authfile);
  add (words, "--username=", options->username);
  add (words, "--password=", options->password);
  add (words, "--tls-verify=", options->tls_verify);
  add (words, "", options->password_stdin ? "--password-stdin" : NULL);
  add (words, "", options->get_login ? "--get-login" : NULL);
  add (words, "", options->all ? "--all" : NULL);
  add (words, "", "--");
  for (char **argument = arguments; *argument != NULL; argument++)
    add (words, "", *argument);
  g_ptr_array_add (words, NULL);

  execvp ("skopeo", (char **) words->pdata);
  return cli_fail (_("failed to run %s: %s"), "skopeo", g_strerror (errno));
}

int
cli_login (CliApp        *app,
           const CliVerb *verb,
           int            argc,
           char         **argv)
{
  g_auto(Options) options = { NULL };
  int status;
  const GOptionEntry entries[] = {
    { "authfile", 0, 0, G_OPTION_ARG_FILENAME, &options.authfile, N_("Keep credentials in this file"), N_("FILE") },
    { "get-login", 0, 0, G_OPTION_ARG_NONE, &options.get_login, N_("Print who is logged in"), NULL },
    { "password", 'p', 0, G_OPTION_ARG_STRING, &options.password, N_("Password; others may see it"), N_("PASSWORD") },
    { "password-stdin", 0, 0, G_OPTION_ARG_NONE, &options.password_stdin, N_("Read the password from standard input"),
      NULL },
    { "tls-verify", 0, 0, G_OPTION_ARG_STRING, &options.tls_verify, N_("Whether a registry must prove who it is"),
      N_("BOOL") },
    { "username", 'u', 0, G_OPTION_ARG_STRING, &options.username, N_("Name of the user"), N_("USER") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc != 2)
    return cli_fail (_("a registry must be given"));

  return become_skopeo ("login", &options, argv + 1);
}

int
cli_logout (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  g_auto(Options) options = { NULL };
  int status;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &options.all, N_("Forget the credentials for all registries"), NULL },
    { "authfile", 0, 0, G_OPTION_ARG_FILENAME, &options.authfile, N_("Forget what is in this file"), N_("FILE") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc != (options.all ? 1 : 2))
    return cli_fail (_("a registry must be given, or --all"));

  return become_skopeo ("logout", &options, argv + 1);
}
