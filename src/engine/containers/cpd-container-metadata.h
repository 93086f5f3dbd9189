/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store-containers.h"

G_BEGIN_DECLS

/*
 * What a container is, in a file of its own beside the database, which it can
 * be rebuilt from: DIRECTORY/container.json. It tells nothing of how it runs.
 */
#define CPD_METADATA_FILE "container.json"
/* A file that could not be read when it was needed; its container is not in the database. */
#define CPD_METADATA_DAMAGED "container.json.damaged"

/* Survives a power cut, but when FRESH: there is none yet, and nobody looks for one before this returns. */
gboolean         cpd_container_metadata_write (const char             *directory,
                                               const CpdContainerRow  *row,
                                               gboolean                fresh,
                                               GError                **error);
/* The row of the container ID, configured and not more. */
CpdContainerRow *cpd_container_metadata_read  (const char             *directory,
                                               const char             *id,
                                               GError                **error);

gboolean         cpd_container_metadata_is_good (const char           *directory,
                                                 const char           *id);

G_END_DECLS
