/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Where images are, besides our own storage. */
typedef enum
{
  CPD_TRANSPORT_DOCKER,         /* a registry */
  CPD_TRANSPORT_OCI,
  CPD_TRANSPORT_OCI_ARCHIVE,
  CPD_TRANSPORT_DOCKER_ARCHIVE,
  CPD_TRANSPORT_DIR,
  CPD_TRANSPORT_CONTAINERS_STORAGE,
} CpdTransport;

/* Splits "transport:rest"; what names no transport is a name in a registry. REST points into REFERENCE.
 * INVALID_ARGUMENT for a transport that is known but not supported. */
gboolean    cpd_image_source_split     (const char    *reference,
                                        CpdTransport  *transport,
                                        const char   **rest,
                                        GError       **error);
/* "docker://", "oci:", ... */
const char *cpd_transport_prefix       (CpdTransport   transport);
/* "docker", "oci", ...: as policy.json names it. */
const char *cpd_transport_name         (CpdTransport   transport);
/* Whether it gives the bytes of manifests and layers as they were written: the others make them anew. */
gboolean    cpd_transport_is_exact     (CpdTransport   transport);
/* The name that an image has there, or NULL. */
char       *cpd_image_source_get_name  (CpdTransport   transport,
                                        const char    *rest);

G_END_DECLS
