/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* Images.ListImages(), Image.History() and Image.ListLayers(). Worker threads. */

extern const CpdBusOption cpd_bus_list_images_options[];
extern const CpdBusOption cpd_bus_list_layers_options[];

GVariant *cpd_bus_work_list_images (CpdBusCall  *call,
                                    GError     **error);
GVariant *cpd_bus_work_history     (CpdBusCall  *call,
                                    GError     **error);
GVariant *cpd_bus_work_list_layers (CpdBusCall  *call,
                                    GError     **error);

G_END_DECLS
