/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store-images.h"

G_BEGIN_DECLS

/*
 * Which image was made from which. Nobody records that; as podman does, it is
 * told by layers and history: an image is made from another one if it has all
 * of its layers and all of its history, and then some more of that.
 */

/* The nearest one that IMAGE was made from, NULL without an error when there is none. */
CpdImageRow *cpd_image_find_parent    (CpdStore          *store,
                                       const CpdImageRow *image,
                                       GError           **error);
/* Whether one was made from IMAGE that is not in WITHOUT (nullable), a set of ids. */
gboolean     cpd_image_has_children   (CpdStore          *store,
                                       const CpdImageRow *image,
                                       GHashTable        *without);

/* A step in the making of an image. */
typedef struct
{
  char *id;                     /* of the image that this step has made, "" if there is none */
  char **names;                 /* of that image */
  gint64 created;               /* µs since the epoch, 0 when it is not said */
  char *created_by;
  char *comment;
  gint64 size;                  /* bytes of the step's layer when unpacked, 0 if it has none */
} CpdHistoryEntry;

/* Of CpdHistoryEntry, newest first. */
GPtrArray   *cpd_image_list_history   (CpdStore          *store,
                                       const CpdImageRow *image,
                                       GError           **error);

G_END_DECLS
