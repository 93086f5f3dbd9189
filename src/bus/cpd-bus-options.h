/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Says what is wrong with a value of the right type; the option's name is put before it. */
typedef gboolean (*CpdBusOptionCheck) (GVariant  *value,
                                       GError   **error);

/* One option of a method. A table of them ends with a NULL key. */
typedef struct
{
  const char *key;
  const GVariantType *type;
  CpdBusOptionCheck check;      /* (nullable) */
} CpdBusOption;

/* The table of methods that have no options yet. */
extern const CpdBusOption cpd_bus_no_options[];

gboolean   cpd_bus_options_check        (const CpdBusOption  *table,
                                         GVariant            *options,
                                         GError             **error);

/* Readers: what is missing is FALSE, FALLBACK or NULL. */
gboolean   cpd_bus_options_get_boolean  (GVariant            *options,
                                         const char          *key,
                                         gboolean             fallback);
gint64     cpd_bus_options_get_uint32   (GVariant            *options,
                                         const char          *key,
                                         gint64               fallback);
gint64     cpd_bus_options_get_time     (GVariant            *options,
                                         const char          *key);
char      *cpd_bus_options_get_string   (GVariant            *options,
                                         const char          *key);
char     **cpd_bus_options_get_strings  (GVariant            *options,
                                         const char          *key);

/* Checks that several methods need. */
gboolean   cpd_bus_check_filter         (GVariant            *value,
                                         GError             **error);
gboolean   cpd_bus_check_name           (GVariant            *value,
                                         GError             **error);
gboolean   cpd_bus_check_namespace      (GVariant            *value,
                                         GError             **error);
gboolean   cpd_bus_check_signal         (GVariant            *value,
                                         GError             **error);
/* Of a terminal: (uu), rows and columns. */
gboolean   cpd_bus_check_size           (GVariant            *value,
                                         GError             **error);
gboolean   cpd_bus_check_time           (GVariant            *value,
                                         GError             **error);

G_END_DECLS
