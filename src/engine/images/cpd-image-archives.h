/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/images/cpd-image-transfer.h"

G_BEGIN_DECLS

/* An image that has come out of an archive. */
typedef struct
{
  char *id;
  char **names;                 /* full names that it got; none if the archive has none */
} CpdLoaded;

/* Takes in all images of the archive that FD reads, or none: CpdLoaded. Of TRANSFER only caller, progress and
 * cancellable are of use. INVALID_ARCHIVE, INVALID_IMAGE, IMAGE_REJECTED, NO_SUCH_IMAGE when there is none for this
 * machine, DISK_FULL, CANCELLED. */
GPtrArray *cpd_engine_load_images (CpdEngine          *engine,
                                   int                 fd,
                                   const CpdTransfer  *transfer,
                                   GError            **error);

/* Writes images, by names or ids, into an archive of docker's kind or of OCI's; those given by a name are to have it
 * when they are loaded, and the only one also NAMES (nullable). NO_SUCH_IMAGE, AMBIGUOUS_NAME, INVALID_ARGUMENT, DISK_FULL, CANCELLED, FAILED. */
gboolean   cpd_engine_save_images (CpdEngine          *engine,
                                   const char *const  *images,
                                   const char *const  *names,
                                   gboolean            oci,
                                   int                 fd,
                                   const CpdTransfer  *transfer,
                                   GError            **error);

G_END_DECLS
