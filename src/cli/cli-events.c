/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli-event-rows.h"
#include "cli/cli-filters.h"
#include "cli/cli-text.h"

/* A number below this is a sequence number, one above it seconds since the epoch. */
#define FIRST_TIME G_GINT64_CONSTANT (1000000000)

/* Signals only wake us: what is shown comes from GetEvents, from the number up
 * to which all was shown. So nothing is lost or told twice, whatever happens
 * to signals and service in between. */
typedef struct
{
  CliApp *app;
  gboolean no_stream;
  gboolean trunc;
  gboolean stream;
  char *since;
  char *until;
  char *format;
  char **filters;

  CliEventPrinter *printer;
  guint64 last;
  gint64 from_time;
  gint64 until_time;
  gboolean woken;
  gboolean ended;
} Events;

/* A container is known by its id whatever its name was at the time; one that has gone by what it is called here. */
static char *
resolve_container (CliApp     *app,
                   const char *name)
{
  g_autofree char *path = cli_find_container (app, name, NULL);

  return g_strconcat ("container=", path != NULL ? strrchr (path, '/') + 1 : name, NULL);
}

/* Filters that stand for something else: podman knows all of these. */
static gboolean
resolve_filter (Events *events,
                char  **filter)
{
  char **time = g_str_has_prefix (*filter, "since=") ? &events->since
                : g_str_has_prefix (*filter, "until=") ? &events->until : NULL;
  char *resolved = NULL;

  if (time != NULL)
    {
      g_free (*time);
      *time = g_strdup (strchr (*filter, '=') + 1);
      return FALSE;
    }

  if (g_str_has_prefix (*filter, "container="))
    resolved = resolve_container (events->app, *filter + strlen ("container="));
  else if (g_str_equal (*filter, "event=die") || g_str_equal (*filter, "status=die"))
    resolved = g_strdup ("event=died");

  if (resolved != NULL)
    {
      g_free (*filter);
      *filter = resolved;
    }

  return TRUE;
}

/* Takes out those that are no filters of the service's. */
static void
resolve_filters (Events *events)
{
  guint kept = 0;

  for (guint i = 0; events->filters != NULL && events->filters[i] != NULL; i++)
    {
      char *filter = g_steal_pointer (&events->filters[i]);

      if (resolve_filter (events, &filter))
        events->filters[kept++] = filter;
      else
        g_free (filter);
    }

  if (events->filters != NULL)
    events->filters[kept] = NULL;
}

static GVariant *
make_options (Events  *events,
              GError **error)
{
  static const CliFilter known[] = {
    { "type", "type" }, { "event", "status" }, { "status", "status" }, { "id", "id" }, { "name", "name" },
    { "container", "container" }, { "image", "image" }, { "label", "label" },
  };
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (!cli_filters_add (&builder, known, G_N_ELEMENTS (known), events->filters, error))
    return NULL;

  cli_add_namespace (events->app, &builder);
  if (events->from_time > 0)
    g_variant_builder_add (&builder, "{sv}", "from-time", g_variant_new_uint64 (events->from_time));
  if (events->until_time > 0)
    g_variant_builder_add (&builder, "{sv}", "until-time", g_variant_new_uint64 (events->until_time));

  return g_variant_builder_end (&builder);
}

/* Asks once and shows what comes; gives how many events that were, -1 on an error. */
static gssize
show_page (Events  *events,
           GError **error)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) list = NULL;
  GVariant *options = make_options (events, error);
  gboolean gap;
  gsize n;

  if (options != NULL)
    reply = cli_call (events->app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "GetEvents",
                      g_variant_new ("(t@a{sv})", events->last, options), error);
  if (reply == NULL)
    return -1;

  g_variant_get (reply, "(@aa{sv}tb)", &list, &events->last, &gap);
  if (gap)
    fprintf (stderr, "%s\n", _("Warning: events before these are gone from the record"));

  n = g_variant_n_children (list);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) event = g_variant_get_child_value (list, i);

      if (!cli_event_printer_print (events->printer, event, error))
        return -1;
    }

  fflush (stdout);
  return n;
}

static gboolean
show_all (Events  *events,
          GError **error)
{
  gssize n;

  do
    n = show_page (events, error);
  while (n > 0);

  return n == 0;
}

/* Nothing is older than the first microsecond, so this tells no events, but their last number. */
static gboolean
find_last (Events  *events,
           GError **error)
{
  g_autoptr(GVariant) reply = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "until-time", g_variant_new_uint64 (1));
  reply = cli_call (events->app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "GetEvents",
                    g_variant_new ("(t@a{sv})", G_GUINT64_CONSTANT (0), g_variant_builder_end (&options)), error);
  if (reply == NULL)
    return FALSE;

  g_variant_get_child (reply, 1, "t", &events->last);
  return TRUE;
}

static void
wake (GDBusConnection *connection,
      const char      *sender_name,
      const char      *object_path,
      const char      *interface_name,
      const char      *signal_name,
      GVariant        *parameters,
      gpointer         user_data)
{
  ((Events *) user_data)->woken = TRUE;
}

