/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Requests to one registry, one after another, with what it wants for them:
 * the distribution specification's Basic and Bearer authentication, and the
 * certificates in certs.d.
 */
typedef struct _CpdRegistryHttp CpdRegistryHttp;

typedef struct
{
  const char *host;             /* "registry.example" or "127.0.0.1:5000" */
  gboolean insecure;            /* its certificate may be anybody's, or it may have none */
  const char *auth;             /* (nullable) file with credentials, as podman's auth.json */
  const char *scope;            /* what a token is to be good for: "registry:catalog:*" */
} CpdRegistryServer;

/* Finds out how the registry is spoken to. REGISTRY_FAILED, REGISTRY_DENIED, BAD_CONFIG. */
CpdRegistryHttp *cpd_registry_http_new  (const CpdRegistryServer  *server,
                                         GError                  **error);
void             cpd_registry_http_free (CpdRegistryHttp          *http);
/* What is at PATH. NEXT (nullable) gets the path of the next page, NULL when it is the last. REGISTRY_DENIED,
 * REGISTRY_FAILED; NO_SUCH_IMAGE when there is no such thing. */
char            *cpd_registry_http_get  (CpdRegistryHttp          *http,
                                         const char               *path,
                                         char                    **next,
                                         GError                  **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdRegistryHttp, cpd_registry_http_free)

G_END_DECLS
