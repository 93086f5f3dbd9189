/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store.h"

G_BEGIN_DECLS

/* An event as it is recorded. */
typedef struct
{
  guint64 seq;
  gint64 time;
  char *type;
  char *status;
  char *id;
  char *name;
  GVariant *attributes;         /* (owned) a{sv}, public */
  GVariant *labels;             /* (owned) a{ss}, of the container; they may hold secrets */
  guint32 uid;
  guint32 pid;
  char *unit;
} CpdEventRow;

/* What cpd_store_list_events() is to find; NULL and 0 stand for "any". */
typedef struct
{
  guint64 since;                /* greater than this */
  guint limit;
  gint64 from_time;
  gint64 until_time;
  char **types;
  char **statuses;
  char **id_prefixes;
  char **names;
  char **containers;            /* names, or prefixes of ids, of containers */
  char **images;                /* names, or prefixes of ids: their own events and those of their containers */
  char **labels;                /* "key" or "key=value" */
  const char *namespace;        /* leaves out the containers of other ones */
} CpdEventQuery;

#define CPD_EVENTS_MAX 1000

void       cpd_event_row_free      (CpdEventRow          *row);
/* Writes an event with the transaction that makes it true; ATTRIBUTES may be floating or NULL. The one with the
 * key "namespace" says which namespace it belongs to. */
gboolean   cpd_store_add_event     (CpdTransaction       *tx,
                                    const char           *type,
                                    const char           *status,
                                    const char           *id,
                                    const char           *name,
                                    GVariant             *attributes,
                                    const CpdCaller      *caller,
                                    GError              **error);
gboolean   cpd_store_skip_events   (CpdTransaction       *tx,
                                    guint64               last,
                                    GError              **error);
GPtrArray *cpd_store_list_events   (CpdStore             *store,
                                    const CpdEventQuery  *query,
                                    guint64              *last,
                                    gboolean             *gap,
                                    GError              **error);
guint64    cpd_store_last_event    (CpdStore             *store);
gboolean   cpd_store_prune_events  (CpdStore             *store,
                                    guint                 max_rows,
                                    gint64                older_than,
                                    GError              **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdEventRow, cpd_event_row_free)

G_END_DECLS
