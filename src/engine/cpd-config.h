/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Where the engine keeps things and what it runs. */
typedef struct
{
  char *static_dir;             /* state database, container logs: /var/lib/cpod */
  char *graph_root;             /* images and layers: /var/lib/cpod/storage */
  char *run_root;               /* per-boot files, on a tmpfs: /run/cpod */
  char *conmon;
  char *oci_runtime;
  char *seccomp_profile;
  char *cgroup_parent;          /* "/cpod" */
  guint events_max_rows;
} CpdConfig;

/* Built-in values, below ROOT when that is not NULL (ROOT/lib, ROOT/run). */
CpdConfig *cpd_config_new  (const char *root);
void       cpd_config_free (CpdConfig  *config);
gboolean   cpd_config_is_cgroup_v2 (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdConfig, cpd_config_free)

G_END_DECLS
