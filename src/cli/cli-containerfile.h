/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * The images that a Containerfile begins its stages from, as they are written there. Left out are "scratch", earlier
 * stages of the same file, and what only the builder's arguments will tell.
 */
GStrv cli_containerfile_list_bases (const char *text);

G_END_DECLS
