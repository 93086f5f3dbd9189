/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Gives the process a mount namespace of its own, so that no test leaves a mount behind. Needs root. */
void  test_scratch_init (void);
/* A new directory on a new tmpfs of at most SIZE ("64m"). */
char *test_scratch_new  (const char *size);
/* Unmounts, removes and frees it. */
void  test_scratch_free (char       *path);

/* A fixture of no more than that; the data of the test is its size. */
typedef struct
{
  char *path;
} TestScratch;

void  test_scratch_set_up    (TestScratch   *self,
                              gconstpointer  size);
void  test_scratch_tear_down (TestScratch   *self,
                              gconstpointer  size);

G_END_DECLS
