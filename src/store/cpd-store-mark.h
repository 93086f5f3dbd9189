/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * The number of the newest event, beside the database: it tells whether the
 * database has lost what was committed, and which numbers were given out.
 */
typedef struct _CpdMark CpdMark;

typedef struct
{
  guint64 newest;               /* that was committed */
  guint64 durable;              /* no later than that, and synced: a power cut leaves it */
  gboolean same_boot;           /* the machine was not booted since */
} CpdMarkNumbers;

/* For the database PATH. */
CpdMark *cpd_mark_open  (const char      *path,
                         GError         **error);
void     cpd_mark_close (CpdMark         *mark);
/* DURABLE: the commit that it follows is one; the mark is synced now and then. */
void     cpd_mark_set   (CpdMark         *mark,
                         guint64          number,
                         gboolean         durable);
/* FALSE when there is none that can be read. */
gboolean cpd_mark_read  (const char      *path,
                         CpdMarkNumbers  *numbers);

G_END_DECLS
