/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store.h"

G_BEGIN_DECLS

/* An image. */
typedef struct
{
  char *id;                     /* hex SHA-256 of its config */
  char *digest;                 /* of its manifest, "sha256:..." */
  gint64 manifest_size;         /* bytes of the manifest blob */
  char *config;                 /* OCI image config, JSON */
  char *top_layer;              /* chain id of its topmost layer, "sha256:..." */
  gint64 size;                  /* bytes when unpacked */
  gint64 created;               /* µs since the epoch */
  char **names;                 /* sorted; those without a digest */
  char **digests;               /* sorted: "repository@digest" that it was found under elsewhere */
  guint containers;             /* how many containers use it; only cpd_store_list_images() counts them */
} CpdImageRow;

/* An unpacked layer and the blob that it came from. */
typedef struct
{
  char *chain_id;               /* "sha256:..." */
  char *parent;                 /* chain id below it, "" for none */
  char *diff_id;                /* digest of the uncompressed tar */
  char *digest;                 /* digest of the blob */
  char *media_type;
  gint64 blob_size;
  gint64 size;                  /* bytes when unpacked */
  char *link;                   /* short name under overlay/l */
} CpdLayerRow;

void         cpd_image_row_free            (CpdImageRow        *row);
void         cpd_layer_row_free            (CpdLayerRow        *row);

gboolean     cpd_store_add_image           (CpdTransaction     *tx,
                                            const CpdImageRow  *row,
                                            const char *const  *chain_ids,
                                            GError            **error);
/* Whether it is there at the moment of the transaction. */
gboolean     cpd_store_has_image           (CpdTransaction     *tx,
                                            const char         *id,
                                            gboolean           *there,
                                            GError            **error);
gboolean     cpd_store_delete_image        (CpdTransaction     *tx,
                                            const char         *id,
                                            GError            **error);
gboolean     cpd_store_tag_image           (CpdTransaction     *tx,
                                            const char         *name,
                                            const char         *id,
                                            GError            **error);
gboolean     cpd_store_untag_image         (CpdTransaction     *tx,
                                            const char         *name,
                                            GError            **error);
/* NO_SUCH_IMAGE when there is none. */
CpdImageRow *cpd_store_get_image           (CpdStore           *store,
                                            const char         *id,
                                            GError            **error);
/* By exact NAME; NULL without an error when no image has it. */
CpdImageRow *cpd_store_get_image_by_name   (CpdStore           *store,
                                            const char         *name,
                                            GError            **error);
/* By prefix of an id: NO_SUCH_IMAGE, AMBIGUOUS_NAME. */
CpdImageRow *cpd_store_get_image_by_prefix (CpdStore           *store,
                                            const char         *prefix,
                                            GError            **error);
/* How many containers use an image. */
guint        cpd_store_count_image_users   (CpdStore           *store,
                                            const char         *id);
GPtrArray   *cpd_store_list_images         (CpdStore           *store,
                                            GError            **error);
/* How many images have a layer. */
guint        cpd_store_count_layer_images  (CpdStore           *store,
                                            const char         *chain_id);
/* Images that have a layer, be it their topmost or not. */
GPtrArray   *cpd_store_list_images_over    (CpdStore           *store,
                                            const char         *chain_id,
                                            GError            **error);
/* Images whose topmost layer an image has, itself among them. */
GPtrArray   *cpd_store_list_images_under   (CpdStore           *store,
                                            const char         *id,
                                            GError            **error);

gboolean     cpd_store_add_layer           (CpdTransaction     *tx,
                                            const CpdLayerRow  *row,
                                            GError            **error);
gboolean     cpd_store_delete_layer        (CpdTransaction     *tx,
                                            const char         *chain_id,
                                            GError            **error);
/* NULL without an error when there is none. */
CpdLayerRow *cpd_store_get_layer           (CpdStore           *store,
                                            const char         *chain_id,
                                            GError            **error);
GPtrArray   *cpd_store_list_layers         (CpdStore           *store,
                                            GError            **error);
/* The layers of an image, lowest first. */
GPtrArray   *cpd_store_list_image_layers   (CpdStore           *store,
                                            const char         *image_id,
                                            GError            **error);
/* Layers that no image has (any more), topmost first. */
GPtrArray   *cpd_store_list_unused_layers  (CpdStore           *store,
                                            GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdImageRow, cpd_image_row_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLayerRow, cpd_layer_row_free)

G_END_DECLS
