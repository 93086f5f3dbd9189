/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/* What must not be said at all, or must be so. */
typedef enum
{
  CPD_ANY = -1,
  CPD_NO,
  CPD_YES,
} CpdTriState;

/* Which images are wanted; NULL and 0 stand for "any". */
typedef struct
{
  char **references;            /* shell patterns for names, with or without registry and tag */
  char **labels;                /* "key" or "key=value": all of them */
  char **labels_not;            /* none of them */
  char **ids;                   /* prefixes */
  char *before;                 /* made before this image */
  char *since;                  /* made after this image */
  gint64 until;                 /* made before this time */
  CpdTriState dangling;         /* without a name, and nothing was made from it */
  CpdTriState intermediate;     /* without a name, and something was */
  CpdTriState used;             /* by containers */
  gboolean none;                /* none is wanted that there could be */
} CpdImageQuery;

#define CPD_IMAGE_QUERY_ALL { .dangling = CPD_ANY, .intermediate = CPD_ANY, .used = CPD_ANY }

typedef struct
{
  CpdImageRow *row;             /* (owned) */
  GVariant *labels;             /* (owned) a{ss} */
  gboolean dangling;
  gboolean intermediate;
} CpdListedImage;

void       cpd_image_query_clear     (CpdImageQuery        *query);
/* Of CpdListedImage, newest first. NO_SUCH_IMAGE, AMBIGUOUS_NAME. */
GPtrArray *cpd_engine_list_images    (CpdEngine            *engine,
                                      const CpdImageQuery  *query,
                                      GError              **error);
/* Of CpdHistoryEntry, newest first. */
GPtrArray *cpd_engine_image_history  (CpdEngine            *engine,
                                      const char           *id,
                                      GError              **error);

typedef struct
{
  CpdLayerRow *row;             /* (owned) */
  char **names;                 /* (owned) of images that have it as their topmost; the id of one that has none */
} CpdListedLayer;

/* Of CpdListedLayer, lowest first: the layers of an image, or (DEPENDENTS) its topmost and all that lie upon it. */
GPtrArray *cpd_engine_list_layers    (CpdEngine            *engine,
                                      const char           *id,
                                      gboolean              dependents,
                                      GError              **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdImageQuery, cpd_image_query_clear)

G_END_DECLS
