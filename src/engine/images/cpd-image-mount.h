/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/* Roots of images that callers have mounted, read-only. An image is not removed meanwhile. */
typedef struct
{
  CpdImageRow *image;           /* (owned) */
  char *path;
  guint count;
} CpdMountedImage;

/* The path where it is mounted. NO_SUCH_IMAGE. */
char      *cpd_engine_mount_image       (CpdEngine              *engine,
                                         const char             *id,
                                         const CpdCaller        *caller,
                                         GError                **error);
/* Takes one mount back, with FORCE all of them, whoever uses them. INVALID_STATE when there is none, or when it is the
 * last one and is used. */
gboolean   cpd_engine_unmount_image     (CpdEngine              *engine,
                                         const char             *id,
                                         gboolean                force,
                                         const CpdCaller        *caller,
                                         GError                **error);
/* CpdMountedImage of all that are mounted. */
GPtrArray *cpd_engine_list_image_mounts (CpdEngine              *engine,
                                         GError                **error);

/* For the engine. The lock of the image is held. Takes all its mounts back, if there are any. */
gboolean   cpd_engine_clear_image_mounts (CpdEngine             *engine,
                                          const CpdImageRow     *image,
                                          const CpdCaller       *caller,
                                          GError               **error);
/* Mounts it again if it is to be mounted, but is not. KNOWN tells whether there is such an image. */
gboolean   cpd_engine_remake_image_mount (CpdEngine             *engine,
                                          const char            *id,
                                          gboolean              *known,
                                          GError               **error);

G_END_DECLS
