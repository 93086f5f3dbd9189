/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/images/cpd-image-list.h"

G_BEGIN_DECLS

/* Removes all images that fit QUERY, are not used by containers and have no name, or, with ALL, whatever names they have.
 * One that others were made from goes only with these, unless ALL. With DRY_RUN it just tells which. An array of
 * CpdPruned, in that order. */
GPtrArray *cpd_engine_prune_images  (CpdEngine            *engine,
                                     const CpdImageQuery  *query,
                                     gboolean              all,
                                     gboolean              dry_run,
                                     const CpdCaller      *caller,
                                     GCancellable         *cancellable,
                                     GError              **error);

G_END_DECLS
