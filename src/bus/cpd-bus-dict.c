/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-dict.h"

void
cpd_bus_dict_add (GVariantBuilder *dict, const char *key, GVariant *value)
{
  g_variant_builder_add (dict, "{sv}", key, value);
}

void
cpd_bus_dict_add_string (GVariantBuilder *dict, const char *key, const char *value)
{
  cpd_bus_dict_add (dict, key, g_variant_new_string (value != NULL ? value : ""));
}

void
cpd_bus_dict_add_number (GVariantBuilder *dict, const char *key, gint64 value)
{
  cpd_bus_dict_add (dict, key, g_variant_new_uint64 ((guint64) MAX (value, 0)));
}
