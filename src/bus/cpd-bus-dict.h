/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Entries of dictionaries a{sv}. */
void cpd_bus_dict_add        (GVariantBuilder *dict,
                              const char      *key,
                              GVariant        *value);
/* NULL is "". */
void cpd_bus_dict_add_string (GVariantBuilder *dict,
                              const char      *key,
                              const char      *value);
/* Bytes, or a time: what is below 0 is unknown, and 0 (t). */
void cpd_bus_dict_add_number (GVariantBuilder *dict,
                              const char      *key,
                              gint64           value);

G_END_DECLS
