/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/* Frees all that the query points to. */
void cpd_event_query_free     (CpdEventQuery    *query);

/* The reading end of a pipe: a line of JSON for each event that QUERY is about, those of the past and, with FOLLOW, those that
 * come. Takes QUERY. A reader that is slow misses none, but those that are dropped from the record meanwhile. */
int  cpd_engine_stream_events (CpdEngine        *engine,
                               guint32           uid,
                               CpdEventQuery    *query,
                               gboolean          follow,
                               GError          **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdEventQuery, cpd_event_query_free)

G_END_DECLS
