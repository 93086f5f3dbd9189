/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/conmon/cpd-launcher.h"

G_BEGIN_DECLS

/* Starts conmon with the arguments ARGV and the environment ENV in DIRECTORY and waits for its word on how the OCI runtime's
 * "create" went. OCI_LOG is where that runtime writes its reasons. */
gboolean cpd_conmon_spawn (const char *const  *argv,
                           const char *const  *env,
                           const char         *directory,
                           const char         *oci_log,
                           pid_t              *pid,
                           GError            **error);

/* The same for a further process in a container. For STREAM that is not NULL conmon was told to wait until there is a
 * client: it gets the socket of one that misses nothing. For STREAMS that is not NULL it was told to pass its own
 * streams on, and those are they. */
gboolean cpd_conmon_exec  (const char *const  *argv,
                           const char *const  *env,
                           const char         *directory,
                           const char         *oci_log,
                           const CpdStreams   *streams,
                           int                *stream,
                           pid_t              *pid,
                           GError            **error);
/* A client of the conmon whose files are in DIRECTORY: a SOCK_SEQPACKET socket. */
int      cpd_conmon_connect (const char       *directory,
                             GError          **error);
/* Tells it a new size of the terminal. */
gboolean cpd_conmon_resize  (const char       *directory,
                             guint             rows,
                             guint             columns,
                             GError          **error);

G_END_DECLS
