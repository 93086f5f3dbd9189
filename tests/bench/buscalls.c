/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Times calls to the service from the caller's side. Each line of output is
 * "NAME MICROSECONDS", one a call.
 *
 * usage: buscalls fill ADDRESS IMAGE COUNT
 *        buscalls create EMPTY-ADDRESS FULL-ADDRESS IMAGE ROUNDS
 *        buscalls list ADDRESS ROUNDS
 *        buscalls managed ADDRESS ROUNDS
 *        buscalls read ADDRESS ROUNDS
 *        buscalls died ADDRESS IMAGE ROUNDS
 *        buscalls find ADDRESS ROUNDS
 *        buscalls start ADDRESS PROGRAM ROOT ROUNDS     (while no service runs)
 */
#include <gio/gio.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "public/cpod-names.h"

#define RUNTIME CPOD_BUS_NAME ".Runtime"
#define CONTAINER CPOD_BUS_NAME ".Container"
#define NOTHING_NAME CPOD_BUS_NAME ".Bench"

static GVariant *
call (GDBusConnection *bus, const char *name, const char *path, const char *interface, const char *method,
      GVariant *parameters)
{
  g_autoptr(GError) error = NULL;
  GVariant *reply = g_dbus_connection_call_sync (bus, name, path, interface, method, parameters, NULL,
                                                 G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, &error);

  if (reply == NULL)
    g_error ("%s: %s", method, error->message);
  return reply;
}

static void
print_time (const char *name, gint64 begin)
{
  g_print ("%s %" G_GINT64_FORMAT "\n", name, g_get_monotonic_time () - begin);
}

static char *
create (GDBusConnection *bus, const char *image, gboolean sleeps)
{
  static const char *const sleep_command[] = { "sleep", "1000", NULL };
  static const char *const true_command[] = { "true", NULL };
  GVariantBuilder options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr(GVariant) reply = NULL;
  char *path;

  g_variant_builder_add (&options, "{sv}", "command", g_variant_new_strv (sleeps ? sleep_command : true_command, -1));
  reply = call (bus, CPOD_BUS_NAME, CPOD_PATH_RUNTIME, RUNTIME, "Create",
                g_variant_new ("(s@a{sv})", image, g_variant_builder_end (&options)));
  g_variant_get (reply, "(o&s&s)", &path, NULL, NULL);
  return path;
}

static void
container_call (GDBusConnection *bus, const char *path, const char *method)
{
  g_autoptr(GVariant) reply = call (bus, CPOD_BUS_NAME, path, CONTAINER, method, g_variant_new ("(a{sv})", NULL));
}

static void
fill (char **argv)
{
  GDBusConnection *bus = connect_to (argv[2]);

  for (int i = atoi (argv[4]); i > 0; i--)
    {
      gint64 begin = g_get_monotonic_time ();
      g_autofree char *path = create (bus, argv[3], FALSE);

      print_time ("create", begin);
    }
}

static void
time_create (GDBusConnection *bus, const char *image, const char *name)
{
  gint64 begin = g_get_monotonic_time ();
  g_autofree char *path = create (bus, image, FALSE);

  print_time (name, begin);
  container_call (bus, path, "Remove");
}

static void
time_creates (char **argv)
{
  GDBusConnection *empty = connect_to (argv[2]);
  GDBusConnection *full = connect_to (argv[3]);

  for (int i = 0; i < atoi (argv[5]); i++)
    {
      time_create (i % 2 == 0 ? empty : full, argv[4], i % 2 == 0 ? "empty" : "full");
      time_create (i % 2 == 0 ? full : empty, argv[4], i % 2 == 0 ? "full" : "empty");
    }
}

static void
time_lists (char **argv)
{
  GDBusConnection *bus = connect_to (argv[2]);

  for (int i = 0; i < atoi (argv[3]); i++)
    {
      gint64 begin = g_get_monotonic_time ();
      g_autoptr(GVariant) reply = call (bus, CPOD_BUS_NAME, CPOD_PATH_RUNTIME, RUNTIME, "ListContainers",
                                        g_variant_new ("(a{sv})", NULL));
      g_autoptr(GVariant) columns = g_variant_get_child_value (reply, 0);
      g_autoptr(GVariant) ids = g_variant_lookup_value (columns, "id", G_VARIANT_TYPE_STRING_ARRAY);

      print_time ("list", begin);
      g_print ("count %" G_GSIZE_FORMAT "\n", g_variant_n_children (ids));
    }
}

