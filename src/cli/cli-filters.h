/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A filter's name on the command line and its key on the bus, where it is a list of strings, or one time. */
typedef struct
{
  const char *name;
  const char *key;
  gboolean is_time;
} CliFilter;

/* Adds KEY=VALUE filters to BUILDER (a{sv}), the values of one key together. */
gboolean cli_filters_add (GVariantBuilder  *builder,
                          const CliFilter  *known,
                          gsize             n_known,
                          char            **filters,
                          GError          **error);

G_END_DECLS
