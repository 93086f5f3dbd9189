/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The one door for errors to the bus: what comes out is always a CPOD_ERROR. */
GError *cpd_bus_error_normalise (const GError *cause);
char   *cpd_bus_error_get_name  (const GError *error);

G_END_DECLS
