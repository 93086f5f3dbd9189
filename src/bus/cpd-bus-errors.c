/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-errors.h"

#include "public/cpod-error.h"

/*
 * The engine fails in CPOD_ERROR only. Anything else is a gap in it: the
 * caller still gets a name that it knows, and the log shows the gap. A message
 * may quote what is no text, but the bus carries text only.
 */
GError *
cpd_bus_error_normalise (const GError *cause)
{
  g_autofree char *message = g_utf8_make_valid (cause->message, -1);

  if (cause->domain == CPOD_ERROR && cause->code >= 0 && cause->code < CPOD_N_ERRORS)
    return g_error_new_literal (CPOD_ERROR, cause->code, message);

  /* GCancellable has its own idea of the error. */
  if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_error_new_literal (CPOD_ERROR, CPOD_ERROR_CANCELLED, message);

  g_message ("error %s %d on its way to the bus: %s", g_quark_to_string (cause->domain), cause->code, message);
  return g_error_new_literal (CPOD_ERROR, CPOD_ERROR_FAILED, message);
}

/* The D-Bus name of an error that went through the door. */
char *
cpd_bus_error_get_name (const GError *error)
{
  return g_dbus_error_encode_gerror (error);
}
