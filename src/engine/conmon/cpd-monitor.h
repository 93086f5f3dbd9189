/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

/*
 * Notices the ends of containers, in a thread of its own: by the files that
 * appear in the exit directory, and by pidfds of the monitors (when one dies
 * there will be no such file) and of the first processes (when one has ended
 * and the file does not appear, somebody holds the monitor up).
 */
typedef struct _CpdMonitor CpdMonitor;

typedef enum
{
  CPD_MONITOR_EXITED,           /* an exit file appeared */
  CPD_MONITOR_DIED,             /* the monitor has ended; PID is its number */
  CPD_MONITOR_STUCK,            /* the process has ended a while ago, its exit file is not there */
  CPD_MONITOR_EXEC_DIED,        /* the same two of an exec session */
  CPD_MONITOR_EXEC_STUCK,
  CPD_MONITOR_PULSE,            /* cpd_monitor_poke() was called */
} CpdMonitorEvent;

/* Called in the monitor's thread: must be quick. */
typedef void (*CpdMonitorFunc) (CpdMonitorEvent event, const char *id, pid_t pid, gpointer user_data);

CpdMonitor *cpd_monitor_new   (const char      *exit_dir,
                               CpdMonitorFunc   func,
                               gpointer         user_data,
                               GError         **error);
void        cpd_monitor_free  (CpdMonitor      *monitor);
/* The descriptors are pidfds, -1 for none, and are taken over. */
void        cpd_monitor_watch (CpdMonitor      *monitor,
                               const char      *id,
                               int              process_fd,
                               int              monitor_fd,
                               pid_t            monitor_pid);
/* The same for an exec session, whose exit file is elsewhere: its monitor ends once it has written that. */
void        cpd_monitor_watch_exec (CpdMonitor *monitor,
                               const char      *id,
                               const char      *exit_file,
                               int              process_fd,
                               int              monitor_fd,
                               pid_t            monitor_pid);
/* How it ended is known: its process is no news any more. */
void        cpd_monitor_forget (CpdMonitor     *monitor,
                               const char      *id);

/* Has it tell CPD_MONITOR_PULSE, after what there is to tell already. */
void        cpd_monitor_poke   (CpdMonitor     *monitor);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdMonitor, cpd_monitor_free)

G_END_DECLS
