/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "common/cpd-json.h"
#include "config/cpd-config.h"
#include "oci/cpd-resources.h"

G_BEGIN_DECLS

/* What a container is limited to: by its cgroup, and otherwise. */
typedef struct
{
  gboolean is_recorded;         /* version 0.1.0 recorded nothing of this */
  CpdResources resources;
  gboolean has_oom_score_adj;
  int oom_score_adj;
  gint64 shm_size;              /* bytes, 0 for the configured size */
  char **ulimits;               /* (owned) (nullable): "NAME=SOFT:HARD", over the configured ones */
} CpdContainerLimits;

void     cpd_container_limits_clear          (CpdContainerLimits       *limits);
/* What OPTIONS (a{sv}) ask for, and else what SETTINGS have. Without a cgroup none of its limits can be asked for.
 * INVALID_ARGUMENT names the option. */
gboolean cpd_container_limits_set            (CpdContainerLimits       *limits,
                                              GVariant                 *options,
                                              gboolean                  without_cgroup,
                                              const CpdConfig          *settings,
                                              GError                  **error);
/* To and from OBJECT, the container's recorded configuration. */
void     cpd_container_limits_add_to_object  (const CpdContainerLimits *limits,
                                              JsonObject               *object);
void     cpd_container_limits_from_object    (CpdContainerLimits       *limits,
                                              JsonObject               *object);
/* podman's members of HostConfig. */
void     cpd_container_limits_add_to_inspect (const CpdContainerLimits *limits,
                                              const CpdConfig          *settings,
                                              JsonObject               *host_config);

G_END_DECLS
