/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-service.h"

#include "bus/cpd-bus-backlog.h"
#include "bus/cpd-bus-call.h"
#include "bus/cpd-bus-events.h"
#include "bus/cpd-bus-foreground.h"
#include "bus/cpd-bus-inhibit.h"
#include "bus/cpd-bus-interface.h"
#include "bus/cpd-bus-jobs.h"
#include "bus/cpd-bus-objects.h"
#include "bus/cpd-bus-peer.h"
#include "config.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

#define RUNTIME_INTERFACE "org.cpod.Cpod1.Runtime"
#define PROPERTIES "org.freedesktop.DBus.Properties"

struct _CpdBusService
{
  CpdEngine *engine;            /* (owned) */
  GDBusConnection *connection;  /* (owned) (nullable): NULL until the export */
  CpdBusCalls *calls;           /* (owned) */
  CpdBusJobs *jobs;             /* (owned) */
  CpdBusForeground *foreground; /* (owned) */
  CpdBusPeers *peers;           /* (owned) (nullable): NULL until the export */
  CpdBusObjects *containers;    /* (owned) */
  CpdBusObjects *images;        /* (owned) */
  const char *state;            /* (unowned) */
  GVariant *announced;          /* (owned): properties of the runtime */
  GVariant *told;               /* (owned) (nullable): the same as clients know them, while signals are held back */
  CpdBusProgress progress;
  CpdBusBacklog *backlog;       /* (owned) (nullable): on a bus only */
  CpdBusInhibit *inhibit;       /* (owned) (nullable): on a bus only */
  CpdBusIdle idle;              /* set when it stops */
  gpointer idle_data;
  CpdBusIdle quit;
  gpointer quit_data;
};

void
cpd_bus_service_emit (CpdBusService *service, const char *destination, const char *path,
                      const char *interface, const char *signal, GVariant *parameters)
{
  g_autoptr(GVariant) owned = g_variant_ref_sink (parameters);
  g_autoptr(GError) error = NULL;

  if (service->connection == NULL)
    return;
  /* This fails when the connection is closed, and then nobody listens. */
  if (!g_dbus_connection_emit_signal (service->connection, destination, path,
                                      interface, signal, owned, &error))
    g_debug ("failed to emit %s: %s", signal, error->message);
  cpd_bus_backlog_add (service->backlog, g_variant_get_size (owned));
}

static void
emit_object (const char *path, const char *interface, const char *signal,
             GVariant *parameters, gpointer user_data)
{
  cpd_bus_service_emit (user_data, NULL, path, interface, signal, parameters);
}

static GVariant *
build_properties (CpdBusService *service)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const char *boot_id = cpd_engine_get_boot_id (service->engine);

  g_variant_builder_add (&dict, "{sv}", "Version", g_variant_new_string (CPD_VERSION));
  g_variant_builder_add (&dict, "{sv}", "State", g_variant_new_string (service->state));
  g_variant_builder_add (&dict, "{sv}", "BootId", g_variant_new_string (boot_id != NULL ? boot_id : ""));
  g_variant_builder_add (&dict, "{sv}", "Health", cpd_engine_get_health (service->engine));
  return g_variant_ref_sink (g_variant_builder_end (&dict));
}

void
cpd_bus_service_update (CpdBusService *service)
{
  g_autoptr(GVariant) before = g_steal_pointer (&service->announced);
  GVariant *changed;

  service->announced = build_properties (service);
  if (service->told != NULL)
    return;
  changed = cpd_bus_properties_diff (before, service->announced);
  if (changed != NULL)
    cpd_bus_service_emit (service, NULL, CPOD_PATH_RUNTIME, PROPERTIES, "PropertiesChanged",
                          cpd_bus_properties_changed (RUNTIME_INTERFACE, changed));
}

