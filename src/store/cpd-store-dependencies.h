/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store-containers.h"

G_BEGIN_DECLS

/* That one container needs another one to run. */
typedef struct
{
  char *id;
  char *depends_on;             /* id of one that may be missing, after damage */
} CpdDependencyRow;

void       cpd_dependency_row_free       (CpdDependencyRow       *row);

/* In the transaction that adds ROW: each of its dependencies exists, and stays. NO_SUCH_CONTAINER, BEING_REMOVED. */
gboolean   cpd_store_check_dependencies  (CpdTransaction         *tx,
                                          const CpdContainerRow  *row,
                                          GError                **error);
/* Ids that ID depends on. */
char     **cpd_store_list_dependencies   (CpdStore               *store,
                                          const char             *id,
                                          GError                **error);
/* CpdContainerRow, newest first: those that depend on ID, but for itself. In a transaction this is what it sees. */
GPtrArray *cpd_store_list_dependents     (CpdStore               *store,
                                          const char             *id,
                                          GError                **error);
/* CpdDependencyRow: all there are. */
GPtrArray *cpd_store_list_all_dependencies (CpdStore             *store,
                                            GError              **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdDependencyRow, cpd_dependency_row_free)

G_END_DECLS
