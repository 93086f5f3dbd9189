/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/*
 * One part of what cpd_engine_get_info() tells: adds to SECTION, an a{sv}.
 * One that fails leaves out what it does not know; the rest is told.
 */
typedef gboolean (*CpdInfoFunc) (CpdEngine        *engine,
                                 GVariantBuilder  *section,
                                 GError          **error);

typedef struct
{
  const char *name;             /* as in the errors */
  CpdInfoFunc add;
} CpdInfoPart;

/* Tables that end with a NULL name. */
extern const CpdInfoPart cpd_info_host[];
extern const CpdInfoPart cpd_info_store[];

/* A section of PARTS, floating; ERRORS, an a{ss}, gets "PREFIX.NAME" of what failed. */
GVariant *cpd_info_section    (CpdEngine          *engine,
                               const char         *prefix,
                               const CpdInfoPart  *parts,
                               GVariantBuilder    *errors);

void      cpd_info_add        (GVariantBuilder    *section,
                               const char         *key,
                               GVariant           *value);
/* NULL counts as "". */
void      cpd_info_add_string (GVariantBuilder    *section,
                               const char         *key,
                               const char         *value);

G_END_DECLS
