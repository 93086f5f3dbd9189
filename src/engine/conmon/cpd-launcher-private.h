/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/conmon/cpd-launcher.h"

G_BEGIN_DECLS

/* What the files of the launcher share. */

struct _CpdLauncher
{
  CpdConfig *config;            /* (owned) */
  char *runtime_root;           /* where the OCI runtime keeps its records */
  char *exit_dir;
};

/* The OCI runtime that the container of BUNDLE was created by, or NULL when that or conmon is not there. */
const CpdOciRuntime *cpd_launcher_find_programs (CpdLauncher  *launcher,
                                                 const char   *bundle,
                                                 GError      **error);
void                 cpd_launcher_add_pair      (GPtrArray    *argv,
                                                 const char   *option,
                                                 const char   *value);
/* What conmon is to give to the OCI runtime. */
void                 cpd_launcher_add_runtime   (CpdLauncher  *launcher,
                                                 GPtrArray    *argv,
                                                 const CpdOciRuntime *runtime,
                                                 const char   *oci_log,
                                                 gboolean      systemd_cgroup,
                                                 gboolean      no_cgroup);
void                 cpd_launcher_add_input     (GPtrArray    *argv,
                                                 gboolean      terminal,
                                                 gboolean      keep_stdin);
/* What GET_ID gives of the processes of the host, but NULL. */
GPtrArray           *cpd_launcher_collect_ids   (CpdLauncher  *launcher,
                                                 char       *(*get_id) (CpdLauncher *launcher,
                                                                        const char  *pid),
                                                 GError      **error);
/* What conmon or the OCI runtime has written into a file, 0 for nothing. */
pid_t                cpd_launcher_read_pid      (const char   *bundle,
                                                 const char   *name);

G_END_DECLS
