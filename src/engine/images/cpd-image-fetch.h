/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/images/cpd-image-transfer.h"
#include "oci/cpd-manifest-parse.h"
#include "storage/cpd-image-writer.h"
#include "transport/cpd-image-proxy.h"
#include "transport/cpd-image-source.h"

G_BEGIN_DECLS

/* An image that is being fetched from one place. */
typedef struct
{
  const CpdTransfer *transfer;  /* (unowned) */
  CpdPlatform platform;
  CpdTransport transport;
  char *reference;              /* (owned) as skopeo takes it */
  char *name;                   /* (owned) (nullable) full name */
  CpdSkopeo *skopeo;            /* (owned) */
  GCancellable *cancellable;    /* (owned) of all that runs for it */
  gulong cancelled_id;
  CpdImageWriter *writer;       /* (owned) (nullable) */
  CpdImageProxy *proxy;         /* (owned) (nullable) */

  char *top;                    /* (owned) what the reference names: a manifest or an index, as it came */
  char *top_digest;             /* (owned) */
  char *text;                   /* (owned) the manifest */
  char *text_digest;            /* (owned) */
  gboolean is_raw;              /* it is as it came */
  CpdManifest *manifest;        /* (owned) */
  char *config;                 /* (owned) */
  CpdImageInfo *info;           /* (owned) */

  GMutex lock;                  /* for what follows: layers are fetched by several threads */
  guint next_layer;
  guint64 bytes_done;
  guint64 bytes_total;
  guint layers_done;
  GError *error;                /* (owned) (nullable) the first */
} CpdFetch;

/* skopeo as the configuration and the caller of a transfer want it. */
CpdSkopeo *cpd_engine_new_skopeo (CpdEngine *engine, const CpdTransfer *transfer, GCancellable *cancellable,
                                  GError **error);
/* Whether the caller may name files of the host. */
gboolean cpd_engine_check_transport (CpdTransport transport, const CpdCaller *caller, GError **error);

/* What the reference names. */
gboolean cpd_fetch_top      (CpdFetch    *fetch,
                             GError     **error);
/* Manifest and configuration, of the wanted platform. VERIFY: skopeo looks at signatures as the policy wants it. */
gboolean cpd_fetch_manifest (CpdFetch    *fetch,
                             gboolean     verify,
                             GError     **error);
/* All layers that are not there, into the writer. */
gboolean cpd_fetch_layers   (CpdFetch    *fetch,
                             GError     **error);
void     cpd_fetch_clear    (CpdFetch    *fetch);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdFetch, cpd_fetch_clear)

G_END_DECLS
