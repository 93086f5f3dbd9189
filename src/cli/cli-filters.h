/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What a filter is on the bus. All but lists can be given only once. */
typedef enum
{
  CLI_FILTER_STRINGS,
  CLI_FILTER_STRING,
  CLI_FILTER_NUMBERS,
  CLI_FILTER_TIME,
  CLI_FILTER_BOOLEAN,
} CliFilterKind;

/* A filter's name on the command line and its key on the bus. */
typedef struct
{
  const char *name;
  const char *key;
  CliFilterKind kind;
} CliFilter;

/* Adds KEY=VALUE filters to BUILDER (a{sv}), the values of one key together. */
gboolean cli_filters_add (GVariantBuilder  *builder,
                          const CliFilter  *known,
                          gsize             n_known,
                          char            **filters,
                          GError          **error);

G_END_DECLS
