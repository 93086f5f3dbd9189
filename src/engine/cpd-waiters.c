/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-waiters.h"

#include <string.h>

#include "public/cpod-error.h"
#include "store/cpd-store-execs.h"
#include "store/cpd-store-dependencies.h"

#define REMOVED CPD_N_CONTAINER_STATES

struct _CpdWaiters
{
  CpdStore *store;              /* (owned) */
  GHashTable *table;            /* (owned): id → GPtrArray of CpdWaiter */
};

typedef struct
{
  CpdWaiters *waiters;          /* (unowned) */
  char *id;
  guint wanted;                 /* a bit for each state, and for REMOVED; 0 for the end of an exec session */
  GTask *task;                  /* (owned) */
  GSource *cancelled;           /* (owned) (nullable) */
  int exit_code;                /* what the task is to return, once the waiter is done */
  GError *error;                /* (owned) (nullable) */
} CpdWaiter;

static void
waiter_free (CpdWaiter *waiter)
{
  if (waiter->cancelled != NULL)
    {
      g_source_destroy (waiter->cancelled);
      g_source_unref (waiter->cancelled);
    }
  g_clear_error (&waiter->error);
  g_object_unref (waiter->task);
  g_free (waiter->id);
  g_free (waiter);
}

CpdWaiters *
cpd_waiters_new (CpdStore *store)
{
  CpdWaiters *waiters = g_new0 (CpdWaiters, 1);

  waiters->store = cpd_store_ref (store);
  waiters->table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                          (GDestroyNotify) g_ptr_array_unref);
  return waiters;
}

void
cpd_waiters_free (CpdWaiters *waiters)
{
  g_hash_table_unref (waiters->table);
  cpd_store_unref (waiters->store);
  g_free (waiters);
}

/* "stopped" holds as well for what comes after it. */
static gboolean
parse_conditions (const char *const *conditions, guint *wanted, GError **error)
{
  CpdContainerState state;

  *wanted = 0;
  for (const char *const *text = conditions; text != NULL && *text != NULL; text++)
    {
      if (strcmp (*text, "removed") == 0)
        *wanted |= 1u << REMOVED;
      else if (cpd_container_state_from_string (*text, &state))
        *wanted |= 1u << state;
      else
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                       "option 'condition': '%s' is neither a state nor 'removed'", *text);
          return FALSE;
        }
    }
  if (*wanted == 0)
    *wanted = 1u << CPD_CONTAINER_STOPPED | 1u << CPD_CONTAINER_CONFIGURED;
  if (*wanted & 1u << CPD_CONTAINER_STOPPED)
    *wanted |= 1u << CPD_CONTAINER_EXITED;
  /* A container that is gone will reach no state any more. */
  *wanted |= 1u << REMOVED;
  return TRUE;
}

/* It will go when they do; who waits for its removal has waited for its end. */
static gboolean
is_kept_by_dependents (CpdWaiters *waiters, const CpdContainerRow *row)
{
  g_autoptr(GPtrArray) dependents = NULL;

  if (!row->auto_remove || row->status.state != CPD_CONTAINER_EXITED)
    return FALSE;
  dependents = cpd_store_list_dependents (waiters->store, row->id, NULL);
  return dependents != NULL && dependents->len > 0;
}

static gboolean
look_at_exec (CpdWaiters *waiters, CpdWaiter *waiter)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdExecRow) row = cpd_store_get_exec (waiters->store, waiter->id, &error);

  if (row != NULL)
    {
      waiter->exit_code = row->status.exit_code;
      return row->status.state == CPD_EXEC_STOPPED;
    }
  if (!g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION)
      || !cpd_store_get_exit_code (waiters->store, waiter->id, &waiter->exit_code))
    waiter->error = g_steal_pointer (&error);
  return TRUE;
}

