/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/cpd-config-values.h"

G_BEGIN_DECLS

/* Where configuration is looked for. */
typedef struct
{
  const char *system;           /* what stands before "/etc" and "/usr": "" but in tests */
  const char *user;             /* (nullable): the user's directory of configuration, when there is a user */
  const char *named;            /* (nullable): a file that must be there */
} CpdConfigPlaces;

/* Reads all files, later ones over earlier ones:
 *   /usr/share/containers/containers.conf, /etc/containers/containers.conf and containers.conf.d,
 *   the user's containers/containers.conf and containers.conf.d,
 *   /etc/cpod/cpod.conf and cpod.conf.d, the user's cpod/cpod.conf and cpod.conf.d, NAMED.
 * None but NAMED has to be there. The engine writes none of them. BAD_CONFIG. */
gboolean cpd_config_read_files (CpdConfigValues        *values,
                                const CpdConfigPlaces  *places,
                                GError                **error);

G_END_DECLS
