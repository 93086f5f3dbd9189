/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* Methods of org.cpod.Cpod1.Images that move images, and their options. */
extern const CpdBusOption cpd_bus_pull_options[];
extern const CpdBusOption cpd_bus_push_options[];
extern const CpdBusOption cpd_bus_list_tags_options[];
extern const CpdBusOption cpd_bus_search_options[];

void cpd_bus_pull_start (CpdBusCall *call);
void cpd_bus_push_start (CpdBusCall *call);
void cpd_bus_list_tags_start (CpdBusCall *call);
void cpd_bus_search_start (CpdBusCall *call);

/* How far a job is that moves layers: USER_DATA is the job. */
void      cpd_bus_transfer_progress (guint64   bytes_done,
                                     guint64   bytes_total,
                                     guint     layers_done,
                                     guint     layers_total,
                                     gpointer  user_data);

G_END_DECLS