/* Whether the waiter is done. */
static gboolean
look (CpdWaiters *waiters, CpdWaiter *waiter)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdContainerRow) row = NULL;

  if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (waiter->task), &waiter->error))
    return TRUE;
  if (waiter->wanted == 0)
    return look_at_exec (waiters, waiter);
  row = cpd_store_get_container (waiters->store, waiter->id, &error);
  if (row != NULL)
    {
      waiter->exit_code = row->status.exit_code;
      return (waiter->wanted & 1u << row->status.state) != 0
             || (waiter->wanted == 1u << REMOVED && is_kept_by_dependents (waiters, row));
    }
  if (!g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER)
      || !cpd_store_get_exit_code (waiters->store, waiter->id, &waiter->exit_code))
    waiter->error = g_steal_pointer (&error);
  return TRUE;
}

/* Frees the waiter and returns its task, which may run the callback at once. */
static void
complete (CpdWaiter *waiter)
{
  g_autoptr(GTask) task = g_object_ref (waiter->task);
  GError *error = g_steal_pointer (&waiter->error);
  int exit_code = waiter->exit_code;

  waiter_free (waiter);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, exit_code);
}

/* In the context of the task, in whatever thread it was cancelled. */
static gboolean
on_cancelled (GCancellable *cancellable, gpointer data)
{
  CpdWaiter *waiter = data;
  g_autofree char *id = g_strdup (waiter->id);  /* the waiter does not survive this */

  cpd_waiters_look (waiter->waiters, id);
  return G_SOURCE_REMOVE;
}

static void
watch_cancellable (CpdWaiter *waiter)
{
  GCancellable *cancellable = g_task_get_cancellable (waiter->task);

  if (cancellable == NULL)
    return;
  waiter->cancelled = g_cancellable_source_new (cancellable);
  g_source_set_callback (waiter->cancelled, (GSourceFunc) (void (*) (void)) on_cancelled, waiter, NULL);
  g_source_attach (waiter->cancelled, g_task_get_context (waiter->task));
}

/* Into the list, unless there is nothing to wait for. */
static void
add (CpdWaiters *waiters, CpdWaiter *waiter)
{
  GPtrArray *list;

  if (waiter->error != NULL || look (waiters, waiter))
    {
      complete (waiter);
      return;
    }

  list = g_hash_table_lookup (waiters->table, waiter->id);
  if (list == NULL)
    {
      list = g_ptr_array_new_with_free_func ((GDestroyNotify) waiter_free);
      g_hash_table_insert (waiters->table, g_strdup (waiter->id), list);
    }
  g_ptr_array_add (list, waiter);
  watch_cancellable (waiter);
}

static CpdWaiter *
waiter_new (CpdWaiters *waiters, const char *id, GTask *task)
{
  CpdWaiter *waiter = g_new0 (CpdWaiter, 1);

  waiter->waiters = waiters;
  waiter->id = g_strdup (id);
  waiter->task = task;
  return waiter;
}

void
cpd_waiters_add (CpdWaiters *waiters, const char *id, const char *const *conditions, GTask *task)
{
  CpdWaiter *waiter = waiter_new (waiters, id, task);

  parse_conditions (conditions, &waiter->wanted, &waiter->error);
  add (waiters, waiter);
}

void
cpd_waiters_add_exec (CpdWaiters *waiters, const char *id, GTask *task)
{
  add (waiters, waiter_new (waiters, id, task));
}

void
cpd_waiters_look (CpdWaiters *waiters, const char *id)
{
  GPtrArray *list = g_hash_table_lookup (waiters->table, id);
  g_autoptr(GPtrArray) done = g_ptr_array_new ();

  for (guint i = 0; list != NULL && i < list->len;)
    {
      if (look (waiters, list->pdata[i]))
        g_ptr_array_add (done, g_ptr_array_steal_index_fast (list, i));
      else
        i++;
    }
  if (list != NULL && list->len == 0)
    g_hash_table_remove (waiters->table, id);

  /* Only now: who is told may come back here, wait again, or drop all of this. */
  for (guint i = 0; i < done->len; i++)
    complete (done->pdata[i]);
}
