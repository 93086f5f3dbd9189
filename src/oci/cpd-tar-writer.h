/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Makes a tar archive of directory trees: a layer of what a container has
 * written, or a copy of a part of its root. What a tree is made of is read
 * below the descriptor it is given by and nowhere else, whoever changes it
 * meanwhile. It belongs to one thread.
 */
typedef struct _CpdTarWriter CpdTarWriter;

/* Whether the directory PATH, which is opaque, has something to hide. */
typedef gboolean (*CpdTarHidesFunc) (const char *path, gpointer user_data);
/* Whether what would become NAME is to be in the archive, with what is below it. */
typedef gboolean (*CpdTarWantsFunc) (const char *name, gpointer user_data);
/* Names that a layer takes away in the directory NAME; NULL for none. */
typedef GPtrArray *(*CpdTarDeletedFunc) (const char *name, gpointer user_data);
/* How many bytes of files have been read. */
typedef void (*CpdTarProgressFunc) (guint64 bytes_done, gpointer user_data);

typedef struct
{
  gboolean upper;               /* it is an upper directory of overlayfs, whose whiteouts become those of OCI */
  gboolean marks;               /* of such a one that a program makes: names may stand for whiteouts */
  CpdTarHidesFunc hides;        /* (nullable): without it all opaque directories do */
  gpointer hides_data;
  CpdTarWantsFunc wants;        /* (nullable): without it all is */
  CpdTarDeletedFunc deleted;    /* (nullable) */
  gpointer changes;             /* for these two */
  CpdTarProgressFunc progress;  /* (nullable) */
  gpointer progress_data;
  GCancellable *cancellable;    /* (nullable) */
} CpdTarOptions;

/* Writes to FD, and does not block for good on a pipe or socket that nobody reads: that can be cancelled.
 * OPTIONS must stay as long as the writer. */
CpdTarWriter *cpd_tar_writer_new         (int                   fd,
                                          const CpdTarOptions  *options,
                                          GError              **error);
void          cpd_tar_writer_free        (CpdTarWriter         *writer);
/* Adds what has the name BASE in the directory ROOT ("." for that itself) under NAME ("" for the archive's root), with
 * all below it. Sockets have no place in an archive and are left out. DISK_FULL, CANCELLED, FAILED. */
gboolean      cpd_tar_writer_add         (CpdTarWriter         *writer,
                                          int                   root,
                                          const char           *base,
                                          const char           *name,
                                          GError              **error);
/* Writes the end. */
gboolean      cpd_tar_writer_finish      (CpdTarWriter         *writer,
                                          GError              **error);
/* Bytes of all files, and entries. */
guint64       cpd_tar_writer_get_size    (CpdTarWriter         *writer);
guint64       cpd_tar_writer_get_entries (CpdTarWriter         *writer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdTarWriter, cpd_tar_writer_free)

G_END_DECLS
