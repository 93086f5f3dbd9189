/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients that want too much, until they are killed, and one that wants little
 * and tells how long it has waited: lines "NAME MICROSECONDS". The others
 * print a line when they have begun.
 *
 * usage: flood others ADDRESS CONTAINER ROUNDS
 *        flood stopped ADDRESS                 subscribes to all signals, and stops itself
 *        flood events ADDRESS CONTAINER        renames it to and fro
 *        flood crowd ADDRESS                   connects, asks and leaves
 *        flood calls ADDRESS UID LIMIT         has as many calls without an answer, always
 *        flood nonsense ADDRESS                options that are large, too large, or no message at all
 */
#include <gio/gio.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus.h"
#include "public/cpod-names.h"

#define RUNTIME CPOD_BUS_NAME ".Runtime"
#define CONTAINER CPOD_BUS_NAME ".Container"

#define PAUSE_US 2000           /* between two rounds: who asks all the time would be a flood as well */
#define LARGE (1 << 20)
#define SOME 30000              /* words that are not too many */
#define MANY 1000000

/* What is refused is an answer as well. */
static GVariant *
call (GDBusConnection *bus, const char *path, const char *interface, const char *method, GVariant *parameters)
{
  g_autoptr(GError) error = NULL;
  GVariant *reply = g_dbus_connection_call_sync (bus, CPOD_BUS_NAME, path, interface, method, parameters, NULL,
                                                 G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, &error);

  if (reply == NULL && !g_dbus_error_is_remote_error (error))
    g_error ("%s: %s", method, error->message);
  return reply;
}

static GVariant *
get_container (GDBusConnection *bus, const char *name)
{
  return call (bus, CPOD_PATH_RUNTIME, RUNTIME, "GetContainer", g_variant_new ("(sa{sv})", name, NULL));
}

static char *
find (GDBusConnection *bus, const char *name)
{
  g_autoptr(GVariant) reply = get_container (bus, name);
  char *path;

  if (reply == NULL)
    g_error ("there is no container %s", name);
  g_variant_get (reply, "(o)", &path);
  return path;
}

static void
say_ready (void)
{
  g_print ("ready\n");
}

static gint64
time_one (GDBusConnection *bus, const char *path, const char *id)
{
  gint64 begin = g_get_monotonic_time ();
  g_autoptr(GVariant) reply = NULL;

  if (path != NULL)
    reply = call (bus, path, "org.freedesktop.DBus.Properties", "Get", g_variant_new ("(ss)", CONTAINER, "State"));
  else
    reply = get_container (bus, id);
  if (reply == NULL)
    g_error ("a call was refused");
  return g_get_monotonic_time () - begin;
}

static void
ask_as_others_do (char **argv)
{
  GDBusConnection *bus = connect_to (argv[2]);
  g_autofree char *path = find (bus, argv[3]);
  g_autofree char *id = g_path_get_basename (path);

  for (int i = 0; i < atoi (argv[4]); i++)
    {
      g_print ("property %" G_GINT64_FORMAT "\n", time_one (bus, path, NULL));
      g_print ("container %" G_GINT64_FORMAT "\n", time_one (bus, NULL, id));
      g_usleep (PAUSE_US);
    }
}

static void
stop_reading (char **argv)
{
  GDBusConnection *bus = connect_to (argv[2]);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = g_dbus_connection_call_sync (bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                           "org.freedesktop.DBus", "AddMatch",
                                                           g_variant_new ("(s)", "type='signal'"), NULL,
                                                           G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);

  if (reply == NULL)
    g_error ("AddMatch: %s", error->message);
  say_ready ();
  raise (SIGSTOP);
}

static void
make_events (char **argv)
{
  GDBusConnection *bus = connect_to (argv[2]);
  g_autofree char *path = find (bus, argv[3]);
  g_autofree char *other = g_strconcat (argv[3], "-other", NULL);

  say_ready ();
  for (guint i = 0;; i++)
    {
      g_autoptr(GVariant) reply = call (bus, path, CONTAINER, "Rename",
                                        g_variant_new ("(sa{sv})", i % 2 == 0 ? other : argv[3], NULL));
    }
}