/* What GDBus does on the side of a client, to make values of a large reply, is not what a service can be blamed for. */
static GSocket *
connect_raw (const char *address)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GIOStream) stream = g_dbus_address_get_stream_sync (address, NULL, NULL, &error);
  g_autofree char *uid = g_strdup_printf ("%u", getuid ());
  g_autoptr(GString) words = g_string_new ("AUTH EXTERNAL ");
  char answer[256];
  GSocket *raw;

  if (stream == NULL)
    g_error ("%s: %s", address, error->message);
  for (const char *digit = uid; *digit != '\0'; digit++)
    g_string_append_printf (words, "%02x", *digit);
  g_string_append (words, "\r\n");
  raw = g_object_ref (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)));
  if (g_socket_send (raw, "\0", 1, NULL, &error) < 0 || g_socket_send (raw, words->str, words->len, NULL, &error) < 0
      || g_socket_receive (raw, answer, sizeof (answer), NULL, &error) < 0 || !g_str_has_prefix (answer, "OK")
      || g_socket_send (raw, "BEGIN\r\n", 7, NULL, &error) < 0)
    g_error ("%s: the bus does not let us in", address);
  g_object_set_data_full (G_OBJECT (raw), "stream", g_steal_pointer (&stream), g_object_unref);
  return raw;
}

