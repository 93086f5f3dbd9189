/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/cpd-bus-gate.h"
#include "bus/cpd-bus-wire.h"
#include "common/cpd-fs.h"

#define MOST (256 << 10)

/* Both ends of a gate. */
typedef struct
{
  CpdBusGate *gate;
  GSocket *bus;                 /* what the bus has of it */
  GSocket *inside;              /* what GDBus has of it */
  GByteArray *got;              /* from the gate, and not looked at yet */
} Fixture;

static GSocket *
make_socket (int fd)
{
  g_autoptr(GError) error = NULL;
  GSocket *socket = g_socket_new_from_fd (fd, &error);

  g_assert_no_error (error);
  g_socket_set_blocking (socket, FALSE);
  return socket;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GSocket) theirs = NULL;
  g_autoptr(GSocketConnection) connection = NULL;
  g_autoptr(GError) error = NULL;
  int pair[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  fixture->bus = make_socket (pair[0]);
  theirs = make_socket (pair[1]);
  connection = g_socket_connection_factory_create_connection (theirs);
  fixture->gate = cpd_bus_gate_new (connection, MOST, &error);
  g_assert_no_error (error);
  fixture->inside = g_object_ref (g_socket_connection_get_socket (G_SOCKET_CONNECTION (cpd_bus_gate_get_stream (fixture->gate))));
  g_socket_set_blocking (fixture->inside, FALSE);
  fixture->got = g_byte_array_new ();
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  cpd_bus_gate_close (fixture->gate);
  cpd_bus_gate_unref (fixture->gate);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_object_unref (fixture->inside);
  g_object_unref (fixture->bus);
  g_byte_array_unref (fixture->got);
}

static void
turn (void)
{
  g_main_context_iteration (NULL, FALSE);
}

/* FD may be -1; it is sent with the first byte. */
static void
put (GSocket *socket, gconstpointer data, gsize size, int fd)
{
  struct iovec part = { (gpointer) data, size };
  union { struct cmsghdr header; char bytes[CMSG_SPACE (sizeof (int))]; } control = { 0 };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

  if (fd >= 0)
    {
      message.msg_control = &control;
      message.msg_controllen = sizeof control;
      control.header = (struct cmsghdr) { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN (sizeof (int)) };
      memcpy (CMSG_DATA (&control.header), &fd, sizeof fd);
    }
  while (part.iov_len > 0)
    {
      gssize n = sendmsg (g_socket_get_fd (socket), &message, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (n > 0)
        {
          part.iov_base = (char *) part.iov_base + n;
          part.iov_len -= (gsize) n;
          message.msg_controllen = 0;
        }
      turn ();
    }
}

/* Takes a turn, and what has come out in it; with a descriptor, when FD is given. */
static void
get_some (Fixture *fixture, GSocket *socket, int *fd)
{
  guint8 buffer[4096];
  struct iovec part = { buffer, sizeof buffer };
  union { struct cmsghdr header; char bytes[CMSG_SPACE (sizeof (int))]; } control = { 0 };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
  gssize n;

  turn ();
  n = recvmsg (g_socket_get_fd (socket), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n <= 0)
    return;
  g_byte_array_append (fixture->got, buffer, (guint) n);
  if (CMSG_FIRSTHDR (&message) != NULL && fd != NULL)
    memcpy (fd, CMSG_DATA (CMSG_FIRSTHDR (&message)), sizeof *fd);
}

/* Until so many bytes are there. */
static void
get (Fixture *fixture, GSocket *socket, gsize size, int *fd)
{
  while (fixture->got->len < size)
    get_some (fixture, socket, fd);
}

static void
assert_no_more (Fixture *fixture)
{
  const gint64 until = g_get_monotonic_time () + 50 * 1000;

  while (g_get_monotonic_time () < until)
    get_some (fixture, fixture->inside, NULL);
  g_assert_cmpuint (fixture->got->len, ==, 0);
}

static GDBusMessage *
next_message (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  GDBusMessage *message;
  gsize size;

  get (fixture, fixture->inside, CPD_BUS_WIRE_PREFIX, NULL);
  size = cpd_bus_wire_size (fixture->got->data);
  get (fixture, fixture->inside, size, NULL);
  message = g_dbus_message_new_from_blob (fixture->got->data, size, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, &error);
  g_assert_no_error (error);
  g_byte_array_remove_range (fixture->got, 0, (guint) size);
  return message;
}

static GBytes *
make_call (const char *member, GVariant *body)
{
  g_autoptr(GDBusMessage) message = g_dbus_message_new_method_call ("a.b", "/", "a.b.c", member);
  gsize size;
  guint8 *blob;

  g_dbus_message_set_body (message, body);
  g_dbus_message_set_serial (message, 1);
  blob = g_dbus_message_to_blob (message, &size, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
  return g_bytes_new_take (blob, size);
}

/* A text of SIZE bytes as its only argument. */
static GBytes *
make_text (const char *member, gsize size)
{
  g_autofree char *text = g_strnfill (size, 'x');

  return make_call (member, g_variant_new ("(s)", text));
}

/* The smallest values that there are. */
static GBytes *
make_signatures (const char *member, guint count)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("ag"));

  for (guint i = 0; i < count; i++)
    g_variant_builder_add (&builder, "g", "");
  return make_call (member, g_variant_new ("(ag)", &builder));
}

