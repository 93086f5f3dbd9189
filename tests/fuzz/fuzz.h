/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What the fuzz targets share. An input is one text, or several of them with
 * a line "%%" between two.
 */

#define FUZZ_ID "abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd"

/* libFuzzer calls these. */
int LLVMFuzzerInitialize   (int          *argc,
                            char       ***argv);
int LLVMFuzzerTestOneInput (const guint8 *data,
                            gsize         size);

/* What GLib warns of is a defect from here on. */
void   fuzz_init      (void);
/* A new directory on a tmpfs of its own; it goes with the process. */
char  *fuzz_directory (void);
/* The N parts of an input, those that it has not got are empty. No part has a NUL. (transfer full) */
char **fuzz_split     (const guint8 *data,
                       gsize         size,
                       guint         n);
/* Makes the directories before it. */
void   fuzz_write     (const char   *directory,
                       const char   *path,
                       const char   *text);

G_END_DECLS
