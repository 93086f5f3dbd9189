/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-terminal-spec.h"

#define CONSOLE_SIZE "consoleSize"

void
cpd_terminal_spec_set (JsonObject *process, gboolean terminal, guint rows, guint columns)
{
  JsonObject *size;

  json_object_set_boolean_member (process, "terminal", terminal);
  json_object_remove_member (process, CONSOLE_SIZE);
  if (!terminal || rows == 0)
    return;
  size = json_object_new ();
  json_object_set_int_member (size, "height", rows);
  json_object_set_int_member (size, "width", columns);
  json_object_set_object_member (process, CONSOLE_SIZE, size);
}
