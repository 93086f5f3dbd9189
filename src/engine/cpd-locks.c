/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-locks.h"

struct _CpdLocks
{
  GMutex mutex;
  GHashTable *table;            /* (owned): object → CpdLock (unowned) */
};

struct _CpdLock
{
  CpdLocks *locks;              /* (unowned) */
  char *object;
  guint users;                  /* who holds it or waits for it; guarded by locks->mutex */
  GMutex mutex;
  const char *operation;        /* of who holds it */
};

CpdLocks *
cpd_locks_new (void)
{
  CpdLocks *locks = g_new0 (CpdLocks, 1);

  g_mutex_init (&locks->mutex);
  locks->table = g_hash_table_new (g_str_hash, g_str_equal);
  return locks;
}

void
cpd_locks_free (CpdLocks *locks)
{
  g_assert (g_hash_table_size (locks->table) == 0);
  g_hash_table_unref (locks->table);
  g_mutex_clear (&locks->mutex);
  g_free (locks);
}

CpdLock *
cpd_locks_acquire (CpdLocks *locks, const char *object, const char *operation)
{
  CpdLock *lock;

  g_mutex_lock (&locks->mutex);
  lock = g_hash_table_lookup (locks->table, object);
  if (lock == NULL)
    {
      lock = g_new0 (CpdLock, 1);
      lock->locks = locks;
      lock->object = g_strdup (object);
      g_mutex_init (&lock->mutex);
      g_hash_table_insert (locks->table, lock->object, lock);
    }
  else
    g_debug ("%s of %s waits for %s", operation, object,
             lock->operation != NULL ? lock->operation : "another operation");
  lock->users++;
  g_mutex_unlock (&locks->mutex);

  g_mutex_lock (&lock->mutex);

  g_mutex_lock (&locks->mutex);
  lock->operation = operation;
  g_mutex_unlock (&locks->mutex);
  return lock;
}

void
cpd_lock_release (CpdLock *lock)
{
  CpdLocks *locks = lock->locks;
  gboolean last;

  g_mutex_lock (&locks->mutex);
  lock->operation = NULL;
  last = --lock->users == 0;
  if (last)
    g_hash_table_remove (locks->table, lock->object);
  g_mutex_unlock (&lock->mutex);
  g_mutex_unlock (&locks->mutex);

  if (last)
    {
      g_mutex_clear (&lock->mutex);
      g_free (lock->object);
      g_free (lock);
    }
}
