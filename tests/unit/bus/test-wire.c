/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gunixfdlist.h>
#include <string.h>

#include "bus/cpd-bus-wire.h"

#define ANY G_MAXUINT

typedef struct
{
  const char *text;             /* the arguments, as in g_variant_parse() */
  guint values;
} Case;

static const Case cases[] = {
  { "()", 0 },
  { "(1,)", 1 },
  { "('a', 2, byte 0x03, true, 4.5, int64 6, int16 7)", 7 },
  { "(['a', 'b', 'c'],)", 4 },
  { "(@as [],)", 1 },
  { "(@a(ss) [],)", 1 },
  { "([1, 2, 3],)", 1 },
  { "(b'bytes', [1.5, 2.5], [int64 1])", 3 },
  { "([true, false],)", 3 },
  { "([objectpath '/a', '/b'], signature 'a{sv}')", 4 },
  { "([signature '', 'ai', ''],)", 4 },
  { "(<1>,)", 2 },
  { "(<<<'deep'>>>,)", 4 },
  { "([<1>, <'a'>, <@as ['b']>],)", 8 },
  { "({'a': <1>, 'b': <'c'>},)", 9 },
  { "([(1, 'a'), (2, 'b')], [[1], [2, 3]])", 10 },
  { "((byte 0x01, (byte 0x02, 3)), 'x')", 6 },
  { "(handle 0, ['x'])", 3 },
};

static guint8 *
make_message (const char *text, GDBusMessageByteOrder order, gsize *size)
{
  g_autoptr(GDBusMessage) message = g_dbus_message_new_method_call ("a.b", "/a/path", "a.b.c", "Method");
  g_autoptr(GError) error = NULL;
  guint8 *blob;

  if (text != NULL)
    {
      GVariant *body = g_variant_parse (NULL, text, NULL, NULL, &error);

      g_assert_no_error (error);
      g_dbus_message_set_body (message, body);
    }
  if (text != NULL && strstr (text, "handle") != NULL)
    {
      g_autoptr(GUnixFDList) fds = g_unix_fd_list_new ();

      g_assert_cmpint (g_unix_fd_list_append (fds, 0, NULL), ==, 0);
      g_dbus_message_set_unix_fd_list (message, fds);
    }
  g_dbus_message_set_serial (message, 7);
  g_dbus_message_set_byte_order (message, order);
  blob = g_dbus_message_to_blob (message, size, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, &error);
  g_assert_no_error (error);
  return blob;
}

static const GDBusMessageByteOrder orders[] = { G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN, G_DBUS_MESSAGE_BYTE_ORDER_BIG_ENDIAN };

static void
test_count (void)
{
  for (gsize i = 0; i < 2 * G_N_ELEMENTS (cases); i++)
    {
      const Case *item = &cases[i / 2];
      gsize size;
      g_autofree guint8 *blob = make_message (item->text, orders[i % 2], &size);
      guint values = ANY;

      g_test_message ("%s", item->text);
      g_assert_cmpuint (cpd_bus_wire_size (blob), ==, size);
      g_assert_true (cpd_bus_wire_count (blob, size, item->values, &values));
      g_assert_cmpuint (values, ==, item->values);
      if (item->values > 0)
        g_assert_false (cpd_bus_wire_count (blob, size, item->values - 1, &values));
    }
}

/* Each part of a message, where nothing that is behind it can be read. */
static void
test_truncated (void)
{
  for (gsize i = 0; i < 2 * G_N_ELEMENTS (cases); i++)
    {
      gsize size;
      g_autofree guint8 *blob = make_message (cases[i / 2].text, orders[i % 2], &size);
      guint values;

      for (gsize part = CPD_BUS_WIRE_PREFIX; part < size; part++)
        {
          g_autofree guint8 *copy = g_memdup2 (blob, part);
          g_autoptr(GBytes) marked = NULL;

          (void) cpd_bus_wire_count (copy, part, ANY, &values);
          marked = cpd_bus_wire_mark (copy, MIN (part, cpd_bus_wire_head_size (copy)), CPD_BUS_WIRE_CUT, 1, 2);
        }
    }
}

static void
assert_mark (GDBusMessage *message, guint8 code, guint32 first, guint32 second)
{
  GVariant *mark = g_dbus_message_get_header (message, (GDBusMessageHeaderField) code);
  g_autoptr(GVariant) expected = g_variant_ref_sink (g_variant_new ("(uu)", first, second));

  g_assert_nonnull (mark);
  g_assert_true (g_variant_equal (mark, expected));
}

static GDBusMessage *
read_message (GByteArray *bytes)
{
  g_autoptr(GError) error = NULL;
  GDBusMessage *message;

  g_assert_cmpuint (cpd_bus_wire_size (bytes->data), ==, bytes->len);
  message = g_dbus_message_new_from_blob (bytes->data, bytes->len, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_dbus_message_get_member (message), ==, "Method");
  g_assert_cmpstr (g_dbus_message_get_path (message), ==, "/a/path");
  g_assert_cmpstr (g_dbus_message_get_destination (message), ==, "a.b");
  g_assert_cmpuint (g_dbus_message_get_serial (message), ==, 7);
  return message;
}

