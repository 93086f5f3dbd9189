/* SPDX-License-Identifier: LGPL-2.1-or-later */
static void
helper_of_this_file (void)
{
}

void
cpd_good (void)
{
}

void
cpod_start (void) /* BAD: that is the library's prefix */
{
}

int
main (void)
{
}