CpdBusService *
cpd_bus_service_new (CpdEngine *engine)
{
  CpdBusService *service = g_new0 (CpdBusService, 1);

  (void) CPOD_ERROR;            /* errors have their names on the bus from now on */
  service->engine = g_object_ref (engine);
  service->state = "starting";
  service->announced = build_properties (service);
  service->calls = cpd_bus_calls_new (service);
  service->jobs = cpd_bus_jobs_new (service);
  service->foreground = cpd_bus_foreground_new (engine);
  service->containers = cpd_bus_objects_new (CPOD_PATH_CONTAINERS, "org.cpod.Cpod1.Container",
                                             emit_object, service);
  service->images = cpd_bus_objects_new (CPOD_PATH_IMAGES, "org.cpod.Cpod1.Image",
                                         emit_object, service);
  cpd_bus_events_connect (service);
  return service;
}

/* Before anything changes, so that what is shown first is what was there first. */
void
cpd_bus_service_load (CpdBusService *service)
{
  cpd_bus_objects_ensure (service->containers);
  cpd_bus_objects_ensure (service->images);
}

void
cpd_bus_service_free (CpdBusService *service)
{
  if (service == NULL)
    return;
  cpd_bus_events_disconnect (service);
  cpd_bus_inhibit_free (service->inhibit);
  cpd_bus_calls_free (service->calls);
  cpd_bus_jobs_free (service->jobs);
  cpd_bus_foreground_free (service->foreground);
  cpd_bus_peers_free (service->peers);
  cpd_bus_objects_free (service->containers);
  cpd_bus_objects_free (service->images);
  cpd_bus_backlog_free (service->backlog);
  g_clear_pointer (&service->told, g_variant_unref);
  g_variant_unref (service->announced);
  g_clear_object (&service->connection);
  g_object_unref (service->engine);
  g_free (service);
}

static void
on_peer_left (CpdBusPeer *peer, gpointer user_data)
{
  CpdBusService *service = user_data;

  cpd_bus_jobs_abandon (service->jobs, peer);
  cpd_bus_foreground_abandon (service->foreground, peer);
}

static void
on_held (gpointer user_data)
{
  CpdBusService *service = user_data;

  cpd_bus_objects_hold (service->containers);
  cpd_bus_objects_hold (service->images);
  service->told = g_variant_ref (service->announced);
}

/* The objects as they are now, and then all events that were not told. */
static gboolean
on_resume (gpointer user_data)
{
  CpdBusService *service = user_data;
  g_autoptr(GVariant) told = g_steal_pointer (&service->told);
  GVariant *changed = told != NULL ? cpd_bus_properties_diff (told, service->announced) : NULL;

  cpd_bus_objects_catch_up (service->containers);
  cpd_bus_objects_catch_up (service->images);
  if (changed != NULL)
    cpd_bus_service_emit (service, NULL, CPOD_PATH_RUNTIME, PROPERTIES, "PropertiesChanged",
                          cpd_bus_properties_changed (RUNTIME_INTERFACE, changed));
  if (cpd_bus_events_catch_up (service))
    return TRUE;
  on_held (service);
  return FALSE;
}

static const CpdBusBacklogFuncs backlog_funcs = { on_held, on_resume };

static void
watch_backlog (CpdBusService *service)
{
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (service->engine);

  service->backlog = cpd_bus_backlog_new (service->connection, cpd_config_get_int (config, CPD_KEY_UNREAD_SIGNALS_MAX),
                                          &backlog_funcs, service);
}

CpdBusProgress *
cpd_bus_service_get_progress (CpdBusService *service)
{
  return &service->progress;
}

gboolean
cpd_bus_service_is_holding (CpdBusService *service)
{
  return cpd_bus_backlog_is_held (service->backlog);
}