/* GDBus reads the same message, and the mark. */
static void
test_mark (void)
{
  for (gsize i = 0; i < 2 * G_N_ELEMENTS (cases); i++)
    {
      gsize size;
      g_autofree guint8 *blob = make_message (cases[i / 2].text, orders[i % 2], &size);
      const gsize head_size = cpd_bus_wire_head_size (blob);
      g_autoptr(GBytes) head = cpd_bus_wire_mark (blob, head_size, CPD_BUS_WIRE_TICKET, 0x01020304, 5);
      g_autoptr(GByteArray) whole = g_byte_array_new ();
      g_autoptr(GDBusMessage) message = NULL;

      g_assert_nonnull (head);
      g_byte_array_append (whole, g_bytes_get_data (head, NULL), (guint) g_bytes_get_size (head));
      g_byte_array_append (whole, blob + head_size, (guint) (size - head_size));
      message = read_message (whole);
      assert_mark (message, CPD_BUS_WIRE_TICKET, 0x01020304, 5);
      if (g_dbus_message_get_body (message) != NULL)
        {
          g_autoptr(GVariant) expected = g_variant_parse (NULL, cases[i / 2].text, NULL, NULL, NULL);

          g_assert_true (g_variant_equal (g_dbus_message_get_body (message), expected));
        }
    }
}

/* There are no arguments in it any more, nor anything that tells of some. */
static void
test_cut (void)
{
  for (gsize i = 0; i < 2 * G_N_ELEMENTS (cases); i++)
    {
      gsize size;
      g_autofree guint8 *blob = make_message (cases[i / 2].text, orders[i % 2], &size);
      g_autoptr(GBytes) head = cpd_bus_wire_mark (blob, cpd_bus_wire_head_size (blob), CPD_BUS_WIRE_CUT, G_MAXUINT32, 0);
      g_autoptr(GByteArray) whole = NULL;
      g_autoptr(GDBusMessage) message = NULL;

      g_assert_nonnull (head);
      whole = g_bytes_unref_to_array (g_steal_pointer (&head));
      message = read_message (whole);
      assert_mark (message, CPD_BUS_WIRE_CUT, G_MAXUINT32, 0);
      g_assert_null (g_dbus_message_get_body (message));
      g_assert_cmpstr (g_dbus_message_get_signature (message), ==, "");
      g_assert_cmpuint (g_dbus_message_get_num_unix_fds (message), ==, 0);
    }
}

/* What the last mark of a kind says holds, as a sender may have made up another. */
static void
test_mark_again (void)
{
  gsize size;
  g_autofree guint8 *blob = make_message (NULL, orders[0], &size);
  g_autoptr(GBytes) first = cpd_bus_wire_mark (blob, size, CPD_BUS_WIRE_TICKET, 1, 1);
  g_autoptr(GBytes) second = cpd_bus_wire_mark (g_bytes_get_data (first, NULL), g_bytes_get_size (first),
                                                CPD_BUS_WIRE_TICKET, 2, 2);
  g_autoptr(GByteArray) whole = g_bytes_unref_to_array (g_steal_pointer (&second));
  g_autoptr(GDBusMessage) message = read_message (whole);

  assert_mark (message, CPD_BUS_WIRE_TICKET, 2, 2);
}

/* As many within each other as D-Bus allows can be counted; more are not followed. */
static void
test_depth (void)
{
  for (guint depth = 1; depth < 200; depth += 31)
    {
      g_autoptr(GByteArray) bytes = g_byte_array_new ();
      guint8 prefix[24] = { 'l', 1, 0, 1, 0, 0, 0, 0, 7, 0, 0, 0, 5, 0, 0, 0, 8, 1, 'g', 0, 1, 'v', 0, 0 };
      guint values = 0;
      gboolean counted;

      /* The signature is the last byte but two of the fields, which have seven. */
      prefix[12] = 7;
      for (guint i = 0; i < depth; i++)
        g_byte_array_append (bytes, (const guint8 *) "\1v", 3);
      g_byte_array_append (bytes, (const guint8 *) "\1y\0x", 4);
      prefix[4] = (guint8) bytes->len;
      prefix[5] = (guint8) (bytes->len >> 8);
      g_byte_array_prepend (bytes, prefix, sizeof prefix);
      g_assert_cmpuint (cpd_bus_wire_size (bytes->data), ==, bytes->len);
      counted = cpd_bus_wire_count (bytes->data, bytes->len, ANY, &values);
      g_assert_true (counted == (depth <= 126));
      if (counted)
        g_assert_cmpuint (values, ==, depth + 2);
    }
}

static void
test_no_message (void)
{
  static const guint8 beginnings[][CPD_BUS_WIRE_PREFIX] = {
    { 'x', 1, 0, 1 },
    { 'l', 1, 0, 1, 0xff, 0xff, 0xff, 0xff },
    { 'l', 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff },
    { 'B', 1, 0, 1, 0xff, 0xff, 0xff, 0xff },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (beginnings); i++)
    g_assert_cmpuint (cpd_bus_wire_size (beginnings[i]), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bus/wire/count", test_count);
  g_test_add_func ("/bus/wire/truncated", test_truncated);
  g_test_add_func ("/bus/wire/mark", test_mark);
  g_test_add_func ("/bus/wire/mark-again", test_mark_again);
  g_test_add_func ("/bus/wire/cut", test_cut);
  g_test_add_func ("/bus/wire/depth", test_depth);
  g_test_add_func ("/bus/wire/no-message", test_no_message);
  return g_test_run ();
}
