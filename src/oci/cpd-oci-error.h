/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "public/cpod-error.h"

G_BEGIN_DECLS

/* For errors that quote what a stranger wrote: what is no UTF-8 of it is replaced. FALSE. */
gboolean cpd_oci_fail (GError     **error,
                       CpodError    code,
                       const char  *format,
                       ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
