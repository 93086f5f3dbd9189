/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What the processes in a cgroup use now, or have used; 0 for what the kernel does not tell. */
typedef struct
{
  guint64 cpu_ns;
  guint64 memory;               /* bytes, without files that were not used lately */
  guint64 memory_limit;         /* bytes: that of the cgroup, or all that the machine has */
  guint64 pids;
  guint64 read_bytes;           /* from block devices, and to them */
  guint64 written_bytes;
} CpdCgroupUsage;

/* PATH as /proc/PID/cgroup has it; FALSE when there is no such cgroup. */
gboolean cpd_cgroup_read_usage (const char      *path,
                                CpdCgroupUsage  *usage);

/* For tests: what stands for /sys/fs/cgroup. */
gboolean cpd_cgroup_read_usage_below (const char *const *hierarchies,
                                      const char        *path,
                                      CpdCgroupUsage    *usage);

G_END_DECLS
