/* SPDX-License-Identifier: LGPL-2.1-or-later */
static void
f (void)
{
  const char *argv[] = { "/bin/sh", "-c", "rm -rf /", NULL }; /* BAD */

  system ("reboot"); /* BAD */
  popen ("id", "r"); /* BAD */
  g_spawn_command_line_sync ("id", NULL, NULL, NULL, NULL); /* BAD */
  cpd_file_system ("system is a good word elsewhere");
}