static void
put_bytes (Fixture *fixture, GBytes *bytes)
{
  put (fixture->bus, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), -1);
}

static guint32
mark_of (GDBusMessage *message, guint8 code, guint32 *second)
{
  GVariant *mark = g_dbus_message_get_header (message, (GDBusMessageHeaderField) code);
  guint32 first;

  g_assert_nonnull (mark);
  g_variant_get (mark, "(uu)", &first, second);
  return first;
}

/* What comes right behind a line of the authentication is a message. */
static void
test_lines (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GBytes) call = make_text ("First", 10);
  g_autoptr(GByteArray) all = g_byte_array_new ();
  g_autoptr(GDBusMessage) message = NULL;

  g_byte_array_append (all, (const guint8 *) "OK 1234\r\nAGREE_UNIX_FD\r\n", 24);
  g_byte_array_append (all, g_bytes_get_data (call, NULL), (guint) g_bytes_get_size (call));
  put (fixture->bus, all->data, all->len, -1);
  get (fixture, fixture->inside, all->len, NULL);
  g_assert_cmpmem (fixture->got->data, fixture->got->len, all->data, all->len);
  g_byte_array_remove_range (fixture->got, 0, 24);
  message = next_message (fixture);
  g_assert_cmpstr (g_dbus_message_get_member (message), ==, "First");
}

/* In pieces, of which none ends where a message does. */
static void
test_pieces (Fixture *fixture, gconstpointer data)
{
  static const gsize sizes[] = { 1, 1000, 3000, 10, MOST, 20 };
  g_autoptr(GByteArray) all = g_byte_array_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GBytes) call = make_text ("Next", sizes[i]);

      g_byte_array_append (all, g_bytes_get_data (call, NULL), (guint) g_bytes_get_size (call));
    }
  for (gsize at = 0, n = 1; at < all->len; at += n, n = n % 977 + 3)
    {
      n = MIN (n, all->len - at);
      put (fixture->bus, all->data + at, n, -1);
      turn ();
    }
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GDBusMessage) message = next_message (fixture);
      GVariant *body = g_dbus_message_get_body (message);
      guint32 number;

      if (sizes[i] >= MOST)
        {
          g_assert_null (body);
          g_assert_cmpuint (mark_of (message, CPD_BUS_WIRE_CUT, &number), >, sizes[i]);
          continue;
        }
      g_assert_cmpuint (g_variant_get_size (body), ==, sizes[i] + 1);
      if (sizes[i] > CPD_BUS_GATE_SMALL)
        cpd_bus_gate_take (fixture->gate, mark_of (message, CPD_BUS_WIRE_TICKET, &number));
    }
  assert_no_more (fixture);
}

static void
test_one_large_at_a_time (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GBytes) large = make_text ("Large", 5000), small = make_text ("Small", 1);
  g_autoptr(GDBusMessage) first = NULL, second = NULL, third = NULL, fourth = NULL;
  guint32 values, ticket;
  gint64 begun;

  for (guint i = 0; i < 3; i++)
    put_bytes (fixture, large);
  put_bytes (fixture, small);
  first = next_message (fixture);
  ticket = mark_of (first, CPD_BUS_WIRE_TICKET, &values);
  g_assert_cmpuint (values, ==, 1);
  g_assert_true (cpd_bus_gate_knows (fixture->gate, ticket));
  g_assert_false (cpd_bus_gate_knows (fixture->gate, ticket + 1));

  begun = g_get_monotonic_time ();
  assert_no_more (fixture);
  cpd_bus_gate_take (fixture->gate, ticket + 1);        /* somebody else's */
  assert_no_more (fixture);
  cpd_bus_gate_take (fixture->gate, ticket);
  second = next_message (fixture);
  g_assert_cmpuint (mark_of (second, CPD_BUS_WIRE_TICKET, &values), ==, ticket + 1);

  /* Whoever should take it may wait for the one behind it, so it is not for ever. */
  third = next_message (fixture);
  g_assert_cmpint (g_get_monotonic_time () - begun, >=, G_USEC_PER_SEC);
  g_assert_cmpuint (mark_of (third, CPD_BUS_WIRE_TICKET, &values), ==, ticket + 2);
  cpd_bus_gate_take (fixture->gate, ticket + 2);
  fourth = next_message (fixture);
  g_assert_cmpstr (g_dbus_message_get_member (fourth), ==, "Small");
  g_assert_null (g_dbus_message_get_header (fourth, (GDBusMessageHeaderField) CPD_BUS_WIRE_TICKET));
}

