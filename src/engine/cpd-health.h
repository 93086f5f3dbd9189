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
/* What is not well with one object, in the place of what was told of it before; it lasts until it is cleared. */
void       cpd_health_set       (CpdHealth   *health,
                                 const char  *kind,
                                 const char  *object,
                                 const char  *format,
                                 ...) G_GNUC_PRINTF (4, 5);
void       cpd_health_clear     (CpdHealth   *health,
                                 const char  *kind,
                                 const char  *object);
/* aa{sv}: kind, text, time. */
GVariant  *cpd_health_get       (CpdHealth   *health);
/* Appends strings "kind\tobject\ttext". */
void       cpd_health_problems  (CpdHealth   *health,
                                 GPtrArray   *problems);

G_END_DECLS
