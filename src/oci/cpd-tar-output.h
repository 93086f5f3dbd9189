/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * A descriptor that others may have the other end of. Nobody can hold up for
 * good who writes to it: whatever it is, waiting for it can be cancelled. Its
 * flags are shared with those others, and so they stay as they are.
 */
typedef struct
{
  int fd;                       /* (owned) by the output only if it is OWN */
  gboolean own;
  gboolean is_socket;
  GCancellable *cancellable;    /* (unowned) (nullable) */
} CpdTarOutput;

gboolean cpd_tar_output_open  (CpdTarOutput   *output,
                               int             fd,
                               GCancellable   *cancellable,
                               GError        **error);
gboolean cpd_tar_output_write (CpdTarOutput   *output,
                               const void     *data,
                               gsize           length,
                               GError        **error);
void     cpd_tar_output_close (CpdTarOutput   *output);

G_END_DECLS
