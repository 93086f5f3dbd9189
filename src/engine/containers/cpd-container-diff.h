/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"
#include "storage/cpd-storage-diff.h"

G_BEGIN_DECLS

/* What a container has changed of its image's files: CpdChange by path, without what it was given to run. */
GPtrArray *cpd_engine_diff_container  (CpdEngine              *engine,
                                       const char             *id,
                                       GError                **error);
/* What the topmost layer of an image changes. */
GPtrArray *cpd_engine_diff_image      (CpdEngine              *engine,
                                       const char             *id,
                                       GError                **error);
/* Bytes that a container has written, and those of all its files. */
gboolean   cpd_engine_measure         (CpdEngine              *engine,
                                       const CpdContainerRow  *row,
                                       gint64                 *rw,
                                       gint64                 *root,
                                       GError                **error);

G_END_DECLS
