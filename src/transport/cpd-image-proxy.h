/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "transport/cpd-skopeo.h"

G_BEGIN_DECLS

/*
 * A client of skopeo's image proxy: one image of any transport, blob by blob.
 * Several threads may copy blobs at once.
 */
typedef struct _CpdImageProxy CpdImageProxy;

/* Called from the thread that copies, with how many more bytes there are. */
typedef void (*CpdImageProxyProgress) (gsize bytes, gpointer user_data);

/* SKOPEO stays the caller's and must outlive the proxy. REGISTRY_FAILED, NO_SUCH_IMAGE, ... */
CpdImageProxy *cpd_image_proxy_new          (const CpdSkopeo        *skopeo,
                                             const char             *reference,
                                             GError                **error);
void           cpd_image_proxy_free         (CpdImageProxy          *proxy);

/* The manifest, of the platform that SKOPEO names if there are several, and its digest. It is the registry's own text
 * only if that digest is its: the proxy converts what is no OCI manifest. */
char          *cpd_image_proxy_get_manifest (CpdImageProxy          *proxy,
                                             char                  **digest,
                                             GError                **error);
/* A blob of no more than some MiB. INVALID_IMAGE when it is not what DIGEST says. */
char          *cpd_image_proxy_get_text     (CpdImageProxy          *proxy,
                                             const char             *digest,
                                             gint64                  size,
                                             GError                **error);
/* What the proxy says of a blob's size; needed where nobody else tells it. */
gint64         cpd_image_proxy_get_size     (CpdImageProxy          *proxy,
                                             const char             *digest,
                                             GError                **error);
/* Writes a blob of SIZE bytes into TO, a pipe or file. When this returns TRUE its digest and size were right.
 * BROKEN_PIPE of G_IO_ERROR when nobody reads TO any more. */
gboolean       cpd_image_proxy_copy_blob    (CpdImageProxy          *proxy,
                                             const char             *digest,
                                             gint64                  size,
                                             int                     to,
                                             CpdImageProxyProgress   progress,
                                             gpointer                user_data,
                                             GError                **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdImageProxy, cpd_image_proxy_free)

G_END_DECLS
