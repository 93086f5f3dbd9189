/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Versions and packages of programs. To find them out means to run something,
 * so they are remembered for as long as the file is the same. Any thread.
 */
typedef struct _CpdPrograms CpdPrograms;

CpdPrograms *cpd_programs_new      (void);
void         cpd_programs_free     (CpdPrograms  *programs);
/* a{sv}, floating: package, path and version, and name first unless that is NULL. */
GVariant    *cpd_programs_describe (CpdPrograms  *programs,
                                    const char   *name,
                                    const char   *path,
                                    GError      **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdPrograms, cpd_programs_free)

G_END_DECLS