static void
test_values (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GBytes) some = make_signatures ("Some", CPD_BUS_GATE_VALUES_MAX - 1);
  g_autoptr(GBytes) many = make_signatures ("Many", CPD_BUS_GATE_VALUES_MAX);
  g_autoptr(GDBusMessage) first = NULL, second = NULL;
  guint32 values;

  put_bytes (fixture, some);
  put_bytes (fixture, many);
  first = next_message (fixture);
  cpd_bus_gate_take (fixture->gate, mark_of (first, CPD_BUS_WIRE_TICKET, &values));
  g_assert_cmpuint (values, ==, CPD_BUS_GATE_VALUES_MAX);
  second = next_message (fixture);
  g_assert_cmpuint (mark_of (second, CPD_BUS_WIRE_CUT, &values), ==, 0);
  g_assert_cmpuint (values, ==, CPD_BUS_GATE_VALUES_MAX);
  g_assert_null (g_dbus_message_get_body (second));
}

static int
is_closed (int reader)
{
  char byte;

  return read (reader, &byte, 1) == 0;
}

/* A descriptor goes with its message, both ways; that of one which is cut goes nowhere. */
static void
test_descriptors (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GBytes) small = make_text ("Small", 1), huge = make_text ("Huge", MOST);
  g_autoptr(GDBusMessage) first = NULL, second = NULL, third = NULL;
  int pipes[3][2], came[2] = { -1, -1 };

  for (gsize i = 0; i < G_N_ELEMENTS (pipes); i++)
    {
      g_assert_no_errno (pipe2 (pipes[i], O_CLOEXEC));
      if (i < 2)
        put (fixture->bus, g_bytes_get_data (i == 0 ? small : huge, NULL), g_bytes_get_size (i == 0 ? small : huge), pipes[i][1]);
      else
        put (fixture->inside, g_bytes_get_data (small, NULL), g_bytes_get_size (small), pipes[i][1]);
      close (pipes[i][1]);
    }
  get (fixture, fixture->inside, CPD_BUS_WIRE_PREFIX, &came[0]);
  first = next_message (fixture);
  second = next_message (fixture);
  g_assert_cmpstr (g_dbus_message_get_member (second), ==, "Huge");
  g_assert_true (is_closed (pipes[1][0]));
  g_byte_array_set_size (fixture->got, 0);
  get (fixture, fixture->bus, g_bytes_get_size (small), &came[1]);
  g_assert_cmpmem (fixture->got->data, fixture->got->len, g_bytes_get_data (small, NULL), g_bytes_get_size (small));
  for (gsize i = 0; i < 2; i++)
    {
      g_assert_cmpint (came[i], >=, 0);
      g_assert_cmpint (write (came[i], "!", 1), ==, 1);
      close (came[i]);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (pipes); i++)
    close (pipes[i][0]);
}

static gboolean
has_ended (GSocket *socket)
{
  char byte;
  gssize n;

  do
    {
      turn ();
      n = recv (g_socket_get_fd (socket), &byte, 1, MSG_DONTWAIT);
    }
  while (n < 0);
  return n == 0;
}

static void
test_no_message (Fixture *fixture, gconstpointer data)
{
  static const guint8 nonsense[CPD_BUS_WIRE_PREFIX] = { 'l', 1, 0, 1, 0xff, 0xff, 0xff, 0xff };

  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*no message*");
  put (fixture->bus, nonsense, sizeof nonsense, -1);
  g_assert_true (has_ended (fixture->inside));
  g_assert_true (has_ended (fixture->bus));
  g_assert_true (cpd_bus_gate_is_closed (fixture->gate));
  g_test_assert_expected_messages ();
}

static void
test_the_bus_ends (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  g_socket_close (fixture->bus, &error);
  g_assert_no_error (error);
  g_assert_true (has_ended (fixture->inside));
}

/* What was written goes out though nothing turns any more. */
static void
test_last_words (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GBytes) reply = make_text ("Reply", 1000);

  g_assert_cmpint (send (g_socket_get_fd (fixture->inside), g_bytes_get_data (reply, NULL), g_bytes_get_size (reply), 0),
                   ==, (gssize) g_bytes_get_size (reply));
  cpd_bus_gate_close (fixture->gate);
  get (fixture, fixture->bus, g_bytes_get_size (reply), NULL);
  g_assert_cmpmem (fixture->got->data, fixture->got->len, g_bytes_get_data (reply, NULL), g_bytes_get_size (reply));
  g_assert_true (has_ended (fixture->bus));
}

#define ADD(name, func) g_test_add ("/bus/gate/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("lines", test_lines);
  ADD ("pieces", test_pieces);
  ADD ("one-large-at-a-time", test_one_large_at_a_time);
  ADD ("values", test_values);
  ADD ("descriptors", test_descriptors);
  ADD ("no-message", test_no_message);
  ADD ("the-bus-ends", test_the_bus_ends);
  ADD ("last-words", test_last_words);
  return g_test_run ();
}
