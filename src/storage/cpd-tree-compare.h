/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storage/cpd-storage-diff.h"

G_BEGIN_DECLS

/* What ROOT has that the layers, topmost first, do not make, and the other way round: of CpdChange, by path. SIZE gets the
 * bytes of all files that are new or changed, each once however many names it has. */
GPtrArray *cpd_tree_compare (int          root,
                             const int   *layers,
                             guint        n_layers,
                             gint64      *size,
                             GError     **error);

G_END_DECLS
