/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store.h"

G_BEGIN_DECLS

/*
 * What a caller was authorized for, as far as that could become something
 * else between the question and the act. Who acts holds what is there then
 * against it.
 */
struct _CpdGrant
{
  char *container_id;           /* (nullable): of the container that was named */
  char *image_id;               /* (nullable): of the image that was named */
  char **reach;                 /* into the host: see engine/containers/cpd-reach.h */
  gboolean secrets;             /* that is, what may hold some: labels and command lines */
};

void      cpd_grant_free        (CpdGrant            *grant);
/* NOT_AUTHORIZED when NAME is another image by now. */
gboolean  cpd_grant_check_image (const CpdGrant      *grant,
                                 const char          *name,
                                 const char          *image_id,
                                 GError             **error);
/* NOT_AUTHORIZED when REACH has more than there was. */
gboolean  cpd_grant_check_reach (const CpdGrant      *grant,
                                 const char *const   *reach,
                                 GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdGrant, cpd_grant_free)

G_END_DECLS
