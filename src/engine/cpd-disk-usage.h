/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/* Sizes are bytes; those of layers when unpacked. */
typedef struct
{
  CpdImageRow *row;             /* (owned) */
  gint64 shared;                /* of layers that other images have too */
  gint64 unique;                /* of layers that none has */
} CpdImageUsage;

typedef struct
{
  CpdContainerRow *row;         /* (owned) with its config */
  gint64 size;                  /* of its writable layer */
} CpdContainerUsage;

typedef struct
{
  GPtrArray *images;            /* (owned) of CpdImageUsage, newest first */
  gint64 images_size;           /* of all layers, each counted once */
  gint64 images_reclaimable;    /* of those that no image has which containers are made of */
  GPtrArray *containers;        /* (owned) of CpdContainerUsage, newest first */
  gint64 containers_size;
  gint64 containers_reclaimable; /* of those that do not run */
} CpdDiskUsage;

void          cpd_disk_usage_free       (CpdDiskUsage   *usage);
/* Looks through all writable layers, which may take its time. CANCELLED. */
CpdDiskUsage *cpd_engine_get_disk_usage (CpdEngine      *engine,
                                         GCancellable   *cancellable,
                                         GError        **error);
/* Whether the container needs what it has written. */
gboolean      cpd_container_usage_is_active (const CpdContainerUsage *usage);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdDiskUsage, cpd_disk_usage_free)

G_END_DECLS
