/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-machine.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_UNIT SYSTEMD ".Unit"
/* What every end of the machine goes through. The manager's own state is of no use: it is "starting", even
 * then, when the boot has never come to its end. */
#define SHUTDOWN_TARGET "/org/freedesktop/systemd1/unit/shutdown_2etarget"

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
  g_autoptr(GVariant) job = NULL;
  guint32 id = 0;

  g_variant_get (reply, "(v)", &job);
  if (g_variant_is_of_type (job, G_VARIANT_TYPE ("(uo)")))
    g_variant_get (job, "(uo)", &id, NULL);
  return id != 0;
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
  g_dbus_connection_call (connection, SYSTEMD, SHUTDOWN_TARGET, "org.freedesktop.DBus.Properties", "Get",
                          g_variant_new ("(ss)", SYSTEMD_UNIT, "Job"), G_VARIANT_TYPE ("(v)"),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, TIMEOUT_MS, NULL, on_answer, question);
}
