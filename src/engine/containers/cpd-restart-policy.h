/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store-containers.h"

G_BEGIN_DECLS

/* What is to happen when a container's process has ended. */
typedef enum
{
  CPD_RESTART_NO,
  CPD_RESTART_ON_FAILURE,
  CPD_RESTART_ALWAYS,
  CPD_RESTART_UNLESS_STOPPED,
} CpdRestartMode;

typedef struct
{
  CpdRestartMode mode;
  guint retries;                /* of "on-failure"; 0 for no limit */
} CpdRestartPolicy;

/* "no", "on-failure", "on-failure:N", "always", "unless-stopped"; INVALID_ARGUMENT for another. */
gboolean  cpd_restart_policy_parse        (const char               *text,
                                           CpdRestartPolicy         *policy,
                                           GError                  **error);
char     *cpd_restart_policy_to_string    (const CpdRestartPolicy   *policy);
/* The same without the retries. */
const char *cpd_restart_policy_get_name  (const CpdRestartPolicy   *policy);
/* Whether one that has ended as STATUS tells is to be started again. */
gboolean  cpd_restart_policy_matches      (const CpdRestartPolicy   *policy,
                                           const CpdContainerStatus *status);
/* Whether the policy asks for a start when the machine was booted. */
gboolean  cpd_restart_policy_outlasts_boot (const CpdRestartPolicy  *policy);
/* Whether it is to be started when the machine was booted. */
gboolean  cpd_restart_policy_matches_boot (const CpdRestartPolicy   *policy,
                                           const CpdContainerStatus *status);
/* How long to wait before that, in ms: longer each time, but not after a run that went well. */
guint     cpd_restart_policy_delay        (const CpdContainerStatus *status);

G_END_DECLS
