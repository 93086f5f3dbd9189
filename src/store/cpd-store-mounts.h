/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store.h"

G_BEGIN_DECLS

/*
 * How often callers have mounted the root of a container or of an image, whose
 * ids cannot meet. The container may be one that has no row of its own. A reboot
 * voids them all.
 */
typedef struct
{
  char *id;
  guint count;                  /* at least 1 */
} CpdMountRow;

void       cpd_mount_row_free      (CpdMountRow     *row);
/* COUNT is 0 for what is not mounted. */
gboolean   cpd_store_get_mounts    (CpdStore        *store,
                                    const char      *id,
                                    guint           *count,
                                    GError         **error);
/* Whether it is at the moment of the transaction. */
gboolean   cpd_store_is_mounted    (CpdTransaction  *tx,
                                    const char      *id,
                                    gboolean        *mounted,
                                    GError         **error);
gboolean   cpd_store_set_mounts    (CpdTransaction  *tx,
                                    const char      *id,
                                    guint            count,
                                    GError         **error);
GPtrArray *cpd_store_list_mounts   (CpdStore        *store,
                                    GError         **error);
gboolean   cpd_store_forget_mounts (CpdTransaction  *tx,
                                    GError         **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdMountRow, cpd_mount_row_free)

G_END_DECLS
