/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Copies what is in the directory LAYER, an unpacked layer, over what is in ROOT, so that ROOT becomes what an overlay of
 * both would show. What fails is named by its path. */
gboolean cpd_tree_merge (int            layer,
                         int            root,
                         GCancellable  *cancellable,
                         GError       **error);

G_END_DECLS
