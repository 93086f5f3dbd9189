/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli-output.h"

G_BEGIN_DECLS

/* Lists what ListMounts gave, of containers or of images. In podman's JSON their names are below NAMES_KEY. */
int cli_print_mounts (const CliOutput *output,
                      GVariant        *mounts,
                      const char      *names_key,
                      gboolean         truncate);

G_END_DECLS
