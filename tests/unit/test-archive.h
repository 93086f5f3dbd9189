/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gio/gio.h>

G_BEGIN_DECLS

/* Writes tar archives, also ones that nobody should write. FILTER: "none", "gzip", "xz", "zstd", "bzip2". */
typedef struct _TestArchive TestArchive;

TestArchive          *test_archive_new       (const char   *filter);
struct archive_entry *test_archive_entry     (const char   *name,
                                              mode_t        type,
                                              mode_t        mode);
/* Takes ENTRY. */
void                  test_archive_add       (TestArchive          *archive,
                                              struct archive_entry *entry,
                                              const void           *data,
                                              gsize                 length);
void                  test_archive_file      (TestArchive  *archive,
                                              const char   *name,
                                              const char   *text);
void                  test_archive_directory (TestArchive  *archive,
                                              const char   *name);
void                  test_archive_symlink   (TestArchive  *archive,
                                              const char   *name,
                                              const char   *target);
void                  test_archive_hard_link (TestArchive  *archive,
                                              const char   *name,
                                              const char   *target);
void                  test_archive_device    (TestArchive  *archive,
                                              const char   *name,
                                              mode_t        type,
                                              guint         major_number,
                                              guint         minor_number);
/* Ends and frees it. */
GBytes               *test_archive_finish    (TestArchive  *archive);
/* A descriptor to read BYTES from. */
int                   test_bytes_open        (GBytes       *bytes);

G_END_DECLS
