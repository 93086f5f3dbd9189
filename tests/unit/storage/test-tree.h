/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* All that is below the directory PATH, one line a name: type, mode, owner, size, device, time, link target, contents, extended
 * attributes but overlayfs's own, and which other name the file has. */
char *test_tree_describe (const char *path);

G_END_DECLS
