/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* All of DATA; where FD does not wait, this does. FALSE with errno. */
gboolean cli_write_all (int         fd,
                        const void *data,
                        gsize       length);

G_END_DECLS
