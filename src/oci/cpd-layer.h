/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <locale.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* How a layer was compressed when it came. */
typedef enum
{
  CPD_COMPRESSION_NONE,
  CPD_COMPRESSION_GZIP,
  CPD_COMPRESSION_ZSTD,
  CPD_COMPRESSION_XZ,
  CPD_COMPRESSION_BZIP2,
} CpdCompression;

/* What was learned about a layer while it was unpacked. */
typedef struct
{
  CpdCompression compression;
  char *digest;                 /* of the bytes as they were read, without zeros behind gzip data */
  char *diff_id;                /* of the uncompressed tar, to its very end */
  const char *media_type;       /* (unowned) of the blob that was kept */
  char *blob_digest;            /* of the blob that was kept */
  guint64 blob_size;
  guint64 size;                 /* bytes of all files */
  guint64 entries;
} CpdLayerInfo;

/* BYTES_TOTAL is 0 when nobody knows. */
typedef void (*CpdLayerProgressFunc) (guint64 bytes_done, guint64 bytes_total, gpointer user_data);

/* An archive that has more is refused; 0 is no limit. */
typedef struct
{
  guint64 size;                 /* bytes of the uncompressed tar */
  guint64 entries;
} CpdLayerLimits;

/* A part of a file. */
typedef struct
{
  guint64 offset;
  guint64 length;
} CpdLayerPart;

/*
 * Reads the tar archive FD to its end and unpacks it into the directory ROOT
 * (a descriptor), which nobody else may change meanwhile. Nothing is made,
 * changed or read outside of it, whatever the archive says. Whiteouts become
 * those of overlayfs.
 *
 * The blob is written to BLOB on the way: as it came when OCI has a media type
 * for its compression, as plain tar otherwise. It must be empty; if it can be
 * read, too, it may share the blocks of a file that FD is. LIMITS may be NULL.
 *
 * INVALID_ARCHIVE names the entry; DISK_FULL, CANCELLED, FAILED. What was made
 * until then is left to the caller.
 */
gboolean cpd_layer_extract    (int                    fd,
                               int                    root,
                               int                    blob,
                               const CpdLayerLimits  *limits,
                               CpdLayerProgressFunc   progress,
                               gpointer               user_data,
                               GCancellable          *cancellable,
                               CpdLayerInfo          *info,
                               GError               **error);
/* The same for an archive that is only PART of a file: NULL is all, from where the descriptor is. */
gboolean cpd_layer_extract_part (int                   fd,
                                 const CpdLayerPart   *part,
                                 int                   root,
                                 int                   blob,
                                 const CpdLayerLimits *limits,
                                 CpdLayerProgressFunc  progress,
                                 gpointer              user_data,
                                 GCancellable         *cancellable,
                                 CpdLayerInfo         *info,
                                 GError              **error);

/* How files are copied to where others are. */
typedef struct
{
  const char *directory;        /* below the root, without a link at its end: "" for the root itself */
  gboolean chown;               /* all of it is to belong to these: */
  uid_t uid;
  gid_t gid;
  gboolean overwrite;           /* a directory may take the place of something else, and the other way round */
} CpdCopyRules;

/*
 * Unpacks the tar archive FD into a directory below ROOT that others may use and
 * change meanwhile, and whose links lead to where they would lead who has ROOT
 * for a root. Names have no meaning here that they have in layers.
 * INVALID_ARCHIVE names the entry, INVALID_ARGUMENT what is in its way;
 * DISK_FULL, CANCELLED, FAILED. What was made until then stays.
 */
gboolean cpd_layer_copy_in    (int                    fd,
                               int                    root,
                               const CpdCopyRules    *rules,
                               const CpdLayerLimits  *limits,
                               CpdLayerProgressFunc   progress,
                               gpointer               user_data,
                               GCancellable          *cancellable,
                               CpdLayerInfo          *info,
                               GError               **error);
/* Called with one piece of a tar after the other. */
typedef gboolean (*CpdLayerPieceFunc) (const void *data, gsize length, gpointer user_data, GError **error);
/* Only decompresses the archive that FD reads: its diff-id, and its size. FUNC may be NULL. INVALID_ARCHIVE, CANCELLED. */
char    *cpd_layer_read       (int                    fd,
                               CpdLayerPieceFunc      func,
                               gpointer               user_data,
                               guint64               *size,
                               GCancellable          *cancellable,
                               GError               **error);
void     cpd_layer_info_clear (CpdLayerInfo          *info);
/* For uselocale(), around what libarchive is to know names by. */
locale_t cpd_layer_utf8       (void);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdLayerInfo, cpd_layer_info_clear)

G_END_DECLS
