/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * libarchive as this service uses it: loaded with the first archive. It needs
 * libxml2, for a format that images do not have, and that needs ICU, and all
 * of it would be a tenth of the memory of a service that runs containers only.
 *
 * What is declared in <archive.h> is called by its own name; whoever makes the
 * first object (archive_read_new(), archive_write_new()) loads it before.
 */
gboolean cpd_libarchive_load (GError **error);

#define CPD_LIBARCHIVE_EACH(F) \
  F (entry_copy_hardlink) F (entry_copy_pathname) F (entry_copy_symlink) F (entry_filetype) \
  F (entry_free) F (entry_gid) F (entry_hardlink) F (entry_mtime) F (entry_mtime_nsec) \
  F (entry_new) F (entry_pathname) F (entry_perm) F (entry_rdevmajor) F (entry_rdevminor) \
  F (entry_set_filetype) F (entry_set_gid) F (entry_set_mtime) F (entry_set_pathname) \
  F (entry_set_perm) F (entry_set_rdevmajor) F (entry_set_rdevminor) F (entry_set_size) \
  F (entry_set_uid) F (entry_size) F (entry_sparse_add_entry) F (entry_sparse_count) \
  F (entry_sparse_next) F (entry_sparse_reset) F (entry_symlink) F (entry_uid) \
  F (entry_xattr_add_entry) F (entry_xattr_next) F (entry_xattr_reset) F (errno) F (error_string) \
  F (filter_bytes) F (read_data) F (read_data_block) F (read_free) F (read_new) \
  F (read_next_header) F (read_open) F (read_open1) F (read_set_callback_data) \
  F (read_set_read_callback) F (read_set_skip_callback) F (read_support_filter_bzip2) \
  F (read_support_filter_gzip) F (read_support_filter_xz) F (read_support_filter_zstd) \
  F (read_support_format_empty) F (read_support_format_raw) F (read_support_format_tar) \
  F (set_error) F (write_close) F (write_data) F (write_free) F (write_header) F (write_new) \
  F (write_open) F (write_set_bytes_in_last_block) F (write_set_bytes_per_block) \
  F (write_set_format_option) F (write_set_format_pax_restricted)

#define CPD_LIBARCHIVE_MEMBER(name) __typeof__ (&archive_##name) la_##name;
typedef struct
{
  CPD_LIBARCHIVE_EACH (CPD_LIBARCHIVE_MEMBER)
} CpdLibarchive;
#undef CPD_LIBARCHIVE_MEMBER

extern CpdLibarchive cpd_libarchive;

#define archive_entry_copy_hardlink cpd_libarchive.la_entry_copy_hardlink
#define archive_entry_copy_pathname cpd_libarchive.la_entry_copy_pathname
#define archive_entry_copy_symlink cpd_libarchive.la_entry_copy_symlink
#define archive_entry_filetype cpd_libarchive.la_entry_filetype
#define archive_entry_free cpd_libarchive.la_entry_free
#define archive_entry_gid cpd_libarchive.la_entry_gid
#define archive_entry_hardlink cpd_libarchive.la_entry_hardlink
#define archive_entry_mtime cpd_libarchive.la_entry_mtime
#define archive_entry_mtime_nsec cpd_libarchive.la_entry_mtime_nsec
#define archive_entry_new cpd_libarchive.la_entry_new
#define archive_entry_pathname cpd_libarchive.la_entry_pathname
#define archive_entry_perm cpd_libarchive.la_entry_perm
#define archive_entry_rdevmajor cpd_libarchive.la_entry_rdevmajor
#define archive_entry_rdevminor cpd_libarchive.la_entry_rdevminor
#define archive_entry_set_filetype cpd_libarchive.la_entry_set_filetype
#define archive_entry_set_gid cpd_libarchive.la_entry_set_gid
#define archive_entry_set_mtime cpd_libarchive.la_entry_set_mtime
#define archive_entry_set_pathname cpd_libarchive.la_entry_set_pathname
#define archive_entry_set_perm cpd_libarchive.la_entry_set_perm
#define archive_entry_set_rdevmajor cpd_libarchive.la_entry_set_rdevmajor
#define archive_entry_set_rdevminor cpd_libarchive.la_entry_set_rdevminor
#define archive_entry_set_size cpd_libarchive.la_entry_set_size
#define archive_entry_set_uid cpd_libarchive.la_entry_set_uid
#define archive_entry_size cpd_libarchive.la_entry_size
#define archive_entry_sparse_add_entry cpd_libarchive.la_entry_sparse_add_entry
#define archive_entry_sparse_count cpd_libarchive.la_entry_sparse_count
#define archive_entry_sparse_next cpd_libarchive.la_entry_sparse_next
#define archive_entry_sparse_reset cpd_libarchive.la_entry_sparse_reset
#define archive_entry_symlink cpd_libarchive.la_entry_symlink
#define archive_entry_uid cpd_libarchive.la_entry_uid
#define archive_entry_xattr_add_entry cpd_libarchive.la_entry_xattr_add_entry
#define archive_entry_xattr_next cpd_libarchive.la_entry_xattr_next
#define archive_entry_xattr_reset cpd_libarchive.la_entry_xattr_reset
#define archive_errno cpd_libarchive.la_errno
#define archive_error_string cpd_libarchive.la_error_string
#define archive_filter_bytes cpd_libarchive.la_filter_bytes
#define archive_read_data cpd_libarchive.la_read_data
#define archive_read_data_block cpd_libarchive.la_read_data_block
#define archive_read_free cpd_libarchive.la_read_free
#define archive_read_new cpd_libarchive.la_read_new
#define archive_read_next_header cpd_libarchive.la_read_next_header
#define archive_read_open cpd_libarchive.la_read_open
#define archive_read_open1 cpd_libarchive.la_read_open1
#define archive_read_set_callback_data cpd_libarchive.la_read_set_callback_data
#define archive_read_set_read_callback cpd_libarchive.la_read_set_read_callback
#define archive_read_set_skip_callback cpd_libarchive.la_read_set_skip_callback
#define archive_read_support_filter_bzip2 cpd_libarchive.la_read_support_filter_bzip2
#define archive_read_support_filter_gzip cpd_libarchive.la_read_support_filter_gzip
#define archive_read_support_filter_xz cpd_libarchive.la_read_support_filter_xz
#define archive_read_support_filter_zstd cpd_libarchive.la_read_support_filter_zstd
#define archive_read_support_format_empty cpd_libarchive.la_read_support_format_empty
#define archive_read_support_format_raw cpd_libarchive.la_read_support_format_raw
#define archive_read_support_format_tar cpd_libarchive.la_read_support_format_tar
#define archive_set_error cpd_libarchive.la_set_error
#define archive_write_close cpd_libarchive.la_write_close
#define archive_write_data cpd_libarchive.la_write_data
#define archive_write_free cpd_libarchive.la_write_free
#define archive_write_header cpd_libarchive.la_write_header
#define archive_write_new cpd_libarchive.la_write_new
#define archive_write_open cpd_libarchive.la_write_open
#define archive_write_set_bytes_in_last_block cpd_libarchive.la_write_set_bytes_in_last_block
#define archive_write_set_bytes_per_block cpd_libarchive.la_write_set_bytes_per_block
#define archive_write_set_format_option cpd_libarchive.la_write_set_format_option
#define archive_write_set_format_pax_restricted cpd_libarchive.la_write_set_format_pax_restricted

G_END_DECLS
