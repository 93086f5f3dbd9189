/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* An entry of a manifest or index. */
typedef struct
{
  char *media_type;
  char *digest;                 /* "sha256:..." */
  gint64 size;
  /* In an index, NULL where nothing is said: */
  char *os;
  char *architecture;
  char *variant;
  char *name;                   /* what an index of images calls it */
} CpdManifestEntry;

/* A manifest, or an index of several. */
typedef struct
{
  gboolean is_index;
  gboolean is_oci;              /* and not docker's */
  CpdManifestEntry *config;     /* (owned) (nullable): NULL in an index */
  GPtrArray *entries;           /* (owned): layers, lowest first, or manifests */
} CpdManifest;

/* What an image is to run on. */
typedef struct
{
  const char *os;               /* (nullable) "linux" */
  const char *architecture;     /* (nullable) the machine's own */
  const char *variant;          /* (nullable) any */
} CpdPlatform;

#define CPD_MANIFEST_ENTRIES_MAX 500

/* Manifests and indexes of OCI and of docker (version 2, schema 2). INVALID_IMAGE says what is wrong. */
CpdManifest            *cpd_manifest_parse    (const char         *text,
                                               GError            **error);
void                    cpd_manifest_free     (CpdManifest        *manifest);
/* The entry of an index that fits best. NO_SUCH_IMAGE names the platforms there are. */
const CpdManifestEntry *cpd_manifest_choose   (const CpdManifest  *image_index,
                                               const CpdPlatform  *platform,
                                               GError            **error);
/* OCI's media type of a layer, NULL for what is none. */
const char             *cpd_manifest_oci_type (const char         *media_type);

/* What is needed of an image's configuration. */
typedef struct
{
  char **diff_ids;              /* lowest first */
  gint64 created;               /* µs since the epoch, 0 when it is not said */
  char *os;                     /* "" when it is not said */
  char *architecture;
} CpdImageInfo;

/* INVALID_IMAGE. */
CpdImageInfo           *cpd_image_info_parse  (const char         *config,
                                               GError            **error);
void                    cpd_image_info_free   (CpdImageInfo       *info);
gboolean                cpd_image_info_fits   (const CpdImageInfo *info,
                                               const CpdPlatform  *platform);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdManifest, cpd_manifest_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdImageInfo, cpd_image_info_free)

G_END_DECLS
