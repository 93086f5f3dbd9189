/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How much of something each of several holders has, and that none has more than its share. Thread-safe. */
typedef struct _CpdQuota CpdQuota;

CpdQuota *cpd_quota_new       (void);
void      cpd_quota_free      (CpdQuota   *quota);
/* One more for HOLDER, unless it has MAX already; 0 is no limit. */
gboolean  cpd_quota_take      (CpdQuota   *quota,
                               const char *holder,
                               gint64      max);
/* N more at once. */
gboolean  cpd_quota_take_many (CpdQuota   *quota,
                               const char *holder,
                               guint       n,
                               gint64      max);
void      cpd_quota_give      (CpdQuota   *quota,
                               const char *holder);
void      cpd_quota_give_many (CpdQuota   *quota,
                               const char *holder,
                               guint       n);
guint     cpd_quota_count     (CpdQuota   *quota,
                               const char *holder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdQuota, cpd_quota_free)

G_END_DECLS