/* Sends a call and reads until the reply to it is there; gives its size. */
static gsize
call_raw (GSocket *raw, guint32 serial, const char *name, const char *path, const char *interface, const char *method)
{
  g_autoptr(GDBusMessage) message = g_dbus_message_new_method_call (name, path, interface, method);
  g_autoptr(GByteArray) got = g_byte_array_new ();
  g_autofree guint8 *buffer = g_malloc (1 << 20);
  g_autofree guchar *blob = NULL;
  gsize size;

  g_dbus_message_set_serial (message, serial);
  blob = g_dbus_message_to_blob (message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  g_socket_send (raw, (char *) blob, size, NULL, NULL);
  while (TRUE)
    {
      gssize n = g_socket_receive (raw, (char *) buffer, 1 << 20, NULL, NULL);
      gssize needed;

      if (n <= 0)
        g_error ("%s: the bus has closed the connection", method);
      g_byte_array_append (got, buffer, (guint) n);
      while (got->len >= 16 && (needed = g_dbus_message_bytes_needed (got->data, 16, NULL)) <= (gssize) got->len)
        {
          if (got->data[1] == G_DBUS_MESSAGE_TYPE_METHOD_RETURN)
            return (gsize) needed;
          g_byte_array_remove_range (got, 0, (guint) needed);
        }
    }
}

/* All containers with all their properties, as a client asks for them that follows the signals from then on. */
static void
time_managed (char **argv)
{
  GDBusConnection *bus = connect_to (argv[2]);
  g_autoptr(GSocket) raw = connect_raw (argv[2]);
  const int rounds = atoi (argv[3]);

  call_raw (raw, 1, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello");
  for (int i = 0; i < rounds; i++)
    {
      gint64 begin = g_get_monotonic_time ();
      gsize size = call_raw (raw, (guint32) i + 2, CPOD_BUS_NAME, CPOD_PATH_CONTAINERS,
                             "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");

      print_time ("managed", begin);
      g_print ("size %" G_GSIZE_FORMAT "\n", size);
      begin = g_get_monotonic_time ();
      g_autoptr(GVariant) reply = call (bus, CPOD_BUS_NAME, CPOD_PATH_CONTAINERS, "org.freedesktop.DBus.ObjectManager",
                                        "GetManagedObjects", NULL);
      g_autoptr(GVariant) objects = g_variant_get_child_value (reply, 0);

      print_time ("parsed", begin);
      g_print ("count %" G_GSIZE_FORMAT "\n", g_variant_n_children (objects));
    }
}

static void
on_nothing (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *method,
            GVariant *parameters, GDBusMethodInvocation *invocation, gpointer user_data)
{
  g_dbus_method_invocation_return_value (invocation, NULL);
}

/* The least that a service can do: a method without arguments that does nothing, in a process of its own. */
static pid_t
serve_nothing (const char *address)
{
  static const char xml[] = "<node><interface name='" NOTHING_NAME "'><method name='Nothing'/></interface></node>";
  static const GDBusInterfaceVTable vtable = { .method_call = on_nothing };
  pid_t pid = fork ();

  if (pid != 0)
    return pid;
  g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml (xml, NULL);
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  GDBusConnection *bus = connect_to (address);

  g_dbus_connection_register_object (bus, CPOD_PATH_RUNTIME, info->interfaces[0], &vtable, NULL, NULL, NULL);
  g_bus_own_name_on_connection (bus, NOTHING_NAME, G_BUS_NAME_OWNER_FLAGS_NONE, NULL, NULL, NULL, NULL);
  g_main_loop_run (loop);
  _exit (0);
}

static void
time_call (GDBusConnection *bus, const char *label, const char *name, const char *interface, const char *method,
           GVariant *parameters)
{
  gint64 begin = g_get_monotonic_time ();
  g_autoptr(GVariant) reply = call (bus, name, CPOD_PATH_RUNTIME, interface, method, parameters);

  print_time (label, begin);
}

static void
wait_for_nothing (GDBusConnection *bus)
{
  gboolean owned = FALSE;

  while (!owned)
    {
      g_autoptr(GVariant) reply = call (bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                        "NameHasOwner", g_variant_new ("(s)", NOTHING_NAME));

      g_variant_get (reply, "(b)", &owned);
      g_usleep (1000);
    }
}

static void
time_nothing (GDBusConnection *bus)
{
  time_call (bus, "nothing", NOTHING_NAME, NOTHING_NAME, "Nothing", NULL);
}

static void
time_reads (char **argv)
{
  pid_t server = serve_nothing (argv[2]);  /* before there are threads */
  GDBusConnection *bus = connect_to (argv[2]);

  wait_for_nothing (bus);
  for (int i = 0; i < atoi (argv[3]); i++)
    {
      time_nothing (bus);
      time_call (bus, "property", CPOD_BUS_NAME, "org.freedesktop.DBus.Properties", "Get",
                 g_variant_new ("(ss)", RUNTIME, "Version"));
      time_call (bus, "ping", CPOD_BUS_NAME, "org.freedesktop.DBus.Peer", "Ping", NULL);
    }
  kill (server, SIGTERM);
  waitpid (server, NULL, 0);
}

typedef struct
{
  const char *path;
  gint64 died;
} Death;

static void
on_event (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal_name,
          GVariant *parameters, gpointer user_data)
{
  Death *death = user_data;
  const char *status, *id;

  g_variant_get (parameters, "(tt&s&s&s&s@a{sv})", NULL, NULL, NULL, &status, &id, NULL, NULL);
  if (death->path != NULL && g_str_equal (status, "died") && g_str_has_suffix (death->path, id))
    death->died = g_get_monotonic_time ();
}

static guint32
read_pid (GDBusConnection *bus, const char *path)
{
  g_autoptr(GVariant) reply = call (bus, CPOD_BUS_NAME, path, "org.freedesktop.DBus.Properties", "Get",
                                    g_variant_new ("(ss)", CONTAINER, "Pid"));
  g_autoptr(GVariant) value = NULL;

  g_variant_get (reply, "(v)", &value);
  return g_variant_get_uint32 (value);
}

/* The kernel's word that the process has ended is what everybody else can be measured against. */
static gpointer
wait_exit (gpointer data)
{
  struct pollfd poll_fd = { .fd = GPOINTER_TO_INT (data), .events = POLLIN };
  gint64 *now = g_new (gint64, 1);

  poll (&poll_fd, 1, -1);
  *now = g_get_monotonic_time ();
  return now;
}

static void
time_death (GDBusConnection *bus, const char *image, Death *death)
{
  g_autofree char *path = create (bus, image, TRUE);
  g_autofree gint64 *exited = NULL;

  container_call (bus, path, "Start");
  guint32 pid = read_pid (bus, path);
  int fd = (int) syscall (SYS_pidfd_open, pid, 0);
  GThread *thread = g_thread_new ("exit", wait_exit, GINT_TO_POINTER (fd));

  g_usleep (50000);             /* what starting has set going is over */
  death->died = 0;
  death->path = path;
  gint64 begin = g_get_monotonic_time ();
  kill ((pid_t) pid, SIGKILL);
  while (death->died == 0)
    g_main_context_iteration (NULL, TRUE);
  exited = g_thread_join (thread);
  g_print ("pidfd %" G_GINT64_FORMAT "\ndied %" G_GINT64_FORMAT "\n", *exited - begin, death->died - begin);
  close (fd);
  death->path = NULL;
  g_usleep (20000);
  container_call (bus, path, "Remove");
}

static void
time_deaths (char **argv)
{
  GDBusConnection *bus = connect_to (argv[2]);
  Death death = { 0 };

  g_dbus_connection_signal_subscribe (bus, CPOD_BUS_NAME, RUNTIME, "Event", CPOD_PATH_RUNTIME, NULL,
                                      G_DBUS_SIGNAL_FLAGS_NONE, on_event, &death, NULL);
  for (int i = 0; i < atoi (argv[4]); i++)
    time_death (bus, argv[3], &death);
}

static void
time_find (GDBusConnection *bus, const char *name, const char *what)
{
  gint64 begin = g_get_monotonic_time ();
  g_autoptr(GVariant) reply = call (bus, CPOD_BUS_NAME, CPOD_PATH_RUNTIME, RUNTIME, "GetContainer",
                                    g_variant_new ("(sa{sv})", what, NULL));

  print_time (name, begin);
}

/* The same container by all that it can be called, and the empty call between them. */
static void
time_finds (char **argv)
{
  pid_t server = serve_nothing (argv[2]);
  GDBusConnection *bus = connect_to (argv[2]);
  g_autoptr(GVariant) reply = call (bus, CPOD_BUS_NAME, CPOD_PATH_RUNTIME, RUNTIME, "ListContainers",
                                    g_variant_new_parsed ("({'limit': <@u 1>},)"));
  g_autoptr(GVariant) columns = g_variant_get_child_value (reply, 0);
  g_autofree const char **ids = NULL, **names = NULL;
  g_autofree char *prefix = NULL;

  g_variant_lookup (columns, "id", "^a&s", &ids);
  g_variant_lookup (columns, "name", "^a&s", &names);
  prefix = g_strndup (ids[0], 12);
  wait_for_nothing (bus);
  for (int i = 0; i < atoi (argv[3]); i++)
    {
      time_nothing (bus);
      time_find (bus, "name", names[0]);
      time_find (bus, "id", ids[0]);
      time_find (bus, "prefix", prefix);
    }
  kill (server, SIGTERM);
  waitpid (server, NULL, 0);
}

static gboolean
has_owner (GDBusConnection *bus)
{
  g_autoptr(GVariant) reply = call (bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                    "NameHasOwner", g_variant_new ("(s)", CPOD_BUS_NAME));
  gboolean owned;

  g_variant_get (reply, "(b)", &owned);
  return owned;
}

static gboolean
is_running (GDBusConnection *bus)
{
  g_autoptr(GVariant) reply = call (bus, CPOD_BUS_NAME, CPOD_PATH_RUNTIME, "org.freedesktop.DBus.Properties", "Get",
                                    g_variant_new ("(ss)", RUNTIME, "State"));
  g_autoptr(GVariant) state = NULL;

  g_variant_get (reply, "(v)", &state);
  return g_str_equal (g_variant_get_string (state, NULL), "running");
}

/* Until the service has its name, and until it knows how everything is. */
static void
time_start (GDBusConnection *bus, const char *program, const char *root)
{
  const char *argv[] = { program, "--root", root, NULL };
  gint64 begin = g_get_monotonic_time ();
  g_autoptr(GError) error = NULL;
  GPid pid;

  if (!g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error))
    g_error ("%s", error->message);
  while (!has_owner (bus))
    {
      if (waitpid (pid, NULL, WNOHANG) == pid)
        g_error ("%s has ended", program);
      g_usleep (500);
    }
  print_time ("owned", begin);
  while (!is_running (bus))
    g_usleep (500);
  print_time ("running", begin);
  kill (pid, SIGTERM);
  waitpid (pid, NULL, 0);
}

static void
time_starts (char **argv)
{
  GDBusConnection *bus = connect_to (argv[2]);

  for (int i = 0; i < atoi (argv[5]); i++)
    time_start (bus, argv[3], argv[4]);
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
    { "fill", 5, fill },
    { "create", 6, time_creates },
    { "list", 4, time_lists },
    { "managed", 4, time_managed },
    { "read", 4, time_reads },
    { "died", 5, time_deaths },
    { "find", 4, time_finds },
    { "start", 6, time_starts },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (argc == commands[i].arguments && g_str_equal (argv[1], commands[i].name))
      {
        commands[i].function (argv);
        return 0;
      }
  g_printerr ("usage: see the head of buscalls.c\n");
  return 2;
}
