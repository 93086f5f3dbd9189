/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-oci-error.h"

gboolean
cpd_oci_fail (GError **error, CpodError code, const char *format, ...)
{
  g_autofree char *text = NULL, *valid = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  valid = g_utf8_make_valid (text, -1);         /* what was cut off may have been half a letter */
  g_set_error_literal (error, CPOD_ERROR, (int) code, valid);
  return FALSE;
}
