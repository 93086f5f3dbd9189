/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "config/cpd-config.h"
#include "store/cpd-store-events.h"

G_BEGIN_DECLS

/*
 * Where events go besides the store: a file of JSON lines as podman writes
 * it, or the journal (engine.events_logger). A thread of its own reads them
 * from the store and notes there how far it has come, so that what the
 * service did not get to before it was killed is written at the next start;
 * the last one may then be there twice.
 */
typedef struct _CpdEventLog CpdEventLog;

/* NULL when they go nowhere else. */
CpdEventLog *cpd_event_log_new  (const CpdConfig  *config,
                                 CpdStore         *store);
/* Writes what there is yet. */
void         cpd_event_log_free (CpdEventLog      *log);
/* There are new events. */
void         cpd_event_log_wake (CpdEventLog      *log);

/* An event as a line of podman's events file, without the newline; what may be secret only where PRIVATE. */
char        *cpd_event_log_line (const CpdEventRow *event,
                                 gboolean           private);

G_END_DECLS
