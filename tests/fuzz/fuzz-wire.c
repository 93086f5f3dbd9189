/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A message of D-Bus with anything in it: GDBus makes as many values of it as were counted, and what is marked it reads. */
#include <gio/gio.h>
#include <string.h>

#include "bus/cpd-bus-wire.h"
#include "fuzz.h"

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  return 0;
}

/* The specification's numbers, of which GDBus makes one value for a whole array. */
static gboolean
is_of_numbers (GVariant *value)
{
  return g_variant_type_is_array (g_variant_get_type (value))
         && strchr ("ynqiuxtd", *g_variant_type_peek_string (g_variant_type_element (g_variant_get_type (value)))) != NULL;
}

static guint
count (GVariant *value)
{
  guint n = 1;

  if (!g_variant_is_container (value) || is_of_numbers (value))
    return n;
  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr(GVariant) child = g_variant_get_child_value (value, i);

      n += count (child);
    }
  return n;
}

static void
check_mark (GDBusMessage *message, const guint8 *data, gsize size, guint8 code)
{
  const gsize head_size = cpd_bus_wire_head_size (data);
  g_autoptr(GBytes) head = cpd_bus_wire_mark (data, head_size, code, 1, 2);
  g_autoptr(GByteArray) whole = NULL;
  g_autoptr(GDBusMessage) marked = NULL;

  if (head == NULL)
    return;
  whole = g_bytes_unref_to_array (g_steal_pointer (&head));
  if (code == CPD_BUS_WIRE_TICKET)
    g_byte_array_append (whole, data + head_size, (guint) (size - head_size));
  g_assert_cmpuint (cpd_bus_wire_size (whole->data), ==, whole->len);
  marked = g_dbus_message_new_from_blob (whole->data, whole->len, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
  g_assert_nonnull (marked);
  g_assert_nonnull (g_dbus_message_get_header (marked, (GDBusMessageHeaderField) code));
  g_assert_true (code == CPD_BUS_WIRE_TICKET || g_dbus_message_get_body (marked) == NULL);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr(GDBusMessage) message = NULL;
  guint values = 0;
  gboolean counted;

  if (size < CPD_BUS_WIRE_PREFIX || cpd_bus_wire_size (data) != size || cpd_bus_wire_head_size (data) > size)
    return 0;
  counted = cpd_bus_wire_count (data, size, G_MAXUINT, &values);
  message = g_dbus_message_new_from_blob ((guchar *) data, size, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
  /* GDBus reads some things that the bus does not let through: those are not understood here. */
  if (!counted || message == NULL)
    return 0;
  g_assert_cmpuint (values, ==, g_dbus_message_get_body (message) != NULL ? count (g_dbus_message_get_body (message)) - 1 : 0);
  check_mark (message, data, size, CPD_BUS_WIRE_TICKET);
  check_mark (message, data, size, CPD_BUS_WIRE_CUT);
  return 0;
}
