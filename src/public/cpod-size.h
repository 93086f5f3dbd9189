/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean cpod_size_parse (const char *text,
                          gint64     *size);

G_END_DECLS
