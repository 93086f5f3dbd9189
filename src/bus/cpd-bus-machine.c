/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-machine.h"

#include <string.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"

/* It answers at once, if at all. */
#define TIMEOUT_MS 5000

typedef struct
{
  CpdBusMachineFunc func;
  gpointer user_data;
} Question;

static gboolean
is_ending (GVariant *reply)
{
  g_autoptr(GVariant) value = NULL;

  g_variant_get (reply, "(v)", &value);
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
         && strcmp (g_variant_get_string (value, NULL), "stopping") == 0;
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Question *question = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (reply == NULL)
    g_debug ("nobody knows whether the machine ends: %s", error->message);
  question->func (reply != NULL && is_ending (reply), question->user_data);
}

void
cpd_bus_ask_machine_ends (CpdBusService *service, CpdBusMachineFunc func, gpointer user_data)
{
  GDBusConnection *connection = cpd_bus_service_get_connection (service);
  Question *question;

  /* A client on a socket of its own knows nothing of that. */
  if (connection == NULL || g_dbus_connection_get_unique_name (connection) == NULL)
    {
      func (FALSE, user_data);
      return;
    }
  question = g_new0 (Question, 1);
  question->func = func;
  question->user_data = user_data;
  g_dbus_connection_call (connection, SYSTEMD, SYSTEMD_PATH, "org.freedesktop.DBus.Properties", "Get",
                          g_variant_new ("(ss)", SYSTEMD_MANAGER, "SystemState"), G_VARIANT_TYPE ("(v)"),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, TIMEOUT_MS, NULL, on_answer, question);
}
