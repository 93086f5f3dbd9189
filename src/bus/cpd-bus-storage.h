/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* What containers and images are mounted, and containers that only the storage knows. Worker threads. */

extern const CpdBusOption cpd_bus_force_options[];

GVariant *cpd_bus_work_mount            (CpdBusCall  *call,
                                         GError     **error);
GVariant *cpd_bus_work_unmount          (CpdBusCall  *call,
                                         GError     **error);
GVariant *cpd_bus_work_list_mounts      (CpdBusCall  *call,
                                         GError     **error);
GVariant *cpd_bus_work_mount_image      (CpdBusCall  *call,
                                         GError     **error);
GVariant *cpd_bus_work_unmount_image    (CpdBusCall  *call,
                                         GError     **error);
GVariant *cpd_bus_work_list_image_mounts (CpdBusCall *call,
                                         GError     **error);
GVariant *cpd_bus_work_list_storage     (CpdBusCall  *call,
                                         GError     **error);
GVariant *cpd_bus_work_mount_storage    (CpdBusCall  *call,
                                         GError     **error);
GVariant *cpd_bus_work_unmount_storage  (CpdBusCall  *call,
                                         GError     **error);
GVariant *cpd_bus_work_remove_storage   (CpdBusCall  *call,
                                         GError     **error);

G_END_DECLS
