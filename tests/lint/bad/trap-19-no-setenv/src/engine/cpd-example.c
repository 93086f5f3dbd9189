/* SPDX-License-Identifier: LGPL-2.1-or-later */
static char **
f (char **env)
{
  g_setenv ("A", "b", TRUE); /* BAD */
  unsetenv ("A"); /* BAD */
  return g_environ_setenv (env, "A", "setenv (", TRUE);
}
