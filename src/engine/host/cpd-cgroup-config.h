/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "common/cpd-json.h"
#include "config/cpd-config.h"

G_BEGIN_DECLS

typedef enum
{
  CPD_CGROUPS_ENABLED,
  CPD_CGROUPS_DISABLED,         /* it stays in the cgroup of its monitor */
  CPD_CGROUPS_NO_CONMON,        /* the monitor gets none of its own, which is so in any case */
  CPD_CGROUPS_SPLIT,            /* below the cgroup of whoever starts it */
} CpdCgroupsMode;

/* Which cgroup a container gets. It is recorded, since the configuration may change before it runs again. */
typedef struct
{
  gboolean is_recorded;         /* version 0.1.0 recorded nothing of this */
  CpdCgroupsMode mode;
  gboolean systemd;             /* systemd makes it, not the OCI runtime itself */
  char *parent;                 /* (owned) (nullable): "/cpod", or "machine.slice" */
  gboolean private_namespace;
} CpdCgroupConfig;

void        cpd_cgroup_config_clear       (CpdCgroupConfig       *cgroup);
/* What OPTIONS (a{sv}) ask for, and else what SETTINGS have. INVALID_ARGUMENT names the option. */
gboolean    cpd_cgroup_config_set         (CpdCgroupConfig       *cgroup,
                                           GVariant              *options,
                                           const CpdConfig       *settings,
                                           GError               **error);
void        cpd_cgroup_config_from_object (CpdCgroupConfig       *cgroup,
                                           JsonObject            *object);
JsonObject *cpd_cgroup_config_to_object   (const CpdCgroupConfig *cgroup);
/* podman's members of HostConfig. */
void        cpd_cgroup_config_add_to_inspect (const CpdCgroupConfig *cgroup,
                                           JsonObject            *host_config);

/* linux.cgroupsPath of the OCI runtime spec; NULL where cgroups are disabled. SPLIT_BELOW is the cgroup of
 * whoever starts the container. */
char       *cpd_cgroup_config_spec_path   (const CpdCgroupConfig *cgroup,
                                           const char            *id,
                                           const char            *split_below);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdCgroupConfig, cpd_cgroup_config_clear)

G_END_DECLS
