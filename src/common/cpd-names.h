/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define CPD_ID_LENGTH 64
#define CPD_ID_SHORT 12        /* as much of it as people are shown */

gboolean    cpd_name_check        (const char  *name,
                                   GError     **error);
char       *cpd_name_generate     (void);
char       *cpd_id_generate       (void);
gboolean    cpd_id_is_valid       (const char  *id);
gboolean    cpd_id_is_prefix      (const char  *text);
int         cpd_signal_parse      (const char  *text,
                                   GError     **error);
const char *cpd_signal_name       (int          number);

G_END_DECLS