static void
come_and_go (char **argv)
{
  say_ready ();
  for (;;)
    {
      g_autoptr(GDBusConnection) bus = connect_to (argv[2]);
      g_autoptr(GVariant) reply = call (bus, CPOD_PATH_RUNTIME, RUNTIME, "ListContainers", g_variant_new ("(a{sv})", NULL));

      g_dbus_connection_close_sync (bus, NULL, NULL);
    }
}

static void
call_again (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusConnection *bus = data;

  if (source != NULL)
    {
      g_autoptr(GVariant) reply = g_dbus_connection_call_finish (bus, result, NULL);
    }
  g_dbus_connection_call (bus, CPOD_BUS_NAME, CPOD_PATH_RUNTIME, RUNTIME, "ListContainers", g_variant_new ("(a{sv})", NULL),
                          NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, call_again, bus);
}

static void
call_without_end (char **argv)
{
  uid_t uid = (uid_t) atoi (argv[3]);
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  GDBusConnection *bus;

  if (setresuid (uid, uid, uid) < 0)
    g_error ("failed to become user %u", uid);
  bus = connect_to (argv[2]);
  for (int i = 0; i < atoi (argv[4]); i++)
    call_again (NULL, NULL, bus);
  say_ready ();
  g_main_loop_run (loop);
}

static GVariant *
empty_strings (gsize count)
{
  g_autofree const char **strings = g_new (const char *, count);

  for (gsize i = 0; i < count; i++)
    strings[i] = "";
  return g_variant_new_strv (strings, (gssize) count);
}

static void
create_with (GDBusConnection *bus, const char *key, GVariant *value)
{
  GVariantBuilder options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr(GVariant) reply = NULL;

  g_variant_builder_add (&options, "{sv}", key, value);
  reply = call (bus, CPOD_PATH_RUNTIME, RUNTIME, "Create",
                g_variant_new ("(s@a{sv})", "nothing-of-this-name", g_variant_builder_end (&options)));
  if (reply != NULL)
    g_error ("Create has understood nonsense");
}

/* A header, and then what is none: the bus hangs up, and so it goes no further. */
static void
send_garbage (const char *address)
{
  GDBusConnection *bus = connect_to (address);
  GOutputStream *output = g_io_stream_get_output_stream (g_dbus_connection_get_stream (bus));
  g_autofree char *bytes = g_strnfill (LARGE, 'l');

  g_output_stream_write_all (output, bytes, LARGE, NULL, NULL, NULL);
  g_object_unref (bus);
}

static void
talk_nonsense (char **argv)
{
  GDBusConnection *bus = connect_to (argv[2]);
  g_autofree char *large = g_strnfill (LARGE, 'x');

  signal (SIGPIPE, SIG_IGN);
  say_ready ();
  for (;;)
    {
      create_with (bus, "command", empty_strings (SOME));
      create_with (bus, "command", g_variant_new_string (large));
      create_with (bus, "name", g_variant_new_string (large));
      create_with (bus, large, g_variant_new_boolean (TRUE));
      create_with (bus, "command", empty_strings (MANY));
      send_garbage (argv[2]);
    }
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    int arguments;
    void (*function) (char **argv);
  } commands[] = {
    { "others", 5, ask_as_others_do }, { "stopped", 3, stop_reading }, { "events", 4, make_events },
    { "crowd", 3, come_and_go }, { "calls", 5, call_without_end }, { "nonsense", 3, talk_nonsense },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (argc == commands[i].arguments && g_str_equal (argv[1], commands[i].name))
      {
        commands[i].function (argv);
        return 0;
      }
  g_printerr ("usage: see the head of flood.c\n");
  return 2;
}
