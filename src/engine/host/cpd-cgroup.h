/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Cgroups as they are in the kernel. Paths are as /proc/PID/cgroup has them, the same in every hierarchy. */

/* Where linux.cgroupsPath of the OCI runtime spec leads: "a-b.slice:cpod:ID" is /a.slice/a-b.slice/cpod-ID.scope. */
char    *cpd_cgroup_path_of_spec (const char  *spec_path);
/* That of a process; "/" when it has none. */
char    *cpd_cgroup_of_process   (pid_t        pid);
/* Where cgroups are mounted, up to a NULL. */
const char *const *cpd_cgroup_hierarchies (void);
gboolean cpd_cgroup_exists       (const char  *path);
/* The processes in the cgroup and below it, of guint32, each once. */
GArray  *cpd_cgroup_list         (const char  *path);
/* Ends all processes in the cgroup and below it. No error when there is none. */
gboolean cpd_cgroup_kill         (const char  *path,
                                  GError     **error);
gboolean cpd_cgroup_freeze       (const char  *path,
                                  gboolean     freeze,
                                  GError     **error);
/* Removes the cgroup and those below it, with what runs in them. No error when there is none. */
gboolean cpd_cgroup_remove       (const char  *path,
                                  GError     **error);
/* Moves the process into the cgroup, which is made when it is not there, in every hierarchy. */
gboolean cpd_cgroup_move         (const char  *path,
                                  pid_t        pid,
                                  GError     **error);
/* What podman calls it, too. */
#define CPD_CGROUP_ROOM "supervisor"

/* With cgroup v2, moves the processes of the cgroup into one below it: a cgroup has processes or limits for those
 * below it, never both. Gives the path of that one. */
char    *cpd_cgroup_make_room    (const char  *path,
                                  GError     **error);

G_END_DECLS
