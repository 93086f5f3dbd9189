/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storage/cpd-storage.h"

G_BEGIN_DECLS

gboolean cpd_storage_rebuild (CpdStorage  *storage,
                              guint       *rebuilt,
                              GPtrArray   *lost,
                              GError     **error);

G_END_DECLS
