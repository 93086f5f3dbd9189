/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/cpd-manager.h"

#include "common/cpd-journal.h"
#include "daemon/cpd-notify.h"

/* Pulses in the time after which the service manager takes the service for dead. */
#define PULSES 4

/* What changes often is told once a second. */
#define STATUS_SECONDS 1

struct _CpdManager
{
  CpdEngine *engine;            /* (owned) */
  guint watchdog;
  gint64 sent;                  /* monotonic µs: the pulse that has not come back; 0 for none */
  gboolean told_late;
  guint status;
};

static gboolean
send_status (gpointer user_data)
{
  CpdManager *manager = user_data;
  g_autofree char *text = cpd_engine_describe (manager->engine);

  manager->status = 0;
  cpd_notify_status ("%s", text);
  return G_SOURCE_REMOVE;
}

static void
on_event (CpdEngine *engine, CpdEventRow *event, gpointer user_data)
{
  CpdManager *manager = user_data;

  if (manager->status == 0)
    manager->status = g_timeout_add_seconds (STATUS_SECONDS, send_status, manager);
}

/* In any thread. */
static void
on_reloading (CpdEngine *engine, gboolean begins, gpointer user_data)
{
  g_autofree char *state = NULL;

  if (!begins)
    {
      cpd_notify ("READY=1");
      return;
    }
  state = g_strdup_printf ("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time ());
  cpd_notify (state);
}

static void
on_pulse (CpdEngine *engine, gpointer user_data)
{
  CpdManager *manager = user_data;

  manager->sent = 0;
  manager->told_late = FALSE;
  cpd_notify_again ("WATCHDOG=1");
}

/* One that does not come back is not followed by another: the service manager hears nothing more, and acts. */
static gboolean
on_watchdog (gpointer user_data)
{
  CpdManager *manager = user_data;

  if (manager->sent == 0)
    {
      manager->sent = g_get_monotonic_time ();
      cpd_engine_send_pulse (manager->engine);
    }
  else if (!manager->told_late)
    {
      manager->told_late = TRUE;
      cpd_log_message (G_LOG_LEVEL_MESSAGE, CPD_MESSAGE_STUCK,
                       "the engine has not moved for %" G_GINT64_FORMAT " ms: it is stuck in %s",
                       (g_get_monotonic_time () - manager->sent) / 1000, cpd_engine_locate_pulse (manager->engine));
    }
  return G_SOURCE_CONTINUE;
}

CpdManager *
cpd_manager_new (CpdEngine *engine)
{
  CpdManager *manager = g_new0 (CpdManager, 1);
  const gint64 watchdog_us = cpd_notify_get_watchdog ();

  manager->engine = g_object_ref (engine);
  if (!cpd_notify_is_wanted ())
    return manager;
  g_signal_connect (engine, "event", G_CALLBACK (on_event), manager);
  g_signal_connect (engine, "reloading", G_CALLBACK (on_reloading), manager);
  g_signal_connect (engine, "pulse", G_CALLBACK (on_pulse), manager);
  if (watchdog_us > 0)
    manager->watchdog = g_timeout_add ((guint) CLAMP (watchdog_us / 1000 / PULSES, 1, G_MAXINT), on_watchdog, manager);
  send_status (manager);
  return manager;
}

void
cpd_manager_free (CpdManager *manager)
{
  if (manager == NULL)
    return;
  g_signal_handlers_disconnect_by_data (manager->engine, manager);
  g_clear_handle_id (&manager->watchdog, g_source_remove);
  g_clear_handle_id (&manager->status, g_source_remove);
  g_object_unref (manager->engine);
  g_free (manager);
}
