/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"
#include "bus/cpd-bus-objects.h"
#include "bus/cpd-bus-service.h"

G_BEGIN_DECLS

/* An interface: what the generated code knows of it, and who does the work. */
typedef struct
{
  GDBusInterfaceInfo *(*get_info) (void);
  const CpdBusMethod *methods;
} CpdBusInterface;

extern const CpdBusInterface cpd_bus_runtime_interface;
extern const CpdBusInterface cpd_bus_images_interface;
extern const CpdBusInterface cpd_bus_container_interface;
extern const CpdBusInterface cpd_bus_image_interface;
extern const CpdBusInterface cpd_bus_exec_interface;
extern const CpdBusInterface cpd_bus_job_interface;

/* Finds the handler and begins the call. */
void     cpd_bus_interface_dispatch       (const CpdBusInterface  *interface,
                                           CpdBusService          *service,
                                           GDBusMethodInvocation  *invocation,
                                           const char             *object);
/* Exports the interface at CPOD_PATH_RUNTIME. */
gboolean cpd_bus_interface_export         (const CpdBusInterface  *interface,
                                           CpdBusService          *service,
                                           GError                **error);
/* Exports the interface at all paths ROOT/ID, whether there is something of that id or not: calls tell. */
gboolean cpd_bus_interface_export_subtree (const CpdBusInterface  *interface,
                                           CpdBusService          *service,
                                           const char             *root,
                                           GError                **error);
/* Exports OBJECTS, with the interface, below their root, and the object manager there. */
gboolean cpd_bus_interface_export_objects (const CpdBusInterface  *interface,
                                           CpdBusService          *service,
                                           CpdBusObjects          *objects,
                                           GError                **error);

G_END_DECLS
