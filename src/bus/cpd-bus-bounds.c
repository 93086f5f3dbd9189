/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-bounds.h"

#include <malloc.h>

#include "bus/cpd-bus-errors.h"
#include "public/cpod-error.h"

/* The kernel takes no command line and environment that are larger. */
#define MAX_MESSAGE (2 << 20)

/* GLib keeps what was freed for so long, and looks at it only when it is given more. */
#define KEPT_SECONDS 16
#define KEPT_ENOUGH 4096

static gint floods;             /* atomic: since a thread was begun that gives memory back, 0 when there is none */

/* Makes GLib's allocator of small things look for what it has kept for too long. */
static void
stir_slices (void)
{
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  for (guint i = 0; i < KEPT_ENOUGH; i++)
    g_ptr_array_add (values, g_variant_ref_sink (g_variant_new_string ("")));
}

/*
 * What GDBus makes of a message may be twenty times as large, and all of it is
 * there before anybody can look. When it is gone the heap has holes, which are
 * given back to the system once a flood is over.
 */
static gpointer
trim (gpointer data)
{
  gint seen;

  do
    {
      seen = g_atomic_int_get (&floods);
      g_usleep (G_USEC_PER_SEC);
      malloc_trim (0);
      g_usleep (KEPT_SECONDS * G_USEC_PER_SEC);
      stir_slices ();
      malloc_trim (0);
    }
  while (!g_atomic_int_compare_and_exchange (&floods, seen, 0));
  return NULL;
}

static void
trim_soon (void)
{
  GThread *thread;

  if (g_atomic_int_add (&floods, 1) > 0)
    return;
  thread = g_thread_try_new ("cpd-trim", trim, NULL, NULL);
  if (thread == NULL)
    g_atomic_int_set (&floods, 0);
  else
    g_thread_unref (thread);
}

static void
refuse (GDBusConnection *connection, GDBusMessage *message, gsize size)
{
  g_autoptr(GError) error = g_error_new (CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED,
                                         "the arguments of %s have %" G_GSIZE_FORMAT " bytes: there may be %d",
                                         g_dbus_message_get_member (message), size, MAX_MESSAGE);
  g_autofree char *name = cpd_bus_error_get_name (error);
  g_autoptr(GDBusMessage) reply = g_dbus_message_new_method_error_literal (message, name, error->message);

  g_message ("call of %s refused: %s", g_dbus_message_get_sender (message), error->message);
  if ((g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
    g_dbus_connection_send_message (connection, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

/* In the thread of GDBus that reads messages. */
static GDBusMessage *
filter (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  GVariant *body = g_dbus_message_get_body (message);
  gsize size = incoming && body != NULL ? g_variant_get_size (body) : 0;

  if (size <= MAX_MESSAGE)
    return message;
  if (g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    refuse (connection, message, size);
  g_object_unref (message);
  trim_soon ();
  return NULL;
}

void
cpd_bus_bounds_guard (GDBusConnection *connection)
{
  (void) CPOD_ERROR;            /* the names of errors are known before a thread asks for one */
  g_dbus_connection_add_filter (connection, filter, NULL, NULL);
}
