/* SPDX-License-Identifier: LGPL-2.1-or-later */
static void
f (void)
{
  goto out; /* BAD */
out:
  g_print ("a goto in a string");
}
