/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/*
 * Roots of containers that callers have mounted. What runs in the container has
 * nothing to do with it.
 */

/* One that is mounted. */
typedef struct
{
  char *id;
  char *name;
  char *path;
  guint count;
  gboolean external;            /* only the storage knows it */
} CpdMounted;

/* The path where it is mounted. BEING_REMOVED. */
char      *cpd_engine_mount_container   (CpdEngine              *engine,
                                         const char             *id,
                                         const CpdCaller        *caller,
                                         GError                **error);
/* Takes one mount back, with FORCE all of them, whoever uses them. INVALID_STATE when there is none, when
 * it is the last one and is used, or when the container runs. */
gboolean   cpd_engine_unmount_container (CpdEngine              *engine,
                                         const char             *id,
                                         gboolean                force,
                                         const CpdCaller        *caller,
                                         GError                **error);
/* CpdMounted of all that is mounted; NAMESPACE is "" for all. */
GPtrArray *cpd_engine_list_mounts       (CpdEngine              *engine,
                                         const char             *namespace,
                                         GError                **error);

/* For the engine. The lock of the container is held. */
/* TYPE is that of the events: "container", or "storage" for one that only the storage knows. */
gboolean   cpd_engine_mount_locked      (CpdEngine              *engine,
                                         const char             *type,
                                         const CpdContainerRow  *row,
                                         const CpdCaller        *caller,
                                         GError                **error);
gboolean   cpd_engine_unmount_locked    (CpdEngine              *engine,
                                         const char             *type,
                                         const CpdContainerRow  *row,
                                         gboolean                force,
                                         const CpdCaller        *caller,
                                         GError                **error);
/* Mounts the root that the container is to run on. */
gboolean   cpd_engine_mount_root        (CpdEngine              *engine,
                                         const CpdContainerRow  *row,
                                         const char             *root,
                                         GError                **error);
/* Mounts it for callers, if that has not been done. */
gboolean   cpd_engine_make_mount        (CpdEngine              *engine,
                                         const CpdContainerRow  *row,
                                         GError                **error);
/* The same for one that may be there, or only in the storage, or not at all. */
gboolean   cpd_engine_remake_container_mount (CpdEngine         *engine,
                                         const char             *id,
                                         GError                **error);

G_END_DECLS
