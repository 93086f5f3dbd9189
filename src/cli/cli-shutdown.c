/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

#define BUS_DAEMON "org.freedesktop.DBus"
#define BUS_DAEMON_PATH "/org/freedesktop/DBus"

/* Whether a service runs; asking the service itself would start one. */
static gboolean
is_running (CliApp *app)
{
  g_autoptr(GVariant) reply = NULL;
  const char *bus_name = cpod_client_get_bus_name (app->client);
  gboolean owned = TRUE;

  if (bus_name == NULL)
    return TRUE;

  reply = g_dbus_connection_call_sync (cpod_client_get_connection (app->client), BUS_DAEMON, BUS_DAEMON_PATH,
                                       BUS_DAEMON, "NameHasOwner", g_variant_new ("(s)", bus_name),
                                       G_VARIANT_TYPE ("(b)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
  if (reply != NULL)
    g_variant_get (reply, "(b)", &owned);

  return owned;
}

static void
owner_changed (GDBusConnection *connection,
               const char      *sender_name,
               const char      *object_path,
               const char      *interface_name,
               const char      *signal_name,
               GVariant        *parameters,
               gpointer         user_data)
{
  const char *old_owner;

  g_variant_get_child (parameters, 1, "&s", &old_owner);
  *(gboolean *) user_data = old_owner[0] != '\0';
}

static void
watch_owner (CliApp   *app,
             gboolean *gone)
{
  const char *bus_name = cpod_client_get_bus_name (app->client);

  if (bus_name != NULL)
    g_dbus_connection_signal_subscribe (cpod_client_get_connection (app->client), BUS_DAEMON, BUS_DAEMON,
                                        "NameOwnerChanged", BUS_DAEMON_PATH, bus_name, G_DBUS_SIGNAL_FLAGS_NONE,
                                        owner_changed, gone, NULL);
}

/* The reply comes a moment before the end. */
static void
wait_for_end (CliApp   *app,
              gboolean *gone)
{
  GDBusConnection *connection = cpod_client_get_connection (app->client);

  while (cpod_client_get_bus_name (app->client) != NULL && !*gone && !g_dbus_connection_is_closed (connection))
    g_main_context_iteration (NULL, TRUE);
}

/* Ids of what was stopped, and what went wrong. */
static int
print_outcome (GVariant *reply)
{
  g_autofree const char **stopped = NULL;
  g_autoptr(GVariantIter) errors = NULL;
  const char *id;
  const char *message;
  int status = EXIT_SUCCESS;

  g_variant_get (reply, "(^a&sa{ss})", &stopped, &errors);
  for (const char **s = stopped; *s != NULL; s++)
    puts (*s);

  while (g_variant_iter_next (errors, "{&s&s}", &id, &message))
    status = cli_fail ("%s: %s", id, message);

  return status;
}

static int
shut_down (CliApp  *app,
           gboolean force,
           int      timeout)
{
  g_auto(GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;
  gboolean gone = FALSE;

  if (cli_connect (app, &error) == NULL)
    return cli_fail_error (error);

  /* Containers run without the service too: only when they are to be stopped is it needed. */
  if (!force && !is_running (app))
    return EXIT_SUCCESS;

  watch_owner (app, &gone);
  if (force)
    g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
  if (timeout >= 0)
    g_variant_builder_add (&options, "{sv}", "timeout", g_variant_new_uint32 (timeout));

  /* The bus tells of its own start of the service as well. */
  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "Shutdown",
                    g_variant_new ("(@a{sv})", g_variant_builder_end (&options)), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  wait_for_end (app, &gone);
  return print_outcome (reply);
}

int
cli_system_shutdown (CliApp        *app,
                     const CliVerb *verb,
                     int            argc,
                     char         **argv)
{
  gboolean force = FALSE;
  int timeout = -1;
  int status;
  const GOptionEntry entries[] = {
    { "force", 'f', 0, G_OPTION_ARG_NONE, &force, N_("Stop all containers first"), NULL },
    { "time", 't', 0, G_OPTION_ARG_INT, &timeout, N_("Time between the stop signal and SIGKILL"), N_("SECONDS") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc > 1)
    return cli_fail (_("unexpected argument \"%s\""), argv[1]);

  return shut_down (app, force, timeout);
}
