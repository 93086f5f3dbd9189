/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "oci/cpd-archive-index.h"
#include "oci/cpd-manifest-parse.h"

G_BEGIN_DECLS

/* A layer in an archive of images. */
typedef struct
{
  char *member;
  char *digest;                 /* (nullable) of the blob, if the archive says that */
  gint64 size;                  /* likewise, -1 when it does not */
  CpdLayerPart part;
} CpdArchiveLayer;

/* An image in an archive. */
typedef struct
{
  char *id;
  char *config;
  CpdImageInfo *info;
  char *manifest;               /* (nullable) an OCI manifest, as it came */
  GPtrArray *names;             /* full names */
  GPtrArray *layers;            /* CpdArchiveLayer, lowest first */
} CpdArchiveImage;

/*
 * The images of a docker-archive (manifest.json) or of an OCI layout
 * (index.json), which is preferred where there are both; each id once, with all
 * its names. What the texts say of one another has been compared; the layers
 * have not been read. Of several images under one name it is that for PLATFORM.
 *
 * INVALID_ARCHIVE, INVALID_IMAGE, NO_SUCH_IMAGE when there is none for PLATFORM.
 */
GPtrArray *cpd_image_archive_read    (CpdArchiveIndex   *archive,
                                      const CpdPlatform *platform,
                                      GError           **error);
gboolean   cpd_image_archive_is_oci  (CpdArchiveIndex   *archive);

G_END_DECLS
