/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/*
 * A container that only the storage knows: its writable layer, or its files,
 * are there, but the store has no row of it. That is what is left of one that
 * could not be rebuilt after damage.
 */
typedef struct
{
  char *id;
  char *name;                   /* "" when it is not known */
  char *image;                  /* as it was named, "" when that is not known */
  char *image_id;               /* "" when it is not known */
  gint64 created;               /* µs since the epoch, 0 when it is not known */
  guint mounts;
  char *mount_point;            /* "" when it is not mounted */
} CpdExternal;

/* In no order. An error is an error, and never read as "unknown". */
GPtrArray *cpd_engine_list_external     (CpdEngine        *engine,
                                         GError          **error);
/* The next three take the name, id or unique prefix of an id. CONTAINER_EXISTS for what the engine knows,
 * NO_SUCH_CONTAINER for what nobody does. */
char      *cpd_engine_mount_external    (CpdEngine        *engine,
                                         const char       *name_or_id,
                                         const CpdCaller  *caller,
                                         GError          **error);
gboolean   cpd_engine_unmount_external  (CpdEngine        *engine,
                                         const char       *name_or_id,
                                         gboolean          force,
                                         const CpdCaller  *caller,
                                         gboolean         *mounted,
                                         GError          **error);
/* Its id. INVALID_STATE while it is mounted, but with FORCE. */
char      *cpd_engine_remove_external   (CpdEngine        *engine,
                                         const char       *name_or_id,
                                         gboolean          force,
                                         const CpdCaller  *caller,
                                         GError          **error);

/* For the engine: one that is given by its id, NULL without an error when there is none. */
CpdExternal *cpd_engine_get_external    (CpdEngine        *engine,
                                         const char       *id);
void       cpd_external_free            (CpdExternal      *external);
/* Finishes a removal that was interrupted. */
gboolean   cpd_engine_finish_external   (CpdEngine        *engine,
                                         const char       *id,
                                         const char       *name,
                                         gint64            operation,
                                         const CpdCaller  *caller,
                                         GError          **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdExternal, cpd_external_free)

G_END_DECLS
