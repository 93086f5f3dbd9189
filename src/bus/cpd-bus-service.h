/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/* The engine on a connection: to a bus, or to a single client. Main thread only. */
typedef struct _CpdBusService CpdBusService;

typedef struct _CpdBusCalls CpdBusCalls;
typedef struct _CpdBusForeground CpdBusForeground;
typedef struct _CpdBusJobs CpdBusJobs;
typedef struct _CpdBusObjects CpdBusObjects;
typedef struct _CpdBusPeers CpdBusPeers;

typedef void (*CpdBusIdle) (gpointer user_data);

/* Publishes what is in the store. */
CpdBusService   *cpd_bus_service_new            (CpdEngine        *engine);
/* Reads what there is to show: once the name is owned, so that taking it need not wait for that. */
void             cpd_bus_service_load           (CpdBusService    *service);
void             cpd_bus_service_free           (CpdBusService    *service);
/* Once, before the service's name is taken. Who its callers are is asked on QUESTIONS, which may be the same. */
gboolean         cpd_bus_service_export         (CpdBusService    *service,
                                                 GDBusConnection  *connection,
                                                 GDBusConnection  *questions,
                                                 GError          **error);
/* The recovery is over. */
void             cpd_bus_service_set_running    (CpdBusService    *service);
/* Takes no more calls, ends what waits; calls IDLE once the rest has ended. */
void             cpd_bus_service_stop           (CpdBusService    *service,
                                                 CpdBusIdle        idle,
                                                 gpointer          user_data);
/* QUIT is called when a caller wants the service to end: it is to call cpd_bus_service_stop(). */
void             cpd_bus_service_set_quit       (CpdBusService    *service,
                                                 CpdBusIdle        quit,
                                                 gpointer          user_data);
/* Whether the order of a caller to stop all containers is still being carried out. */
gboolean         cpd_bus_service_is_working     (CpdBusService    *service);
/* What still runs is left alone: answers who told the service to end. */
void             cpd_bus_service_give_up        (CpdBusService    *service);

/* For the modules of the bus. */
void             cpd_bus_service_quit           (CpdBusService    *service);
CpdEngine       *cpd_bus_service_get_engine     (CpdBusService    *service);
GDBusConnection *cpd_bus_service_get_connection (CpdBusService    *service);
CpdBusCalls     *cpd_bus_service_get_calls      (CpdBusService    *service);
CpdBusPeers     *cpd_bus_service_get_peers      (CpdBusService    *service);
CpdBusForeground *cpd_bus_service_get_foreground (CpdBusService   *service);
CpdBusJobs      *cpd_bus_service_get_jobs       (CpdBusService    *service);
CpdBusObjects   *cpd_bus_service_get_containers (CpdBusService    *service);
CpdBusObjects   *cpd_bus_service_get_images     (CpdBusService    *service);
/* A property of the interface org.cpod.Cpod1.Runtime; NULL if there is none. */
GVariant        *cpd_bus_service_get_property   (CpdBusService    *service,
                                                 const char       *name);
/* The boot id may have become another. */
void             cpd_bus_service_update         (CpdBusService    *service);
/* To all, or to DESTINATION alone. PARAMETERS may be floating. */
void             cpd_bus_service_emit           (CpdBusService    *service,
                                                 const char       *destination,
                                                 const char       *path,
                                                 const char       *interface,
                                                 const char       *signal,
                                                 GVariant         *parameters);
/* Up to which number the objects are as events say, and up to which clients were told of them. */
typedef struct
{
  guint64 shown;
  guint64 told;
} CpdBusProgress;

CpdBusProgress  *cpd_bus_service_get_progress   (CpdBusService    *service);
/* Whether signals are held back, because too much of what was told is unread. */
gboolean         cpd_bus_service_is_holding     (CpdBusService    *service);
void             cpd_bus_service_notice_idle    (CpdBusService    *service);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdBusService, cpd_bus_service_free)

G_END_DECLS
