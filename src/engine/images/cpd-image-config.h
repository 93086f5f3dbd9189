/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "common/cpd-json.h"

G_BEGIN_DECLS

/* The "config" member of an OCI image config that Containerfile instructions (CMD, ENTRYPOINT, ENV, EXPOSE,
 * LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR) give, as JSON text; INVALID_ARGUMENT for any other. */
char    *cpd_image_config_from_changes  (const char *const  *changes,
                                         GError            **error);
/* The same on top of what CONFIG says. */
gboolean cpd_image_config_apply_changes (JsonObject         *config,
                                         const char *const  *changes,
                                         GError            **error);

G_END_DECLS
