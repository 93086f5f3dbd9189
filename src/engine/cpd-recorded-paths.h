/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/cpd-config.h"
#include "store/cpd-store.h"

G_BEGIN_DECLS

/*
 * The state remembers the directories that it was made with. What nobody sets
 * is as it was then; what is set to something else, and is not the same place
 * by another name, would lose sight of images, volumes or running containers:
 * BAD_CONFIG, with both values and the way out.
 */
gboolean cpd_recorded_paths_merge (CpdConfig   *config,
                                   CpdStore    *store,
                                   const char  *boot_id,
                                   GError     **error);
/* Once the storage is open, with DRIVER. Compares that, and writes down what has changed. */
gboolean cpd_recorded_paths_write (CpdConfig   *config,
                                   CpdStore    *store,
                                   const char  *driver,
                                   GError     **error);

G_END_DECLS
