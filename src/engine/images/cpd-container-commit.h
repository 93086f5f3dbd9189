/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/* What is asked for besides. Nothing is owned. */
typedef struct
{
  const char *reference;        /* name of the image, "" for none */
  const char *const *changes;   /* (nullable) instructions as in a Containerfile */
  const char *author;           /* (nullable) */
  const char *message;          /* (nullable) for the history */
  gboolean pause;               /* freeze what runs in the container while it is read */
  gboolean squash;              /* one layer for all */
  gboolean docker;              /* with a manifest of docker's kind, for which there must be a name */
} CpdCommitOptions;

/* Makes an image of a container: its id. NO_SUCH_CONTAINER, BEING_REMOVED, INVALID_ARGUMENT, INVALID_IMAGE, DISK_FULL,
 * CANCELLED. */
char *cpd_engine_commit_container (CpdEngine               *engine,
                                   const char              *id,
                                   const CpdCommitOptions  *options,
                                   const CpdCaller         *caller,
                                   CpdProgressFunc          progress,
                                   gpointer                 user_data,
                                   GCancellable            *cancellable,
                                   GError                 **error);

G_END_DECLS
