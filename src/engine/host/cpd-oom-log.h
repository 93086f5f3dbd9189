/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Whose processes the kernel has killed for want of memory, by the kernel's log.
 * The cgroup tells it, too, and conmon reads that; but systemd removes the
 * cgroup of a scope as soon as its last process has ended, which may be before.
 * The log has the line before the process ends. Functions may be called from any
 * thread.
 */
typedef struct _CpdOomLog CpdOomLog;

/* Of what is logged from now on; without a log nothing is known. */
CpdOomLog *cpd_oom_log_new  (const char *path);
void       cpd_oom_log_free (CpdOomLog  *log);
/* Whether any process in the scope of the container was, since this was asked last. */
gboolean   cpd_oom_log_take (CpdOomLog  *log,
                             const char *id);
/* The container that one record of /dev/kmsg tells that of, or NULL. */
char      *cpd_oom_log_parse (const char *record);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdOomLog, cpd_oom_log_free)

G_END_DECLS
