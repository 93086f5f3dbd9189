/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"
#include "transport/cpd-registries.h"

G_BEGIN_DECLS

/* Bytes and layers; a total is 0 as long as nobody knows it. */
typedef void (*CpdTransferProgress) (guint64 bytes_done, guint64 bytes_total, guint layers_done, guint layers_total,
                                     gpointer user_data);

/* What the transfers of images have in common. */
typedef struct
{
  int auth;                     /* (unowned) descriptor of credentials as in podman's auth.json, or -1 */
  int tls_verify;               /* 0, 1, or -1 for what registries.conf says */
  guint timeout;                /* seconds in which nothing happens after which it is given up, 0 for never */
  const CpdCaller *caller;
  CpdTransferProgress progress;
  gpointer user_data;
  GCancellable *cancellable;
} CpdTransfer;

typedef enum
{
  CPD_PULL_ALWAYS,
  CPD_PULL_MISSING,
  CPD_PULL_NEWER,
  CPD_PULL_NEVER,
} CpdPullPolicy;

typedef struct
{
  CpdPullPolicy policy;
  const char *name;             /* (nullable) for an image that has none where it comes from */
  const char *os;               /* (nullable) */
  const char *architecture;     /* (nullable) */
  const char *variant;          /* (nullable) */
} CpdPullOptions;

typedef struct
{
  char *id;
  char *name;                   /* full name, "" for none */
  char *digest;                 /* of what was asked for: the manifest, or the index that it is in; "" for none */
} CpdPulled;

void     cpd_pulled_clear       (CpdPulled            *pulled);

/* REFERENCE is a name, or "transport:...". NO_SUCH_IMAGE, INVALID_IMAGE, REGISTRY_FAILED, REGISTRY_DENIED, IMAGE_REJECTED,
 * NOT_AUTHORIZED for what a caller may not have read, INVALID_ARGUMENT, DISK_FULL, CANCELLED. */
gboolean cpd_engine_pull_image  (CpdEngine            *engine,
                                 const char           *reference,
                                 const CpdPullOptions *options,
                                 const CpdTransfer    *transfer,
                                 CpdPulled            *pulled,
                                 GError              **error);
/* The tags that a repository has in its registry, and its full name. NO_SUCH_IMAGE, INVALID_ARGUMENT, and the errors of
 * registries as for a pull. */
char   **cpd_engine_list_tags   (CpdEngine            *engine,
                                 const char           *repository,
                                 const CpdTransfer    *transfer,
                                 char                **full_name,
                                 GError              **error);
/* A repository that was found. */
typedef struct
{
  char *index;                  /* the registry */
  char *name;                   /* full, with the registry */
  char *description;            /* "" for none */
  gint64 stars;
  gboolean official;
  gboolean automated;
} CpdFoundRepository;

/* CpdFoundRepository that have TERM, "word" or "registry/word", in their names: LIMIT at most of each registry that
 * searches for short names go through. FAILURES gets what went wrong with some of them; when all fail it is an error. */
GPtrArray *cpd_engine_search_images (CpdEngine            *engine,
                                     const char           *term,
                                     guint                 limit,
                                     const CpdTransfer    *transfer,
                                     char               ***failures,
                                     GError              **error);
/* DESTINATION is a name, "transport:...", or "" for the name that the image was given by. FORMAT is "oci", "v2s2" or
 * NULL for what it is. Gives the digest of the manifest there. */
char    *cpd_engine_push_image  (CpdEngine            *engine,
                                 const char           *image,
                                 const char           *destination,
                                 const char           *format,
                                 const CpdTransfer    *transfer,
                                 GError              **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdPulled, cpd_pulled_clear)

G_END_DECLS
