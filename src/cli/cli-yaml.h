/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A dictionary (a{sv}) as YAML, with its keys in order, as podman prints what it tells of itself. */
char *cli_yaml_print (GVariant *value);

G_END_DECLS
