/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-waiters.h"

#include <string.h>

#include "public/cpod-error.h"

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
  guint wanted;                 /* a bit for each state, and for REMOVED */
  GTask *task;                  /* (owned) */
  gulong cancelled;
} CpdWaiter;

static void
waiter_free (CpdWaiter *waiter)
{
  if (waiter->cancelled != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (waiter->task), waiter->cancelled);
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

/* Whether the waiter is done; its task has returned then. */
static gboolean
look (CpdWaiters *waiters, CpdWaiter *waiter)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdContainerRow) row = cpd_store_get_container (waiters->store, waiter->id, &error);
  int exit_code = -1;

  if (g_task_return_error_if_cancelled (waiter->task))
    return TRUE;
  if (row != NULL)
    {
      if ((waiter->wanted & 1u << row->status.state) == 0)
        return FALSE;
      g_task_return_int (waiter->task, row->status.exit_code);
    }
  else if (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER)
           && cpd_store_get_exit_code (waiters->store, waiter->id, &exit_code))
    g_task_return_int (waiter->task, exit_code);
  else
    g_task_return_error (waiter->task, g_steal_pointer (&error));
  return TRUE;
}

typedef struct
{
  CpdWaiters *waiters;          /* (unowned) */
  char *id;
} CpdLook;

static gboolean
look_in_idle (gpointer data)
{
  CpdLook *later = data;

  cpd_waiters_look (later->waiters, later->id);
  g_free (later->id);
  g_free (later);
  return G_SOURCE_REMOVE;
}

/* May run in any thread, and disconnecting from within the signal would deadlock. */
static void
on_cancelled (GCancellable *cancellable, gpointer data)
{
  CpdWaiter *waiter = data;
  CpdLook *later = g_new0 (CpdLook, 1);

  later->waiters = waiter->waiters;
  later->id = g_strdup (waiter->id);
  g_idle_add (look_in_idle, later);
}

void
cpd_waiters_add (CpdWaiters *waiters, const char *id, const char *const *conditions, GTask *task)
{
  g_autoptr(GError) error = NULL;
  CpdWaiter *waiter = g_new0 (CpdWaiter, 1);
  GPtrArray *list;

  waiter->waiters = waiters;
  waiter->id = g_strdup (id);
  waiter->task = task;
  if (!parse_conditions (conditions, &waiter->wanted, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      waiter_free (waiter);
      return;
    }
  if (look (waiters, waiter))
    {
      waiter_free (waiter);
      return;
    }

  list = g_hash_table_lookup (waiters->table, id);
  if (list == NULL)
    {
      list = g_ptr_array_new_with_free_func ((GDestroyNotify) waiter_free);
      g_hash_table_insert (waiters->table, g_strdup (id), list);
    }
  g_ptr_array_add (list, waiter);
  if (g_task_get_cancellable (task) != NULL)
    waiter->cancelled = g_signal_connect (g_task_get_cancellable (task), "cancelled",
                                          G_CALLBACK (on_cancelled), waiter);
}

void
cpd_waiters_look (CpdWaiters *waiters, const char *id)
{
  GPtrArray *list = g_hash_table_lookup (waiters->table, id);

  for (guint i = 0; list != NULL && i < list->len;)
    {
      if (look (waiters, list->pdata[i]))
        g_ptr_array_remove_index_fast (list, i);
      else
        i++;
    }
  if (list != NULL && list->len == 0)
    g_hash_table_remove (waiters->table, id);
}
