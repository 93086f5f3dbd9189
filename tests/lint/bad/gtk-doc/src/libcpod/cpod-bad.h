/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
GType cpod_bad_get_type (void);
gboolean cpod_bad_good (CpodBad *self, const char *name, GError **error);
void cpod_bad_silent (CpodBad *self); /* BAD */
void cpod_bad_parameter (CpodBad *self, const char *name); /* BAD */
char *cpod_bad_return (CpodBad *self); /* BAD */
void cpod_bad_ageless (CpodBad *self); /* BAD */
