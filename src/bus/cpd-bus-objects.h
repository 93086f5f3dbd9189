/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * The published objects of one kind: for each, the properties as they were
 * last announced, and nothing else. Reads of properties are answered from
 * here, so what a client reads is never older or newer than what it was told.
 * Main thread only.
 */
typedef struct _CpdBusObjects CpdBusObjects;

typedef void (*CpdBusEmit) (const char *path,
                            const char *interface,
                            const char *signal,
                            GVariant   *parameters,
                            gpointer    user_data);

/* Objects with INTERFACE at ROOT/ID; EMIT sends their signals. */
CpdBusObjects *cpd_bus_objects_new          (const char     *root,
                                             const char     *interface,
                                             CpdBusEmit      emit,
                                             gpointer        user_data);
void           cpd_bus_objects_free         (CpdBusObjects  *objects);

/* LOAD fills the table with cpd_bus_objects_add() when it is first looked at: not before the service has its
 * name, which must not wait for it. */
typedef void (*CpdBusLoad) (CpdBusObjects *objects,
                            gpointer       user_data);
void           cpd_bus_objects_set_load     (CpdBusObjects  *objects,
                                             CpdBusLoad      load);
void           cpd_bus_objects_ensure       (CpdBusObjects  *objects);
/* Adds an object without a word. */
void           cpd_bus_objects_add          (CpdBusObjects  *objects,
                                             const char     *id,
                                             GVariant       *properties);

/* Adds an object, or announces what is different of one. PROPERTIES, a{sv}, may be floating. */
void           cpd_bus_objects_publish      (CpdBusObjects  *objects,
                                             const char     *id,
                                             GVariant       *properties);
void           cpd_bus_objects_withdraw     (CpdBusObjects  *objects,
                                             const char     *id);

/* Between these nothing is told, and then what is different from what was told before. */
void           cpd_bus_objects_hold         (CpdBusObjects  *objects);
void           cpd_bus_objects_catch_up     (CpdBusObjects  *objects);
const char    *cpd_bus_objects_get_root     (CpdBusObjects  *objects);
gboolean       cpd_bus_objects_contains     (CpdBusObjects  *objects,
                                             const char     *id);
/* (nullable): its properties; NULL when there is no such object. */
GVariant      *cpd_bus_objects_get          (CpdBusObjects  *objects,
                                             const char     *id);
GVariant      *cpd_bus_objects_get_property (CpdBusObjects  *objects,
                                             const char     *id,
                                             const char     *name);
char         **cpd_bus_objects_list_ids     (CpdBusObjects  *objects);
/* (a{oa{sa{sv}}}), the reply of GetManagedObjects(). */
GVariant      *cpd_bus_objects_get_managed  (CpdBusObjects  *objects);

/* What is different between two a{sv}: NULL when nothing is. */
GVariant      *cpd_bus_properties_diff      (GVariant       *announced,
                                             GVariant       *now);
/* The parameters of PropertiesChanged. */
GVariant      *cpd_bus_properties_changed   (const char     *interface,
                                             GVariant       *changed);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdBusObjects, cpd_bus_objects_free)

G_END_DECLS