gboolean
cpd_bus_service_export (CpdBusService *service, GDBusConnection *connection, GDBusConnection *questions,
                        GError **error)
{
  g_return_val_if_fail (service->connection == NULL, FALSE);

  service->connection = g_object_ref (connection);
  watch_backlog (service);
  service->peers = cpd_bus_peers_new (questions, on_peer_left, service);
  cpd_bus_foreground_bind (service->foreground, connection);
  if (g_dbus_connection_get_unique_name (connection) != NULL)
    service->inhibit = cpd_bus_inhibit_new (service->engine, connection);
  return cpd_bus_interface_export (&cpd_bus_runtime_interface, service, error)
         && cpd_bus_interface_export (&cpd_bus_images_interface, service, error)
         && cpd_bus_interface_export_objects (&cpd_bus_container_interface, service,
                                              service->containers, error)
         && cpd_bus_interface_export_subtree (&cpd_bus_exec_interface, service, CPOD_PATH_EXECS, error)
         && cpd_bus_interface_export_objects (&cpd_bus_image_interface, service,
                                              service->images, error);
}

/* What the recovery did is told before what waited for it runs. */
void
cpd_bus_service_set_running (CpdBusService *service)
{
  if (service->idle != NULL)
    return;
  cpd_engine_drain_events (service->engine);
  service->state = "running";
  cpd_bus_service_update (service);
  if (service->peers != NULL)
    cpd_bus_foreground_resume (service->foreground, service->peers);
  cpd_bus_calls_open (service->calls);
}

void
cpd_bus_service_stop (CpdBusService *service, CpdBusIdle idle, gpointer user_data)
{
  if (service->idle != NULL)
    return;
  service->idle = idle;
  service->idle_data = user_data;
  service->state = "stopping";
  cpd_bus_service_update (service);
  cpd_bus_jobs_cancel (service->jobs);
  cpd_bus_calls_stop (service->calls);
  if (service->peers != NULL)
    cpd_bus_peers_cancel (service->peers);
  cpd_bus_service_notice_idle (service);
}

/* Something has ended. The call that ordered the end is answered last. */
void
cpd_bus_service_notice_idle (CpdBusService *service)
{
  if (service->idle == NULL || cpd_bus_jobs_count (service->jobs) > 0)
    return;
  if (cpd_bus_calls_count (service->calls) == 0)
    service->idle (service->idle_data);
  else if (cpd_bus_calls_count (service->calls) == 1)
    cpd_bus_calls_answer_last (service->calls);
}

void
cpd_bus_service_set_quit (CpdBusService *service, CpdBusIdle quit, gpointer user_data)
{
  service->quit = quit;
  service->quit_data = user_data;
}

void
cpd_bus_service_quit (CpdBusService *service)
{
  service->quit (service->quit_data);
}

gboolean
cpd_bus_service_is_working (CpdBusService *service)
{
  return cpd_bus_calls_last_works (service->calls);
}

void
cpd_bus_service_give_up (CpdBusService *service)
{
  cpd_bus_calls_answer_last (service->calls);
}

CpdEngine *
cpd_bus_service_get_engine (CpdBusService *service)
{
  return service->engine;
}

GDBusConnection *
cpd_bus_service_get_connection (CpdBusService *service)
{
  return service->connection;
}

CpdBusCalls *
cpd_bus_service_get_calls (CpdBusService *service)
{
  return service->calls;
}

CpdBusPeers *
cpd_bus_service_get_peers (CpdBusService *service)
{
  return service->peers;
}

CpdBusForeground *
cpd_bus_service_get_foreground (CpdBusService *service)
{
  return service->foreground;
}

CpdBusJobs *
cpd_bus_service_get_jobs (CpdBusService *service)
{
  return service->jobs;
}

CpdBusObjects *
cpd_bus_service_get_containers (CpdBusService *service)
{
  return service->containers;
}

CpdBusObjects *
cpd_bus_service_get_images (CpdBusService *service)
{
  return service->images;
}

GVariant *
cpd_bus_service_get_property (CpdBusService *service, const char *name)
{
  return g_variant_lookup_value (service->announced, name, NULL);
}
