/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* Methods about the file systems of containers and images, and their options. */
extern const CpdBusOption cpd_bus_commit_options[];
extern const CpdBusOption cpd_bus_copy_out_options[];
extern const CpdBusOption cpd_bus_copy_in_options[];

GVariant *cpd_bus_work_diff_container (CpdBusCall  *call,
                                       GError     **error);
GVariant *cpd_bus_work_diff_image     (CpdBusCall  *call,
                                       GError     **error);
void      cpd_bus_commit_start        (CpdBusCall  *call);
GVariant *cpd_bus_work_stat_path      (CpdBusCall  *call,
                                       GError     **error);
void      cpd_bus_copy_out_start      (CpdBusCall  *call);
void      cpd_bus_copy_in_start       (CpdBusCall  *call);

/* COLUMNS of the containers ROWS with two more: what each has written, and what it has in all. Takes COLUMNS. */
GVariant *cpd_bus_add_sizes           (CpdEngine   *engine,
                                       GVariant    *columns,
                                       GPtrArray   *rows);

G_END_DECLS
