/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Values are variants: objects a{sv} in their order, lists av, null an empty mv. */
GVariant *cli_json_parse (const char  *text,
                          GError     **error);
char     *cli_json_print (GVariant    *value,
                          gboolean     pretty);

G_END_DECLS
