/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/images/cpd-image-transfer.h"

G_BEGIN_DECLS

/* Writes the root of a container, without what is mounted into it, as a tar archive to FD. Of TRANSFER only caller,
 * progress and cancellable are of use. The container may be started and stopped meanwhile; INVALID_STATE when it is
 * removed. NO_SUCH_CONTAINER, DISK_FULL, CANCELLED, FAILED. */
gboolean cpd_engine_export_container (CpdEngine          *engine,
                                      const char         *id,
                                      int                 fd,
                                      const CpdTransfer  *transfer,
                                      GError            **error);

G_END_DECLS
