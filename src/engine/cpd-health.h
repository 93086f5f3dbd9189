/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * What is or was not well with the engine's own records, since it started.
 * What LASTS is no better now, and so a problem to a check as well.
 */
typedef struct _CpdHealth CpdHealth;

CpdHealth *cpd_health_new       (void);
void       cpd_health_free      (CpdHealth   *health);
void       cpd_health_add       (CpdHealth   *health,
                                 const char  *kind,
                                 gboolean     lasts,
                                 const char  *format,
                                 ...) G_GNUC_PRINTF (4, 5);
/* aa{sv}: kind, text, time. */
GVariant  *cpd_health_get       (CpdHealth   *health);
/* Appends strings "kind\tobject\ttext". */
void       cpd_health_problems  (CpdHealth   *health,
                                 GPtrArray   *problems);

G_END_DECLS
