/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/stat.h>

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/*
 * Files of a container as tar archives. Paths are resolved as by what runs in
 * the container: with all that is mounted there while something does.
 */

/* How a copy goes. Nothing is owned. */
typedef struct
{
  const char *path;             /* in the container */
  int fd;                       /* of the archive */
  const char *name;             /* (nullable) out: what the first component of all names is to be */
  gboolean chown;               /* in: all belongs to the container's user */
  gboolean overwrite;           /* in: directories and other things may replace one another */
  CpdProgressFunc progress;
  gpointer user_data;
  GCancellable *cancellable;    /* (nullable) */
} CpdCopy;

/* What was copied. */
typedef struct
{
  guint64 size;                 /* bytes of files */
  guint64 entries;
} CpdCopied;

/* What PATH leads to; RESOLVED gets where. NO_SUCH_CONTAINER, NO_SUCH_FILE. */
gboolean cpd_engine_stat_path (CpdEngine        *engine,
                               const char       *id,
                               const char       *path,
                               struct stat      *info,
                               char            **resolved,
                               GError          **error);
/* Writes what is at the path to the archive. */
gboolean cpd_engine_copy_out  (CpdEngine        *engine,
                               const char       *id,
                               const CpdCopy    *copy,
                               CpdCopied        *copied,
                               GError          **error);
/* Unpacks the archive into the directory at the path. */
gboolean cpd_engine_copy_in   (CpdEngine        *engine,
                               const char       *id,
                               const CpdCopy    *copy,
                               const CpdCaller  *caller,
                               CpdCopied        *copied,
                               GError          **error);

G_END_DECLS
