/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storage/cpd-storage.h"

G_BEGIN_DECLS

/*
 * Images from elsewhere on their way into the storage, mostly one. Their layers
 * are put in one by one; all of it appears when it is committed, and is gone
 * without a trace when it is freed before that. The layers that they can use
 * because they are there already stay at least as long.
 */
typedef struct _CpdImageWriter CpdImageWriter;

/* NAME is for messages; LIMITS are those of each layer. */
CpdImageWriter *cpd_image_writer_new           (CpdStorage           *storage,
                                                const char           *name,
                                                const CpdLayerLimits *limits,
                                                GError              **error);
void            cpd_image_writer_free          (CpdImageWriter       *writer);
/* A directory that goes with the writer, for whatever is needed on the way. */
const char     *cpd_image_writer_get_directory (CpdImageWriter       *writer);

/* A layer as its manifest describes it. Nothing is owned. */
typedef struct
{
  const char *diff_id;          /* (nullable) NULL for a topmost layer that is only being made */
  const char *digest;           /* (nullable) of the blob, NULL when nobody knows it */
  gint64 size;                  /* of the blob, -1 when nobody knows it */
} CpdLayerClaim;

/* The layers of an image, lowest first; once for each image. The layers of the first one have the numbers 0 and up. */
gboolean        cpd_image_writer_set_layers    (CpdImageWriter       *writer,
                                                const CpdLayerClaim  *claims,
                                                guint                 n_claims,
                                                GError              **error);
/* The number of a layer of an image: several images may have one in common. */
guint           cpd_image_writer_get_number    (CpdImageWriter       *writer,
                                                guint                 image,
                                                guint                 layer);
/* Whether the layer is there already. */
gboolean        cpd_image_writer_has_layer     (CpdImageWriter       *writer,
                                                guint                 number);
/* The blob of a layer, if another layer has the same, else -1. */
int             cpd_image_writer_open_blob     (CpdImageWriter       *writer,
                                                guint                 number);
/* Is called with how many bytes of all layers have been read, by whoever adds a layer. */
void            cpd_image_writer_set_progress  (CpdImageWriter       *writer,
                                                CpdProgressFunc       progress,
                                                gpointer              user_data);
/* Unpacks the layer that FD reads; it must be what was claimed: INVALID_IMAGE, INVALID_ARCHIVE. Several threads may
 * do this for different layers. */
gboolean        cpd_image_writer_add_layer     (CpdImageWriter       *writer,
                                                guint                 number,
                                                int                   fd,
                                                GCancellable         *cancellable,
                                                GError              **error);
/* The same for a part of a file. */
gboolean        cpd_image_writer_add_part      (CpdImageWriter       *writer,
                                                guint                 number,
                                                int                   fd,
                                                const CpdLayerPart   *part,
                                                GCancellable         *cancellable,
                                                GError              **error);

/* Of a layer that was claimed without one and has been added. */
const char     *cpd_image_writer_get_diff_id   (CpdImageWriter       *writer,
                                                guint                 number);

/* What an image consists of besides its layers. Nothing is owned. */
typedef struct
{
  const char *config;           /* its digest is the image's id */
  gint64 created;               /* µs since the epoch */
  const char *manifest;         /* (nullable) an OCI manifest that fits the layers as they were claimed; NULL to make one */
  const char *const *texts;     /* what else is kept: the manifest as it came, the index */
  const char *const *names;     /* full names; with a digest they tell where it was found */
  const char *docker;           /* (nullable) repository under which a manifest of docker's kind is made and kept, too */
  const char *event;            /* what has happened: "pull", "loadfromarchive" */
  const char *event_name;
  const char *container;        /* (nullable) id of the container that the image is made of, and whose event it is */
  GVariant *attributes;         /* (nullable) of that event, besides "committed", the id of the image */
} CpdImageContents;

/* All rows and events in one transaction. CONTENTS has one entry for each of the images, which have different ids. */
gboolean        cpd_image_writer_commit_all    (CpdImageWriter         *writer,
                                                const CpdImageContents *contents,
                                                const CpdCaller        *caller,
                                                GError                **error);
/* The same for a single image: its id. */
char           *cpd_image_writer_commit        (CpdImageWriter         *writer,
                                                const CpdImageContents *contents,
                                                const CpdCaller        *caller,
                                                GError                **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdImageWriter, cpd_image_writer_free)

G_END_DECLS
