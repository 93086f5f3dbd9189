/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-launcher.h"

G_BEGIN_DECLS

/* Starts conmon with the arguments ARGV and the environment ENV in DIRECTORY and waits for its word on how the OCI runtime's
 * "create" went. OCI_LOG is where that runtime writes its reasons. */
gboolean cpd_conmon_spawn (const char *const  *argv,
                           const char *const  *env,
                           const char         *directory,
                           const char         *oci_log,
                           pid_t              *pid,
                           GError            **error);

G_END_DECLS
