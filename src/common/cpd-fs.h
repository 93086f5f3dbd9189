/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* A file descriptor that closes itself at the end of its scope. */
static inline void
cpd_close_fd (int *fd)
{
  if (*fd >= 0)
    g_close (g_steal_fd (fd), NULL);
}
#define cpd_autofd __attribute__ ((cleanup (cpd_close_fd)))

void     cpd_set_error_errno   (GError     **error,
                                int          saved_errno,
                                const char  *format,
                                ...) G_GNUC_PRINTF (3, 4);

gboolean cpd_fs_mkdir_p        (const char  *path,
                                mode_t       mode,
                                GError     **error);
gboolean cpd_fs_write_file     (const char  *path,
                                const void  *data,
                                gssize       length,
                                mode_t       mode,
                                gboolean     durable,
                                GError     **error);
char    *cpd_fs_read_file      (const char  *path,
                                gsize        max_length,
                                GError     **error);
gboolean cpd_fs_remove_tree    (const char  *path,
                                GError     **error);
gboolean cpd_fs_sync_dir       (const char  *path,
                                GError     **error);
GPtrArray *cpd_fs_list_dir     (const char  *path,
                                GError     **error);
gboolean cpd_fs_write_all      (int          fd,
                                const void  *data,
                                gsize        length,
                                GError     **error);
gboolean cpd_fs_is_mountpoint  (const char  *path);
/* Whether something is mounted there whose program has ended. */
gboolean cpd_fs_is_dead_mount  (const char  *path);
/* Whether there is hardly any space where PATH is. */
gboolean cpd_fs_is_full        (const char  *path);
GPtrArray *cpd_fs_mounts_below (const char  *path,
                                GError     **error);
gboolean cpd_fs_unmount        (const char  *path,
                                GError     **error);

G_END_DECLS
