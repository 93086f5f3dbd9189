/* SPDX-License-Identifier: LGPL-2.1-or-later */
static void
f (void)
{
  g_unsetenv ("NOTIFY_SOCKET");
}
