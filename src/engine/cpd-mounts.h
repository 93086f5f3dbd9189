/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/*
 * Roots that callers have mounted, those of containers and those of images,
 * each at a place of its own: RUN_ROOT/mounts/ID. How often is counted, in the
 * table "mount".
 */
typedef struct _CpdMountable CpdMountable;

/* What can be mounted; its lock is held. */
struct _CpdMountable
{
  const char *kind;             /* "container" or "image": for messages */
  const char *type;             /* of the events */
  const char *id;
  const char *name;             /* for messages */
  const char *event_name;
  gconstpointer row;            /* (unowned): for what follows */
  /* Mounts it at its place, if that has not been done. */
  gboolean  (*make)       (CpdEngine *engine, const CpdMountable *what, GError **error);
  /* (nullable): of the events. */
  GVariant *(*attributes) (const CpdMountable *what);
  /* (nullable): whether it may be mounted, in the transaction that says it is. */
  gboolean  (*check)      (CpdTransaction *tx, const CpdMountable *what, GError **error);
};

char      *cpd_engine_mount_path        (CpdEngine              *engine,
                                         const char             *id);
/* What no program serves any more is no mount, nor, from then on, in the way of a new one. */
gboolean   cpd_engine_is_mounted        (const char             *path);
gboolean   cpd_engine_mount_counted     (CpdEngine              *engine,
                                         const CpdMountable     *what,
                                         const CpdCaller        *caller,
                                         GError                **error);
/* Takes one mount back, with FORCE all of them, whoever uses them. INVALID_STATE when there is none, or when
 * it is the last one and is used. */
gboolean   cpd_engine_unmount_counted   (CpdEngine              *engine,
                                         const CpdMountable     *what,
                                         gboolean                force,
                                         const CpdCaller        *caller,
                                         GError                **error);
/* Unmounts what callers have mounted, whoever uses it. */
gboolean   cpd_engine_drop_mount        (CpdEngine              *engine,
                                         const char             *id,
                                         GError                **error);
/* Makes true again what the records say of it. */
gboolean   cpd_engine_settle_mount      (CpdEngine              *engine,
                                         const char             *id,
                                         GError                **error);
/* Unmounts what the records do not know, and mounts anew what no program serves any more. */
gboolean   cpd_engine_settle_mounts     (CpdEngine              *engine,
                                         GError                **error);
gboolean   cpd_engine_check_mounts      (CpdEngine              *engine,
                                         GPtrArray              *problems,
                                         GError                **error);

G_END_DECLS
