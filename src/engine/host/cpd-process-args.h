/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Of one process no more than this many bytes are read, and of all at once not much more than that. */
#define CPD_PROCESS_ARGS_MAX 4096
#define CPD_PROCESS_ARGS_SUM (1 << 20)

/*
 * The command lines of PIDS (guint32), as many elements: the words with a
 * space between them, any bytes, or NULL for one that has none, or has ended. They are in the memory of the
 * processes, which need not be there before somebody brings it (a file system
 * of their own, say): then what was read when TIMEOUT_MS have passed is all
 * there is. PROC is "/proc", but in tests.
 */
GPtrArray *cpd_process_args_read (const char  *proc,
                                  GArray      *pids,
                                  guint        timeout_ms);

G_END_DECLS
