/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/*
 * How a layer hides what lies below it. In archives, and in directories that
 * fuse-overlayfs writes to, that is done by the names of empty files, marks;
 * in the directories of overlays by devices, and by an extended attribute.
 */
#define CPD_WHITEOUT_PREFIX ".wh."
#define CPD_WHITEOUT_OPAQUE ".wh..wh..opq"
#define CPD_WHITEOUT_XATTR "trusted.overlay.opaque"

/* Names that aufs kept for itself, but for the one above. */
#define CPD_WHITEOUT_META ".wh..wh."

/* Whether it hides what has its name. */
gboolean    cpd_whiteout_is              (const struct stat *info);
/* Whether overlayfs shows nothing of the same directory below. */
gboolean    cpd_whiteout_is_opaque       (int                fd);
/* Likewise, where the program that makes overlays could only say it by a file of its own. */
gboolean    cpd_whiteout_has_opaque_mark (int                fd);
/* What a file of that name stands for, where a program makes the overlay: NULL when it is just a file, "" for a mark
 * that nobody is to see, else the name of what is taken away. */
const char *cpd_whiteout_marked_name     (const char        *base);

G_END_DECLS
