/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Parts NAME at the tag, "<none>" if there is none; a colon before a slash belongs to a port. */
void      cli_image_split_name (const char  *name,
                                char       **repository,
                                char       **tag);

/* An image of ListImages() under one of its names, as templates have it, and as podman's JSON does. Both are floating. */
GVariant *cli_image_row        (GVariant    *image,
                                const char  *name,
                                gboolean     shorten);
GVariant *cli_image_json       (GVariant    *image);

G_END_DECLS
