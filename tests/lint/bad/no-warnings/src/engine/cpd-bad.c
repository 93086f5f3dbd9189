/* SPDX-License-Identifier: LGPL-2.1-or-later */
static void
f (GError *error)
{
  g_warning ("%s", error->message); /* BAD */
  g_critical ("%s", error->message); /* BAD */
  g_message ("g_warning would be wrong: %s", error->message);
}
