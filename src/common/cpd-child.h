/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * A program that works for the thread that started it: it gets some
 * descriptors, can be given up at any time, and does not outlive that thread.
 */
typedef struct _CpdChild CpdChild;

/* FDS become 3, 4, ... in the child. Its standard output goes to a pipe if WITH_OUTPUT, else where its
 * standard error goes: into memory. */
CpdChild   *cpd_child_new        (const char *const  *argv,
                                  const char *const  *env,
                                  const int          *fds,
                                  gsize               n_fds,
                                  gboolean            with_output,
                                  GError            **error);
/* Kills it if it still runs. */
void        cpd_child_free       (CpdChild           *child);
/* Waits until it has ended. OUTPUT (nullable) gets what it writes, no more than MAX bytes. It is given up when it has
 * neither read nor written anything, be it from the net, for SILENCE seconds (0 for never): TIMED_OUT of G_IO_ERROR.
 * PROGRESS (nullable) is called now and then with how much it has written. CANCELLED; FAILED when it failed. */
typedef void (*CpdChildProgress) (guint64 written, gpointer user_data);
gboolean    cpd_child_wait       (CpdChild           *child,
                                  GString            *output,
                                  gsize               max,
                                  guint               silence,
                                  CpdChildProgress    progress,
                                  gpointer            user_data,
                                  GCancellable       *cancellable,
                                  GError            **error);
/* Waits for its end for some time; FALSE when it still runs. */
gboolean    cpd_child_wait_brief (CpdChild           *child,
                                  guint               milliseconds);
/* What it wrote to its standard error; "" for nothing. */
char       *cpd_child_said       (CpdChild           *child);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdChild, cpd_child_free)

G_END_DECLS
