/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean cpd_store_copy (const char  *from,
                         const char  *to,
                         GError     **error);

G_END_DECLS
