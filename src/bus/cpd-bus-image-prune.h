/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* Images.PruneImages() and Images.PrunePreview(). */

extern const CpdBusOption cpd_bus_prune_images_options[];
extern const CpdBusOption cpd_bus_preview_images_options[];

void      cpd_bus_start_prune_images  (CpdBusCall  *call);
GVariant *cpd_bus_work_preview_images (CpdBusCall  *call,
                                       GError     **error);

G_END_DECLS
