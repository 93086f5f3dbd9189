/* SPDX-License-Identifier: LGPL-2.1-or-later */
static const char *text = N_("not listed"); /* BAD */
