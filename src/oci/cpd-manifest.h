/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define CPD_MEDIA_TYPE_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define CPD_ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"
#define CPD_MEDIA_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define CPD_MEDIA_TYPE_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define CPD_MEDIA_TYPE_CONFIG "application/vnd.oci.image.config.v1+json"

/* What stands for a blob in another one. Nothing is owned. */
typedef struct
{
  const char *media_type;
  const char *digest;
  gint64 size;
  const char *ref_name;         /* (nullable) name of the image, in an index */
} CpdDescriptor;

/*
 * Texts of the documents of an OCI image and its layout on disk. The same
 * input gives the same text, byte for byte, since digests are made of them.
 */

/* CONFIG is the text of the "config" member, or NULL; MESSAGE the history's comment, or NULL. */
char *cpd_manifest_image_config (gint64                created,
                                 const char           *config,
                                 const char           *message,
                                 const char *const    *diff_ids,
                                 GError              **error);
char *cpd_manifest_text         (const CpdDescriptor  *config,
                                 const CpdDescriptor  *layers,
                                 gsize                 n_layers);
/* The same as docker has it (schema 2). NULL if docker has no type for one of LAYERS, whose types are OCI's. */
char *cpd_manifest_docker_text  (const CpdDescriptor  *config,
                                 const CpdDescriptor  *layers,
                                 gsize                 n_layers);
/* Docker's type for what OCI calls a layer; NULL when it has none. */
const char *cpd_manifest_docker_type (const char      *media_type);
char *cpd_manifest_index        (const CpdDescriptor  *manifests,
                                 gsize                 n_manifests);
char *cpd_manifest_layout       (void);

/* An image as docker describes it in an archive. Nothing is owned. */
typedef struct
{
  const char *config;
  const char *const *names;
  const char *const *layers;
} CpdDockerImage;

char *cpd_manifest_docker       (const CpdDockerImage *images,
                                 gsize                 n_images);

G_END_DECLS
