/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

#include "engine/conmon/cpd-launcher.h"

G_BEGIN_DECLS

/* The names of the options that they come by, in the order of CpdStreams. */
extern const char *const cpd_stream_names[CPD_N_STREAMS];

/* Whether the user CALLER may hand STREAMS to a process with the user id UID: INVALID_ARGUMENT, which names the option. */
gboolean cpd_exec_streams_check (const CpdStreams *streams,
                                 uid_t             uid,
                                 uid_t             caller,
                                 GError          **error);

G_END_DECLS
