/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What ListContainers tells of one container, as podman's JSON has it, and as its templates do. */
char     *cli_ps_status (GVariant *container,
                         gint64    now_us);
GVariant *cli_ps_json   (GVariant *container,
                         gint64    now_us);
GVariant *cli_ps_row    (GVariant *container,
                         gint64    now_us,
                         gboolean  truncate);

/* What ListStorageContainers tells of one, as if ListContainers had told it. */
GVariant *cli_ps_external (GVariant *external);

G_END_DECLS
