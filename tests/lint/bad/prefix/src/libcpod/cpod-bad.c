/* SPDX-License-Identifier: LGPL-2.1-or-later */
void
cpd_start (void) /* BAD: that is the service's prefix */
{
}
