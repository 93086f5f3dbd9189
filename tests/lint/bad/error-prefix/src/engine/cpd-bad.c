/* SPDX-License-Identifier: LGPL-2.1-or-later */
static void
f (GError **error)
{
  g_prefix_error (error, "failed to mount %s: ", "x");
  g_prefix_error (error, "failed to read " "%" G_GUINT64_FORMAT ": ", (guint64) 1);
  g_prefix_error (error, "failed to mount %s", "x: "); /* BAD */
  g_prefix_error (error, "Failed to mount: "); /* BAD */
  g_propagate_prefixed_error (error, g_error_new (d, 1, "no"), "failed to run %s.", "x"); /* BAD */
}
