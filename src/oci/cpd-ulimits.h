/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Resource limits of processes: "NAME=SOFT[:HARD]", where -1 is no limit. */

/* INVALID_ARGUMENT for one that cannot be read, or that the service may not give. */
gboolean   cpd_ulimit_check     (const char         *text,
                                 GError            **error);
/* process.rlimits of the OCI runtime spec: USUAL (NULL for the built-in ones), cut to what the service
 * may give, with ASKED (nullable) over them. */
JsonArray *cpd_ulimits_to_array (const char *const  *usual,
                                 const char *const  *asked,
                                 GError            **error);

G_END_DECLS
