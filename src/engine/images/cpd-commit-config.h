/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/containers/cpd-container-config.h"
#include "engine/images/cpd-container-commit.h"

G_BEGIN_DECLS

/* The configuration of the image that is made of a container, as JSON: that of the image it was made of, with what the
 * container was asked for and what OPTIONS change. DIFF_ID is that of the new layer, the only one if the image is
 * squashed. INVALID_ARGUMENT, INVALID_IMAGE. */
char *cpd_commit_config_new (const CpdImageRow         *base,
                             const CpdContainerConfig  *config,
                             const CpdCommitOptions    *options,
                             const char                *diff_id,
                             gint64                     created,
                             GError                   **error);

G_END_DECLS
