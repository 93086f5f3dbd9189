/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Decompresses one member of a gzip file after the other. Only this file knows ISA-L. */
typedef struct _CpdInflate CpdInflate;

CpdInflate *cpd_inflate_new  (void);
void        cpd_inflate_free (CpdInflate    *inflate);
/*
 * Decompresses from IN to OUT until one of them or the member ends: USED bytes
 * were consumed, MADE ones written. At the end of a member, whose checksum and
 * length were then found right, AT_END is TRUE; the next call begins a new one.
 * INVALID_ARCHIVE.
 */
gboolean    cpd_inflate_run  (CpdInflate    *inflate,
                              const guint8  *in,
                              gsize          length,
                              guint8        *out,
                              gsize          size,
                              gsize         *used,
                              gsize         *made,
                              gboolean      *at_end,
                              GError       **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdInflate, cpd_inflate_free)

G_END_DECLS
