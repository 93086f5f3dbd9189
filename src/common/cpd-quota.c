/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-quota.h"

struct _CpdQuota
{
  GMutex lock;
  GHashTable *table;            /* (owned): holder → how many, never 0 */
};

CpdQuota *
cpd_quota_new (void)
{
  CpdQuota *quota = g_new0 (CpdQuota, 1);

  g_mutex_init (&quota->lock);
  quota->table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return quota;
}

void
cpd_quota_free (CpdQuota *quota)
{
  if (quota == NULL)
    return;
  g_hash_table_unref (quota->table);
  g_mutex_clear (&quota->lock);
  g_free (quota);
}

static guint
look_up (CpdQuota *quota, const char *holder)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (quota->table, holder));
}

gboolean
cpd_quota_take_many (CpdQuota *quota, const char *holder, guint n, gint64 max)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&quota->lock);
  const guint has = look_up (quota, holder);

  if (n > G_MAXUINT - has || (max > 0 && (gint64) has + n > max))
    return FALSE;
  g_hash_table_insert (quota->table, g_strdup (holder), GUINT_TO_POINTER (has + n));
  return TRUE;
}

gboolean
cpd_quota_take (CpdQuota *quota, const char *holder, gint64 max)
{
  return cpd_quota_take_many (quota, holder, 1, max);
}

void
cpd_quota_give_many (CpdQuota *quota, const char *holder, guint n)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&quota->lock);
  const guint has = look_up (quota, holder);

  if (has > n)
    g_hash_table_insert (quota->table, g_strdup (holder), GUINT_TO_POINTER (has - n));
  else
    g_hash_table_remove (quota->table, holder);
}

void
cpd_quota_give (CpdQuota *quota, const char *holder)
{
  cpd_quota_give_many (quota, holder, 1);
}

guint
cpd_quota_count (CpdQuota *quota, const char *holder)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&quota->lock);

  return look_up (quota, holder);
}
