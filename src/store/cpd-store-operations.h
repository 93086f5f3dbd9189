/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store.h"

G_BEGIN_DECLS

/*
 * The intent log: a row for each operation of several steps, written before
 * its first effect and deleted in the transaction that completes it. What is
 * found here when the store is opened was interrupted.
 */
typedef struct
{
  gint64 number;
  char *kind;                   /* create, init, remove, refresh, import, remove-image, ... */
  char *object;                 /* id of the object it works on */
  char *payload;                /* what is needed to undo or finish it; JSON or "" */
} CpdOperationRow;

void       cpd_operation_row_free        (CpdOperationRow  *row);
gboolean   cpd_store_add_operation       (CpdTransaction   *tx,
                                          const char       *kind,
                                          const char       *object,
                                          const char       *payload,
                                          gint64           *number,
                                          GError          **error);
gboolean   cpd_store_delete_operation    (CpdTransaction   *tx,
                                          gint64            number,
                                          GError          **error);
/* All of one kind for one object. */
gboolean   cpd_store_delete_operations   (CpdTransaction   *tx,
                                          const char       *kind,
                                          const char       *object,
                                          GError          **error);
/* The same in a transaction of its own. Should there be no room for that, then with the next transaction that there is
 * room for; it is over all the same. */
void       cpd_store_end_operation       (CpdStore         *store,
                                          gint64            number);
GPtrArray *cpd_store_list_operations     (CpdStore         *store,
                                          GError          **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdOperationRow, cpd_operation_row_free)

G_END_DECLS
