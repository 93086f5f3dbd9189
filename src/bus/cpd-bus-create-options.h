/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-options.h"

G_BEGIN_DECLS

/* Of org.cpod.Cpod1.Runtime.Create(). */
extern const CpdBusOption cpd_bus_create_options[];

G_END_DECLS
