/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/cpd-service.h"

#include <glib-unix.h>
#include <malloc.h>
#include <signal.h>

#include "bus/cpd-bus-link.h"
#include "bus/cpd-bus-machine.h"
#include "bus/cpd-bus-service.h"
#include "daemon/cpd-manager.h"
#include "daemon/cpd-notify.h"
#include "engine/cpd-engine.h"

/* How long running calls may go on after the order to end, and those that would be torn. */
#define STOP_SECONDS 10
#define BUSY_SECONDS 60

/* What the service manager is told, each second, that the end may still take. */
#define STOPPING_STATE "EXTEND_TIMEOUT_USEC=20000000"

typedef struct
{
  GMainLoop *loop;              /* (owned) */
  CpdEngine *engine;            /* (owned) */
  CpdBusService *bus;           /* (owned) */
  CpdBusLink *link;             /* (owned) */
  CpdManager *manager;          /* (owned) (nullable): once it is ready */
  GThread *recovery;            /* (owned) (nullable) */
  GThread *reload;              /* (owned) (nullable) */
  GThread *ending;              /* (owned) (nullable): stops all containers */
  gboolean reload_again;
  guint stop_timer;
  guint stop_seconds;           /* since the order to end */
  gboolean stopping;
  gboolean idle;                /* no call runs any more */
  gboolean gave_up;             /* on calls that still run, or on the recovery */
  gboolean recovering;
  gboolean asking;              /* whether the machine ends */
  gboolean machine_ends;
  int status;
} Service;

static gboolean
on_ended (gpointer user_data);

static gpointer
end_with_machine (gpointer user_data)
{
  Service *service = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) result = cpd_engine_end_with_machine (service->engine, &error);

  if (result == NULL)
    g_message ("failed to stop the containers: %s", error->message);
  for (guint i = 0; result != NULL && i < result->len; i++)
    {
      const CpdStopped *one = result->pdata[i];

      if (one->error != NULL)
        g_message ("failed to stop container %s: %s", one->id, one->error->message);
    }
  g_idle_add_full (G_PRIORITY_DEFAULT, on_ended, service, NULL);
  return NULL;
}

/*
 * It ends when neither a call nor the recovery runs, which would lose what it
 * works with, and after all containers if the machine ends: who stops them
 * otherwise knows neither their signals nor how long they may take.
 */
static void
quit_when_idle (Service *service)
{
  if (((!service->idle || service->recovering) && !service->gave_up)
      || service->asking || service->ending != NULL)
    return;
  if (service->machine_ends)
    {
      cpd_notify_status ("Stops all containers, because the machine ends");
      service->machine_ends = FALSE;
      service->ending = g_thread_new ("cpd-ending", end_with_machine, service);
      return;
    }
  g_main_loop_quit (service->loop);
}

static gboolean
on_ended (gpointer user_data)
{
  Service *service = user_data;

  g_clear_pointer (&service->ending, g_thread_join);
  quit_when_idle (service);
  return G_SOURCE_REMOVE;
}

static void
on_idle (gpointer user_data)
{
  Service *service = user_data;

  service->idle = TRUE;
  quit_when_idle (service);
}

/* Stopping all containers has bounds of its own; what waits for one to end has to give way sooner. */
static gboolean
may_go_on (Service *service)
{
  if (cpd_bus_service_is_working (service->bus) || service->ending != NULL)
    {
      service->stop_seconds = 0;
      return TRUE;
    }
  return service->stop_seconds < (cpd_engine_is_busy (service->engine) ? BUSY_SECONDS : STOP_SECONDS);
}

static gboolean
on_stop_timer (gpointer user_data)
{
  Service *service = user_data;

  service->stop_seconds++;
  if (service->gave_up || may_go_on (service))
    {
      cpd_notify_again (STOPPING_STATE);
      return G_SOURCE_CONTINUE;
    }
  g_message ("calls still run after %u seconds; what they leave is finished at the next start",
             service->stop_seconds);
  cpd_bus_service_give_up (service->bus);
  service->gave_up = TRUE;
  quit_when_idle (service);
  return G_SOURCE_CONTINUE;
}

static void
stop (gpointer user_data)
{
  Service *service = user_data;

  if (service->stopping)
    return;
  service->stopping = TRUE;
  g_clear_pointer (&service->manager, cpd_manager_free);        /* what follows is told here */
  cpd_notify ("STOPPING=1\n" STOPPING_STATE);
  cpd_notify_status ("Ends, once what runs has ended");
  service->stop_timer = g_timeout_add_seconds (1, on_stop_timer, service);
  cpd_bus_service_stop (service->bus, on_idle, service);
}

static void
on_machine (gboolean ends, gpointer user_data)
{
  Service *service = user_data;

  service->asking = FALSE;
  service->machine_ends = ends;
  quit_when_idle (service);
}

static gboolean
on_signal (gpointer user_data)
{
  Service *service = user_data;

  if (service->stopping)
    return G_SOURCE_CONTINUE;
  g_info ("told to end");
  service->asking = TRUE;
  stop (service);
  cpd_bus_ask_machine_ends (service->bus, on_machine, service);
  return G_SOURCE_CONTINUE;
}

static gboolean on_reloaded (gpointer user_data);

