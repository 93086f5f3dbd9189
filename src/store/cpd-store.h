/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * The state database: SQLite in WAL mode, or the same in memory. One writer
 * at a time, in a transaction; readers do not wait for it.
 */
typedef struct _CpdStore CpdStore;

/*
 * How much a transaction must survive once it is committed. CPD_STORE_DURABLE
 * survives a power cut. CPD_STORE_BOOT survives the death of the service and
 * is for what a reboot voids anyway; it costs no fsync.
 */
typedef enum
{
  CPD_STORE_BOOT,
  CPD_STORE_DURABLE,
} CpdDurability;

typedef struct _CpdTransaction CpdTransaction;

typedef struct _CpdGrant CpdGrant;

/* Who asked for a change; recorded with its event. */
typedef struct
{
  guint32 uid;
  guint32 pid;
  const char *unit;     /* (unowned) systemd unit, "" when unknown */
  const CpdGrant *grant; /* (unowned) (nullable): NULL for all there is */
} CpdCaller;

#define CPD_CALLER_SELF (&(const CpdCaller) { 0, 0, "", NULL })

/* Called after each commit, from the thread that committed; CHANGED_CONTAINERS are ids. */
typedef void (*CpdCommitFunc) (GPtrArray *changed_containers, gpointer user_data);

/* PATH is NULL for a store in memory. STORE_TOO_NEW, STORE_FAILED. */
CpdStore       *cpd_store_open           (const char      *path,
                                          GError         **error);
CpdStore       *cpd_store_ref            (CpdStore        *store);
void            cpd_store_unref          (CpdStore        *store);
void            cpd_store_set_commit_func (CpdStore        *store,
                                          CpdCommitFunc    func,
                                          gpointer         user_data);
/* NULL without an error when there is none. */
char           *cpd_store_get_meta       (CpdStore        *store,
                                          const char      *key,
                                          GError         **error);

CpdTransaction *cpd_store_begin          (CpdStore        *store,
                                          CpdDurability    durability,
                                          GError         **error);
/* Ends the transaction; it is still to be freed, which rolls it back unless this succeeded. */
gboolean        cpd_transaction_commit   (CpdTransaction  *tx,
                                          GError         **error);
void            cpd_transaction_free     (CpdTransaction  *tx);
gboolean        cpd_transaction_set_meta (CpdTransaction  *tx,
                                          const char      *key,
                                          const char      *value,
                                          GError         **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdStore, cpd_store_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdTransaction, cpd_transaction_free)

G_END_DECLS
