/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/cpd-config-values.h"

G_BEGIN_DECLS

/* An OCI runtime that can be run. */
typedef struct
{
  char *name;                   /* among the configured ones, or its path when that was given */
  char *path;
} CpdOciRuntime;

/* The OCI runtimes that are configured. */
typedef struct _CpdOciRuntimes CpdOciRuntimes;

/* Looks for all; one that was configured and is missing is told in the warnings of VALUES. */
CpdOciRuntimes      *cpd_oci_runtimes_new  (CpdConfigValues  *values,
                                            gboolean          cgroup_v2);
void                 cpd_oci_runtimes_free (CpdOciRuntimes   *runtimes);
/* By name or absolute path, the default for NULL and "". The error lists what was tried. INVALID_ARGUMENT
 * for a name that is not configured, OCI_RUNTIME for one that is not there. It lasts as long as RUNTIMES do. */
const CpdOciRuntime *cpd_oci_runtimes_find (CpdOciRuntimes   *runtimes,
                                            const char       *name,
                                            GError          **error);

/* Whether it writes its errors as JSON when told to: because of its name, or of what it says of itself. */
gboolean             cpd_oci_runtimes_supports_json (CpdOciRuntimes      *runtimes,
                                                     const CpdOciRuntime *runtime);
/* Whether it can do without a cgroup for a container. */
gboolean             cpd_oci_runtimes_supports_nocgroups (CpdOciRuntimes *runtimes,
                                                     const CpdOciRuntime *runtime);

/* The first of PATHS that is a file and may be executed, or NULL. */
char                *cpd_find_executable   (const char *const *paths);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdOciRuntimes, cpd_oci_runtimes_free)

G_END_DECLS
