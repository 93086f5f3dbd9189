/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Sets of capabilities, in the order of /proc/PID/status. */
typedef enum
{
  CPD_CAPABILITIES_INHERITABLE,
  CPD_CAPABILITIES_PERMITTED,
  CPD_CAPABILITIES_EFFECTIVE,
  CPD_CAPABILITIES_BOUNDING,
  CPD_CAPABILITIES_AMBIENT,
  CPD_CAPABILITIES_N
} CpdCapabilitySet;

/* What the kernel tells of a process, without a look into its memory: that could wait for whoever made it. */
typedef struct
{
  pid_t host_pid;
  pid_t host_parent;
  pid_t pid;                    /* this and the next as the container sees them */
  pid_t group;                  /* 0 for one from outside */
  char *name;                   /* any bytes */
  char state;
  guint terminal;               /* device number, 0 for none */
  int nice;
  guint64 cpu_us;
  guint64 start_ticks;          /* since boot */
  guint64 virtual_size;         /* bytes */
  guint64 resident_size;        /* bytes */
  guint32 real_uid;
  guint32 uid;                  /* effective, and so is gid */
  guint32 real_gid;
  guint32 gid;
  GArray *groups;               /* of guint32 */
  guint64 capabilities[CPD_CAPABILITIES_N];
  guint seccomp;
} CpdProcessInfo;

void            cpd_process_info_free   (CpdProcessInfo  *info);
/* Of texts as /proc/PID/stat and /proc/PID/status have them. LEVEL of the PID namespace in that what is nested counts
 * from, 0 for the outermost. NULL for a process that is not in it, and for no such text. */
CpdProcessInfo *cpd_process_info_parse  (const char      *stat,
                                         const char      *status,
                                         guint            level);
/* PROC is "/proc", but in tests. NULL for one that has ended, or is not in that namespace. */
CpdProcessInfo *cpd_process_info_read   (const char      *proc,
                                         pid_t            pid,
                                         guint            level);
/* In how many PID namespaces the process is nested; -1 when it has ended. */
int             cpd_process_level       (const char      *proc,
                                         pid_t            pid);
/* "pts/0"; "" for no terminal. */
char           *cpd_process_terminal    (const CpdProcessInfo *info);
/* "disabled", "strict" or "filter". */
const char     *cpd_process_seccomp     (const CpdProcessInfo *info);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdProcessInfo, cpd_process_info_free)

G_END_DECLS
