/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

gboolean  cpd_bus_container_list_has_field (const char        *field);
/* a{sv}, floating: a column for each key that FIELDS names, or for all that need no config if it is NULL. */
GVariant *cpd_bus_container_list           (GPtrArray         *rows,
                                            const char *const *fields);

G_END_DECLS
