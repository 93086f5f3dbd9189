/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* Runtime.PruneContainers() and Runtime.PrunePreview(). */

extern const CpdBusOption cpd_bus_prune_options[];
extern const CpdBusOption cpd_bus_preview_options[];

/* Main thread. */
void      cpd_bus_start_prune  (CpdBusCall  *call);
/* Worker thread. */
GVariant *cpd_bus_work_preview (CpdBusCall  *call,
                                GError     **error);

/* What is answered, for containers and images alike, of an array of CpdPruned: the result of the job (a{sv}), and what
 * a preview gives (ast). */
GVariant *cpd_bus_prune_build_result  (GPtrArray *pruned);
GVariant *cpd_bus_prune_build_preview (GPtrArray *found);

G_END_DECLS
