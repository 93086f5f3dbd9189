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
  gboolean terminal;
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

/* Standard input, output and error; -1 is nothing. */
#define CPD_N_STREAMS 3
typedef struct
{
  int fd[CPD_N_STREAMS];
} CpdStreams;

/* A further process in a container that runs: an exec session. */
typedef struct
{
  const char *id;
  const char *container_id;
  const char *name;             /* the container's */
  const char *bundle;           /* the container's */
  const char *directory;        /* for the session's files; it is made */
  const char *process;          /* JSON: "process" of the OCI runtime spec */
  gboolean keep_stdin;          /* standard input comes from clients */
  gboolean terminal;
  const CpdStreams *streams;    /* (nullable): its own, which no client can come to then */
  gboolean systemd_cgroup;      /* as for its container */
  gboolean no_cgroup;
} CpdExecLaunch;

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
/* Whether what has its files in DIRECTORY can be connected to. */
gboolean     cpd_launcher_has_clients (CpdLauncher     *launcher,
                                     const char       *directory);
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

/* A new size of the terminal of what has its files in DIRECTORY. */
gboolean     cpd_launcher_resize    (CpdLauncher          *launcher,
                                     const char           *directory,
                                     guint                 rows,
                                     guint                 columns,
                                     GError              **error);

/* STREAM (nullable) gets a connected socket that misses nothing. CONMON_FAILED, OCI_RUNTIME,
 * EXECUTABLE_NOT_FOUND, NOT_EXECUTABLE, INVALID_STATE. */
gboolean     cpd_launcher_exec      (CpdLauncher          *launcher,
                                     const CpdExecLaunch  *launch,
                                     int                  *stream,
                                     CpdLaunched          *launched,
                                     GError              **error);
/* Where the monitor of a session writes how it ended. */
char        *cpd_launcher_exec_exit_file (CpdLauncher     *launcher,
                                     const char           *directory,
                                     const char           *container_id);
/* FALSE when it has not ended, or nobody saw how. */
gboolean     cpd_launcher_get_exec_exit (CpdLauncher      *launcher,
                                     const char           *directory,
                                     const char           *container_id,
                                     int                  *exit_code);
/* Ends what there may be of a session that nobody knows how far its start had come, and removes its files.
 * CONTAINER_PID is the first process of its container. */
gboolean     cpd_launcher_undo_exec (CpdLauncher          *launcher,
                                     const char           *id,
                                     const char           *directory,
                                     pid_t                 container_pid,
                                     GError              **error);
/* Ids of the sessions whose monitors run now. */
GPtrArray   *cpd_launcher_list_exec_monitors (CpdLauncher *launcher,
                                     GError              **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLauncher, cpd_launcher_free)

G_END_DECLS
