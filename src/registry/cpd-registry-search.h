/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "registry/cpd-registry-http.h"

G_BEGIN_DECLS

/* What a registry has under names with TERM in them, LIMIT at most, as a JSON list: by the search of Docker's index,
 * where a registry has that, else by the list of all repositories. The errors of cpd_registry_http_get(). */
char *cpd_registry_search (CpdRegistryHttp  *http,
                           const char       *term,
                           guint             limit,
                           GError          **error);

G_END_DECLS
