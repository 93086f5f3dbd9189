/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "oci/cpd-layer-meta.h"

G_BEGIN_DECLS

/* Makes in the overlay's directory what ITEM, whose name begins with CPD_WHITEOUT_PREFIX, stands for. */
gboolean cpd_layer_whiteout_add        (const CpdLayerItem  *item,
                                        GError             **error);
/* Has NAME in DIRECTORY, a descriptor, hide what lies below; it came with ITEM. */
gboolean cpd_layer_whiteout_set_opaque (const CpdLayerItem  *item,
                                        int                  directory,
                                        const char          *name,
                                        GError             **error);

G_END_DECLS