static gpointer
reload (gpointer user_data)
{
  Service *service = user_data;
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) changed = cpd_engine_reload (service->engine, &error);
  g_autofree char *keys = changed != NULL ? g_strjoinv (", ", changed) : NULL;

  if (changed == NULL)
    g_message ("failed to read the configuration again: %s", error->message);
  else
    g_info ("the configuration was read again; changed: %s", *keys != '\0' ? keys : "nothing");
  g_idle_add_full (G_PRIORITY_DEFAULT, on_reloaded, service, NULL);
  return NULL;
}

/* What comes while the files are read may have come too late for them. */
static gboolean
on_hangup (gpointer user_data)
{
  Service *service = user_data;

  service->reload_again = service->reload != NULL;
  if (service->reload == NULL && !service->stopping)
    service->reload = g_thread_new ("cpd-reload", reload, service);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_reloaded (gpointer user_data)
{
  Service *service = user_data;
  gboolean again = service->reload_again;

  g_clear_pointer (&service->reload, g_thread_join);
  service->reload_again = FALSE;
  if (again)
    on_hangup (service);
  return G_SOURCE_REMOVE;
}

static gboolean
on_recovered (gpointer user_data)
{
  Service *service = user_data;

  service->recovering = FALSE;
  if (service->stopping)
    quit_when_idle (service);
  else
    {
      cpd_bus_service_set_running (service->bus);
      cpd_engine_start_upkeep (service->engine);
      malloc_trim (0);          /* to start takes more memory than to go on */
    }
  return G_SOURCE_REMOVE;
}

/* A service that refused to start over what it found would be no help in mending it. */
static gpointer
recover (gpointer user_data)
{
  Service *service = user_data;
  g_autoptr(GError) error = NULL;

  if (!cpd_engine_recover (service->engine, &error))
    g_message ("failed to recover all: %s", error->message);
  g_idle_add_full (G_PRIORITY_DEFAULT, on_recovered, service, NULL);
  return NULL;
}

static void
on_ready (gpointer user_data)
{
  Service *service = user_data;

  if (service->recovery != NULL || service->stopping)
    return;
  cpd_notify ("READY=1");
  service->manager = cpd_manager_new (service->engine);
  cpd_bus_service_load (service->bus);
  service->recovering = TRUE;
  service->recovery = g_thread_new ("cpd-recovery", recover, service);
}

static void
on_lost (const GError *error, gpointer user_data)
{
  Service *service = user_data;

  if (error != NULL && !service->stopping)
    {
      g_printerr ("cpodd: %s\n", error->message);
      service->status = 1;
    }
  stop (service);
}

static const CpdBusLinkFuncs link_funcs = { on_ready, on_lost };

static gboolean
open_link (Service *service, const CpdServiceOptions *options, GError **error)
{
  if (options->peer != -1)
    service->link = cpd_bus_link_new_socket (service->bus, options->peer, &link_funcs, service, error);
  else
    service->link = cpd_bus_link_new_bus (service->bus, options->session ? G_BUS_TYPE_SESSION
                                                                         : G_BUS_TYPE_SYSTEM,
                                          &link_funcs, service, error);
  return service->link != NULL;
}

static gboolean
set_up (Service *service, const CpdServiceOptions *options, GError **error)
{
  CpdConfig *config = cpd_config_new (options->root, error);

  if (config == NULL)
    {
      g_prefix_error_literal (error, "failed to read the configuration: ");
      return FALSE;
    }
  service->engine = cpd_engine_new (config, error);
  if (service->engine == NULL)
    return FALSE;
  service->bus = cpd_bus_service_new (service->engine);
  cpd_bus_service_set_quit (service->bus, stop, service);
  return open_link (service, options, error);
}

/* When calls still run the process ends over them: they hold on to all of this. */
static void
tear_down (Service *service)
{
  gboolean over = !service->stopping || (service->idle && !service->recovering);

  g_clear_handle_id (&service->stop_timer, g_source_remove);
  g_clear_pointer (&service->reload, g_thread_join);
  g_clear_pointer (&service->manager, cpd_manager_free);
  if (service->engine != NULL)
    cpd_engine_shutdown (service->engine);
  g_clear_pointer (&service->link, cpd_bus_link_free);
  if (!over)
    return;
  g_clear_pointer (&service->recovery, g_thread_join);
  g_clear_pointer (&service->bus, cpd_bus_service_free);
  g_clear_object (&service->engine);
  g_main_loop_unref (service->loop);
  g_free (service);
}

int
cpd_service_run (const CpdServiceOptions *options)
{
  Service *service = g_new0 (Service, 1);
  g_autoptr(GError) error = NULL;
  int status;

  service->loop = g_main_loop_new (NULL, FALSE);
  g_unix_signal_add (SIGTERM, on_signal, service);
  g_unix_signal_add (SIGINT, on_signal, service);

  if (set_up (service, options, &error))
    {
      /* To a service of one client it tells, as to any process, that its terminal has gone. */
      if (options->peer == -1)
        g_unix_signal_add (SIGHUP, on_hangup, service);
      g_main_loop_run (service->loop);
    }
  else
    {
      g_printerr ("cpodd: %s\n", error->message);
      service->status = 1;
    }

  status = service->status;
  tear_down (service);
  return status;
}
