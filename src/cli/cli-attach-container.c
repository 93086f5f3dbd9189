/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>

#include "cli/cli-attach.h"
#include "cli/cli-json.h"

static gboolean
read_flag (GVariant   *object,
           const char *part,
           const char *key)
{
  g_autoptr(GVariant) members = g_variant_lookup_value (object, part, G_VARIANT_TYPE_VARDICT);
  gboolean flag = FALSE;

  if (members != NULL)
    g_variant_lookup (members, key, "b", &flag);
  return flag;
}

/* How the container was made decides how it is shown: TTY tells whether it has a terminal. */
static gboolean
ask (CliAttach         *attach,
     const char        *path,
     CliAttachOptions  *options,
     gboolean          *tty,
     GError           **error)
{
  g_autoptr(GVariant) reply = cli_attach_call (attach, path, CLI_CONTAINER, "Inspect",
                                               g_variant_new ("(@a{sv})", cli_no_options ()), NULL, error);
  g_autoptr(GVariant) object = NULL;
  const char *json;

  if (reply == NULL)
    return FALSE;

  g_variant_get (reply, "(&s)", &json);
  object = cli_json_parse (json, error);
  if (object == NULL)
    return FALSE;

  *tty = read_flag (object, "Config", "Tty");
  options->until_removed = read_flag (object, "HostConfig", "AutoRemove");
  options->with_input &= *tty || read_flag (object, "Config", "OpenStdin");
  return TRUE;
}

static int
report_failure (CliAttach *attach,
                GError    *error)
{
  return cli_attach_signal (attach) != 0 ? 128 + cli_attach_signal (attach) : cli_fail_error (error);
}

int
cli_attach_container (CliApp              *app,
                      const char          *name,
                      const CliForeground *foreground)
{
  CliAttachOptions options = { .with_input = foreground->interactive, .ignore_signals = !foreground->sig_proxy };
  g_autoptr(CliAttach) attach = cli_attach_new (app);
  g_autoptr(CliTerminal) terminal = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *path = cli_find_container (app, name, &error);
  gboolean tty = FALSE;
  gboolean done;
  int exit_code;

  if (path == NULL || !ask (attach, path, &options, &tty, &error))
    return report_failure (attach, error);

  if (tty)
    {
      terminal = cli_terminal_new (app, foreground->detach_keys, &error);
      if (terminal == NULL)
        return cli_fail_error (error);
    }

  options.terminal = terminal;
  if (foreground->start)
    done = cli_attach_run (attach, path, &options, &exit_code, &error);
  else
    done = cli_attach_join (attach, path, &options, &exit_code, &error);
  if (done)
    return exit_code & 0xff;

  g_clear_pointer (&terminal, cli_terminal_free);       /* the message needs an orderly one */
  return report_failure (attach, error);
}

static int
attach_to (CliApp     *app,
           const char *name,
           gpointer    user_data)
{
  return cli_attach_container (app, name, user_data);
}

int
cli_attach (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  CliForeground foreground = { .interactive = TRUE, .sig_proxy = TRUE };
  g_autofree char *keys = NULL;
  int status;
  const GOptionEntry entries[] = {
    CLI_FOREGROUND_ENTRIES (&keys, &foreground.sig_proxy),
    { "no-stdin", 0, G_OPTION_FLAG_REVERSE, G_OPTION_ARG_NONE, &foreground.interactive,
      N_("Do not pass on standard input"), NULL },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc != 2 - app->latest)
    return cli_fail (_("exactly one container can be attached to"));

  foreground.detach_keys = keys;
  return cli_for_each (app, argv, attach_to, &foreground);
}
