/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

#include "config/cpd-config.h"

G_BEGIN_DECLS

/*
 * The seam between the engine and what runs containers: it makes a created
 * container from a bundle, starts it, connects to its streams and hands over
 * its exit. Nothing above it knows of conmon or of the OCI runtime's command
 * line. Functions may be called from any thread.
 */
typedef struct _CpdLauncher CpdLauncher;

typedef struct
{
  const char *id;
  const char *name;
  const char *bundle;           /* directory with config.json */
  const char *log_path;
  gboolean keep_stdin;          /* standard input comes from cpd_launcher_attach() */
  gint64 log_size_max;          /* 0 for no limit */
  const char *oci_runtime;      /* (nullable): name or path; NULL for the default */
  const char *cgroup;           /* (nullable): as in config.json; NULL for none */
  gboolean systemd_cgroup;      /* systemd makes it */
} CpdLaunch;

typedef struct
{
  pid_t pid;                    /* the container's first process */
  pid_t monitor_pid;            /* what watches over it */
} CpdLaunched;

CpdLauncher *cpd_launcher_new       (CpdConfig        *config,
                                     GError          **error);
void         cpd_launcher_free      (CpdLauncher      *launcher);
/* Where a file named like the container appears when it has ended. */
const char  *cpd_launcher_exit_dir  (CpdLauncher      *launcher);
/* CONMON_FAILED, OCI_RUNTIME, EXECUTABLE_NOT_FOUND, NOT_EXECUTABLE. */
gboolean     cpd_launcher_create    (CpdLauncher      *launcher,
                                     const CpdLaunch  *launch,
                                     CpdLaunched      *launched,
                                     GError          **error);
gboolean     cpd_launcher_start     (CpdLauncher      *launcher,
                                     const char       *id,
                                     const char       *bundle,
                                     GError          **error);
gboolean     cpd_launcher_pause     (CpdLauncher      *launcher,
                                     const char       *id,
                                     const char       *bundle,
                                     GError          **error);
gboolean     cpd_launcher_resume    (CpdLauncher      *launcher,
                                     const char       *id,
                                     const char       *bundle,
                                     GError          **error);
/* RESOURCES: linux.resources of the OCI runtime spec. */
gboolean     cpd_launcher_update    (CpdLauncher      *launcher,
                                     const char       *id,
                                     const char       *bundle,
                                     const char       *resources,
                                     GError          **error);
/* The cgroup of a container that was created, as /proc/PID/cgroup has it, or NULL. */
char        *cpd_launcher_get_cgroup (CpdLauncher     *launcher,
                                     const char       *bundle);
/* A connected SOCK_SEQPACKET socket. */
int          cpd_launcher_attach    (CpdLauncher      *launcher,
                                     const char       *bundle,
                                     GError          **error);
/* FALSE when it has not ended, or nobody saw how. */
gboolean     cpd_launcher_get_exit  (CpdLauncher      *launcher,
                                     const char       *id,
                                     const char       *bundle,
                                     int              *exit_code,
                                     gboolean         *oom_killed);
/* Whether the process of a container that was created has been started. */
gboolean     cpd_launcher_was_started (CpdLauncher    *launcher,
                                     const char       *id);
/* Finds the processes of a container that runs, though no record tells of it. */
gboolean     cpd_launcher_find      (CpdLauncher      *launcher,
                                     const char       *id,
                                     const char       *bundle,
                                     CpdLaunched      *launched);
/*
 * Ends what still runs of the container, its monitor included, removes its
 * cgroup and forgets it; no error when there is nothing.
 */
gboolean     cpd_launcher_delete    (CpdLauncher      *launcher,
                                     const char       *id,
                                     const char       *bundle,
                                     GError          **error);
/* Ids of all containers that the OCI runtime knows. */
GPtrArray   *cpd_launcher_list      (CpdLauncher      *launcher,
                                     GError          **error);

/* Ids of the containers whose monitors run now, found among all processes. */
GPtrArray   *cpd_launcher_list_monitors (CpdLauncher   *launcher,
                                     GError          **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLauncher, cpd_launcher_free)

G_END_DECLS
