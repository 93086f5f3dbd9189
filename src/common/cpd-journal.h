/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What stands as MESSAGE_ID in the journal, for machines: data/systemd/cpod.catalog explains them. */
#define CPD_MESSAGE_EVENT "6a4f1c0e3b7d4e62a5d1f0c98b2e7d31"
#define CPD_MESSAGE_HEALTH "c52d9e8f7a1b4c3f9e60b4d2a8f5173c"
#define CPD_MESSAGE_STUCK "1f8e3d6b5c2a4970b8d6e7a4c9053f12"

/* A line of the log that is about a container: the journal has its ID as CPOD_CONTAINER_ID. */
void cpd_log_container (GLogLevelFlags  level,
                        const char     *id,
                        const char     *format,
                        ...) G_GNUC_PRINTF (3, 4);
/* One that machines may look for. */
void cpd_log_message   (GLogLevelFlags  level,
                        const char     *message_id,
                        const char     *format,
                        ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
