/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "config/cpd-config.h"
#include "engine/containers/cpd-container-limits.h"
#include "engine/containers/cpd-restart-policy.h"
#include "engine/host/cpd-cgroup-config.h"
#include "store/cpd-store-images.h"

G_BEGIN_DECLS

/* How a container was asked for, with what its image says filled in: final but for what only the mounted
 * root can tell. Kept as JSON in the container's row. */
typedef struct
{
  char **args;
  int n_entrypoint;             /* how many of them are the entrypoint; -1 when nobody knows */
  char **env;
  char **labels;                /* "key", "value", "key", ... sorted by key */
  char *workdir;
  char *user;
  char *hostname;
  char *network;                /* "none" or "host" */
  gboolean read_only;
  gboolean keep_stdin;
  gboolean tty;
  gboolean privileged;
  char **capabilities;
  char **added_capabilities;
  int stop_signal;
  guint stop_timeout;           /* seconds */
  CpdRestartPolicy restart;
  CpdContainerLimits limits;
  CpdCgroupConfig cgroup;
  char *oci_runtime;            /* (nullable): name among the configured ones, or path; NULL for the default */
} CpdContainerConfig;

/* What neither OPTIONS nor the image say is as SETTINGS have it. INVALID_ARGUMENT names the option. */
CpdContainerConfig *cpd_container_config_new     (const char               *id,
                                                  const CpdImageRow        *image,
                                                  GVariant                 *options,
                                                  const CpdConfig          *settings,
                                                  GError                  **error);
CpdContainerConfig *cpd_container_config_parse   (const char               *json,
                                                  GError                  **error);
char               *cpd_container_config_to_json (const CpdContainerConfig *config);
void                cpd_container_config_free    (CpdContainerConfig       *config);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdContainerConfig, cpd_container_config_free)

G_END_DECLS
