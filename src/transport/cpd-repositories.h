/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "transport/cpd-skopeo.h"

G_BEGIN_DECLS

/* A repository that a registry has. */
typedef struct
{
  char *name;                   /* as the registry says it, without the registry */
  char *description;            /* "" for none */
  gint64 stars;
  gboolean official;
  gboolean automated;
} CpdRepository;

/* CpdRepository of HOST, LIMIT at most, that have TERM in their names. INSECURE: HOST need not prove who it is. With the
 * credentials and the patience of SKOPEO, which cannot be asked itself. REGISTRY_FAILED, REGISTRY_DENIED, NO_SUCH_IMAGE
 * when the registry has no list, CANCELLED. */
GPtrArray *cpd_repositories_search (const CpdSkopeo  *skopeo,
                                    const char       *host,
                                    const char       *term,
                                    guint             limit,
                                    gboolean          insecure,
                                    GError          **error);

G_END_DECLS
