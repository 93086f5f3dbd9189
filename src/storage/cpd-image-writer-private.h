/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storage/cpd-flusher.h"
#include "storage/cpd-image-writer.h"
#include "storage/cpd-storage-private.h"

G_BEGIN_DECLS

/* Only src/storage/cpd-image-writer*.c includes this. */

/* One layer of the images. */
typedef struct
{
  guint number;
  char *diff_id;                /* (owned) */
  char *digest;                 /* (owned) (nullable): as claimed */
  gint64 size;
  char *chain_id;               /* (owned) */
  char *parent;                 /* (owned) chain id of the layer below, "" for none */
  gboolean pinned;              /* it was there, and stays */
  gboolean unpacked;
  guint64 bytes;                /* read so far */
  CpdLayerInfo info;            /* what it turned out to be when it was unpacked */
  CpdLayerRow *row;             /* (owned) (nullable): when all is put into its place */
  gboolean is_new;
} CpdWriterLayer;

/* A layer as one of the images has it. */
typedef struct
{
  CpdWriterLayer *layer;        /* (unowned) */
  char *digest;                 /* (owned) (nullable) as that image's manifest claims it */
} CpdWriterEntry;

struct _CpdImageWriter
{
  CpdStorage *storage;          /* (owned) */
  char *name;                   /* (owned) */
  gint64 number;                /* of the operation */
  gboolean begun;
  gboolean committed;
  char *directory;              /* (owned) */
  char *blobs;                  /* (owned) directory for blobs, beside the others */
  CpdLayerLimits limits;
  int fd;                       /* (owned) of the directory */
  CpdFlusher *flusher;          /* (owned) */
  GMutex lock;                  /* for the flusher, and what has been read so far of all layers */
  guint64 bytes;
  CpdProgressFunc progress;     /* (nullable) */
  gpointer user_data;
  GPtrArray *layers;            /* (owned) CpdWriterLayer, each once */
  GHashTable *by_chain;         /* (owned) chain id → CpdWriterLayer, of those whose chain is known */
  GPtrArray *images;            /* (owned) GPtrArray of CpdWriterEntry, lowest first */
  GPtrArray *made;              /* (owned) paths that have to go if it fails */
};

/* Says by errno that WHAT could not be done to PATH. FALSE. */
gboolean cpd_image_writer_fail (const char  *what,
                                const char  *path,
                                GError     **error);

G_END_DECLS
