/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* SHA-256 of what passes by. The only place that computes digests. */
typedef struct _CpdDigest CpdDigest;

#define CPD_DIGEST_PREFIX "sha256:"

CpdDigest  *cpd_digest_new       (void);
void        cpd_digest_free      (CpdDigest   *digest);
void        cpd_digest_update    (CpdDigest   *digest,
                                  const void  *data,
                                  gsize        length);
/* "sha256:HEX" of all that was given; nothing may be added afterwards. */
char       *cpd_digest_finish    (CpdDigest   *digest);

/* "sha256:HEX" of a whole text. */
char       *cpd_digest_of_text   (const char  *text,
                                  gssize       length);
/* Whether TEXT is "sha256:" and 64 lower-case hexadecimal digits: INVALID_ARGUMENT. */
gboolean    cpd_digest_check     (const char  *text,
                                  GError     **error);
/* The hexadecimal part of a valid digest; points into it. */
const char *cpd_digest_hex       (const char  *digest);
/* OCI chain id of the layer DIFF_ID upon PARENT ("" or NULL for the lowest). */
char       *cpd_digest_chain_id  (const char  *parent,
                                  const char  *diff_id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdDigest, cpd_digest_free)

G_END_DECLS