/* A service that was started anew has told nobody of what happened in between. */
static void
owner_changed (GDBusConnection *connection,
               const char      *sender_name,
               const char      *object_path,
               const char      *interface_name,
               const char      *signal_name,
               GVariant        *parameters,
               gpointer         user_data)
{
  Events *events = user_data;
  const char *new_owner;

  g_variant_get_child (parameters, 2, "&s", &new_owner);
  events->woken = events->woken || new_owner[0] != '\0';
}

static void
connection_closed (GDBusConnection *connection,
                   gboolean         remote_peer_vanished,
                   GError          *error,
                   gpointer         user_data)
{
  ((Events *) user_data)->ended = TRUE;
}

static gboolean
time_is_up (gpointer user_data)
{
  Events *events = user_data;

  /* Look once more, for what came in at the last moment. */
  events->ended = TRUE;
  events->woken = TRUE;
  return G_SOURCE_REMOVE;
}

static void
subscribe (Events *events)
{
  GDBusConnection *connection = cpod_client_get_connection (events->app->client);
  const char *bus_name = cpod_client_get_bus_name (events->app->client);

  g_signal_connect (connection, "closed", G_CALLBACK (connection_closed), events);
  g_dbus_connection_signal_subscribe (connection, bus_name, CLI_RUNTIME, "Event", CPOD_PATH_RUNTIME, NULL,
                                      G_DBUS_SIGNAL_FLAGS_NONE, wake, events, NULL);
  if (bus_name != NULL)
    g_dbus_connection_signal_subscribe (connection, "org.freedesktop.DBus", "org.freedesktop.DBus",
                                        "NameOwnerChanged", "/org/freedesktop/DBus", bus_name,
                                        G_DBUS_SIGNAL_FLAGS_NONE, owner_changed, events, NULL);
}

/* The service went away while it was asked; its successor will be asked the same. */
static gboolean
is_passing (const GError *error)
{
  return g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN);
}

static gboolean
follow (Events  *events,
        GError **error)
{
  if (events->until_time > 0)
    g_timeout_add (MAX (0, (events->until_time - g_get_real_time ()) / 1000 + 1), time_is_up, events);

  while (!events->ended)
    {
      g_autoptr(GError) local_error = NULL;

      g_main_context_iteration (NULL, TRUE);
      if (!events->woken)
        continue;

      events->woken = FALSE;
      if (!show_all (events, &local_error) && !is_passing (local_error))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
    }

  if (!g_dbus_connection_is_closed (cpod_client_get_connection (events->app->client)))
    return TRUE;

  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("the connection to the service was closed"));
  return FALSE;
}

static gboolean
parse_times (Events  *events,
             GError **error)
{
  const gint64 now = g_get_real_time ();
  guint64 number;

  if (events->until != NULL && !cli_time_parse (events->until, now, &events->until_time, error))
    return FALSE;

  if (events->since == NULL)
    return TRUE;

  if (g_ascii_string_to_unsigned (events->since, 10, 0, FIRST_TIME - 1, &number, NULL))
    {
      events->last = number;
      return TRUE;
    }

  return cli_time_parse (events->since, now, &events->from_time, error);
}

static int
show_events (Events *events)
{
  const gboolean stream = events->stream || !events->no_stream;
  g_autoptr(CliEventPrinter) printer = NULL;
  g_autoptr(GError) error = NULL;
  gboolean ok;

  printer = cli_event_printer_new (events->format, events->trunc, &error);
  if (printer == NULL || cli_connect (events->app, &error) == NULL)
    return cli_fail_error (error);

  events->printer = printer;
  resolve_filters (events);
  if (!parse_times (events, &error))
    return cli_fail_error (error);

  if (stream)
    subscribe (events);

  /* Without a beginning, a stream begins now; a look back shows all there is. */
  ok = !stream || events->since != NULL || find_last (events, &error);
  ok = ok && show_all (events, &error);
  if (ok && stream && (events->until_time == 0 || events->until_time > g_get_real_time ()))
    ok = follow (events, &error);

  return ok ? EXIT_SUCCESS : cli_fail_error (error);
}

int
cli_events (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  Events events = { .app = app };
  gboolean no_trunc = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "filter", 'f', 0, G_OPTION_ARG_STRING_ARRAY, &events.filters,
      N_("Show only those with this type, event, container, image, label, id or name"), N_("KEY=VALUE") },
    { "format", 0, 0, G_OPTION_ARG_STRING, &events.format, N_("json, or a template"), N_("FORMAT") },
    { "no-stream", 0, 0, G_OPTION_ARG_NONE, &events.no_stream, N_("End after what has happened so far"), NULL },
    { "no-trunc", 0, 0, G_OPTION_ARG_NONE, &no_trunc, N_("Show whole ids (the default; see --no-trunc=false)"), NULL },
    { "since", 0, 0, G_OPTION_ARG_STRING, &events.since, N_("Begin after this sequence number or time"),
      N_("NUMBER|TIME") },
    { "stream", 0, 0, G_OPTION_ARG_NONE, &events.stream, N_("Go on as things happen (the default)"), NULL },
    { "trunc", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &events.trunc, NULL, NULL },
    { "until", 0, 0, G_OPTION_ARG_STRING, &events.until, N_("End at this time"), N_("TIME") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  status = argc == 1 ? show_events (&events) : cli_fail (_("unexpected argument \"%s\""), argv[1]);
  g_free (events.since);
  g_free (events.until);
  g_free (events.format);
  g_strfreev (events.filters);
  return status;
}
