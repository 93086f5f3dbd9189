/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* How overlays are mounted. */
typedef struct
{
  unsigned long flags;          /* for mount() */
  char *data;                   /* (owned) for overlayfs, with a comma before each option */
  gboolean metacopy;            /* a changed owner or mode does not copy a file up */
  gboolean redirect_dir;        /* nor does a changed name a directory */
  gboolean volatile_;           /* no container's writes need reach the disk */
} CpdMountOptions;

/* TEXT: "nodev,metacopy=on". What is not said is set explicitly, because the defaults are the kernel module's. */
gboolean cpd_mount_options_parse (CpdMountOptions  *options,
                                  const char       *text,
                                  GError          **error);
void     cpd_mount_options_clear (CpdMountOptions  *options);

G_END_DECLS
