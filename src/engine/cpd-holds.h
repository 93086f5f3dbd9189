/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Who does something that must not be torn holds the end of the process off:
 *
 *   g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
 *
 * The end waits for all holds for a while, and so does the shutdown of the
 * machine. A hold is taken for steps, never for waiting.
 */
typedef struct _CpdHolds CpdHolds;
typedef struct _CpdHold CpdHold;

/* In the main context: that something has been held for a moment, or nothing any more. */
typedef void (*CpdHoldsChanged) (gboolean held,
                                 gpointer user_data);

CpdHolds *cpd_holds_new       (GMainContext    *context,
                               CpdHoldsChanged  changed,
                               gpointer         user_data);
void      cpd_holds_free      (CpdHolds        *holds);
CpdHold  *cpd_holds_take      (CpdHolds        *holds);
void      cpd_hold_release    (CpdHold         *hold);
gboolean  cpd_holds_any       (CpdHolds        *holds);
/* Waits until there are none; FALSE when there still are some after TIMEOUT_US. */
gboolean  cpd_holds_wait_none (CpdHolds        *holds,
                               gint64           timeout_us);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdHolds, cpd_holds_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdHold, cpd_hold_release)

G_END_DECLS
