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

/* What a monitor watches over, and where: a container or a session. */
typedef struct
{
  const char *container_id;
  const char *id;               /* the session's, or the container's again */
  const char *name;             /* the container's */
  const char *directory;        /* for the files of monitor and OCI runtime */
  const char *exit_dir;         /* where a file named like the container appears at the end */
  const char *log;              /* what conmon takes for one */
} CpdMonitored;

/* The OCI runtime that the container of BUNDLE was created by, or NULL when that or conmon is not there. */
const CpdOciRuntime *cpd_launcher_find_programs (CpdLauncher  *launcher,
                                                 const char   *bundle,
                                                 GError      **error);
/* conmon's command line as far as containers and sessions have the same; what differs is added, and NULL last. */
GPtrArray           *cpd_launcher_begin_arguments (CpdLauncher         *launcher,
                                                 const CpdOciRuntime *runtime,
                                                 const CpdMonitored  *monitored);
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
/* The word after OPTION in the command line of the process PID, when all of MARKS are words of it; or NULL. */
char                *cpd_launcher_read_argument (const char         *pid,
                                                 const char         *option,
                                                 const char *const  *marks);
/* What GET_ID gives of the processes of the host, but NULL. */
GPtrArray           *cpd_launcher_collect_ids   (CpdLauncher  *launcher,
                                                 char       *(*get_id) (CpdLauncher *launcher,
                                                                        const char  *pid),
                                                 GError      **error);
/* What conmon or the OCI runtime has written into a file, 0 for nothing. */
pid_t                cpd_launcher_read_pid      (const char   *bundle,
                                                 const char   *name);
/* FALSE when nothing was written into the exit file PATH. */
gboolean             cpd_launcher_read_exit_code (const char  *path,
                                                 int          *exit_code);

G_END_DECLS
