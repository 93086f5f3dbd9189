/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * A program that makes overlays in the kernel's place: fuse-overlayfs, or one
 * that takes the same arguments. It returns when it has mounted; what it leaves
 * in the background serves that mount until it is unmounted. That is nobody's
 * child, so it goes on when the service ends.
 */

/* GIVEN unless that is empty, else the first that is found; NULL for none. */
char     *cpd_mount_program_find (const char     *given);
/* Paths in OPTIONS are relative to the working directory of the calling thread. FLAGS are those of mount(). */
gboolean  cpd_mount_program_run  (const char     *program,
                                  const char     *options,
                                  const char     *target,
                                  unsigned long   flags,
                                  GError        **error);

G_END_DECLS
