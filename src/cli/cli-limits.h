/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

G_BEGIN_DECLS

/* How many options have a number or a size. */
#define CLI_N_LIMITS 11

/* What the command line says of limits, and of where and by what a container runs. */
typedef struct
{
  char *numbers[CLI_N_LIMITS];  /* (owned) (nullable): as in the table of them */
  char *cpus;
  char *cpuset_cpus;
  char *cpuset_mems;
  gboolean oom_kill_disable;
  char **ulimits;
  char *cgroup_parent;
  char *cgroups;
  char *cgroupns;
  char *oci_runtime;
} CliLimits;

void          cli_limits_clear       (CliLimits           *self);
/* ENTRIES with the options that set SELF behind them; without CREATING only those that can be changed later. */
GOptionEntry *cli_limits_add_entries (CliLimits           *self,
                                      const GOptionEntry  *entries,
                                      gboolean             creating);
/* Adds the options of the call to BUILDER (a{sv}). */
gboolean      cli_limits_add_options (const CliLimits     *self,
                                      GVariantBuilder     *builder,
                                      GError             **error);

G_END_DECLS
