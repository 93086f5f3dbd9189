/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "common/cpd-process.h"
#include "engine/cpd-engine-private.h"
#include "engine/cpd-recorded-paths.h"
#include "engine/exec/cpd-exec-private.h"
#include "public/cpod-error.h"

/* How many ends of containers are dealt with at once. */
#define EXIT_THREADS 8

/* How long the lock of a service that is gone may outlive it. */
#define LOCK_WAIT_US (5 * G_USEC_PER_SEC)

/* How often old events are dropped. */
#define PRUNE_EVERY 1000

G_DEFINE_FINAL_TYPE (CpdEngine, cpd_engine, G_TYPE_OBJECT)

enum
{
  SIGNAL_CONTAINER_CHANGED,
  SIGNAL_EVENT,
  SIGNAL_HEALTH_CHANGED,
  SIGNAL_BUSY_CHANGED,
  SIGNAL_PULSE,
  SIGNAL_RELOADING,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void
destroy_source (gpointer source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static void
on_holds_changed (gboolean held, gpointer user_data)
{
  g_signal_emit (user_data, signals[SIGNAL_BUSY_CHANGED], 0, held);
}

static void
cpd_engine_init (CpdEngine *engine)
{
  engine->lock_fd = -1;
  g_mutex_init (&engine->mutex);
  g_cond_init (&engine->changed);
  engine->context = g_main_context_ref_thread_default ();
  engine->locks = cpd_locks_new ();
  engine->streams = cpd_quota_new ();
  engine->health = cpd_health_new ();
  engine->programs = cpd_programs_new ();
  engine->holds = cpd_holds_new (engine->context, on_holds_changed, engine);
  engine->dirty = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  engine->going = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  engine->pending = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, destroy_source);
  engine->unrefreshed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  engine->pulls = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  engine->borrowed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static void
cpd_engine_finalize (GObject *object)
{
  CpdEngine *engine = CPD_ENGINE (object);

  cpd_engine_shutdown (engine);
  g_clear_pointer (&engine->oom_log, cpd_oom_log_free);
  g_clear_pointer (&engine->waiters, cpd_waiters_free);
  g_clear_pointer (&engine->launcher, cpd_launcher_free);
  g_clear_pointer (&engine->storage, cpd_storage_unref);
  g_clear_pointer (&engine->store, cpd_store_unref);
  g_clear_pointer (&engine->locks, cpd_locks_free);
  g_clear_pointer (&engine->streams, cpd_quota_free);
  g_clear_pointer (&engine->health, cpd_health_free);
  g_clear_pointer (&engine->holds, cpd_holds_free);
  g_clear_pointer (&engine->programs, cpd_programs_free);
  g_clear_pointer (&engine->dirty, g_hash_table_unref);
  g_clear_pointer (&engine->going, g_hash_table_unref);
  g_clear_pointer (&engine->pulls, g_hash_table_unref);
  g_clear_pointer (&engine->borrowed, g_hash_table_unref);
  g_clear_pointer (&engine->unrefreshed, g_hash_table_unref);
  g_clear_pointer (&engine->context, g_main_context_unref);
  g_clear_pointer (&engine->settings, cpd_config_unref);
  g_clear_pointer (&engine->config, cpd_config_unref);
  g_clear_pointer (&engine->boot_id, g_free);
  cpd_close_fd (&engine->lock_fd);
  g_cond_clear (&engine->changed);
  g_mutex_clear (&engine->mutex);
  G_OBJECT_CLASS (cpd_engine_parent_class)->finalize (object);
}

static void
cpd_engine_class_init (CpdEngineClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = cpd_engine_finalize;

  signals[SIGNAL_CONTAINER_CHANGED] =
    g_signal_new ("container-changed", CPD_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[SIGNAL_EVENT] =
    g_signal_new ("event", CPD_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_POINTER);
  signals[SIGNAL_HEALTH_CHANGED] =
    g_signal_new ("health-changed", CPD_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 0);
  signals[SIGNAL_BUSY_CHANGED] =
    g_signal_new ("busy-changed", CPD_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
  signals[SIGNAL_PULSE] =
    g_signal_new ("pulse", CPD_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 0);
  signals[SIGNAL_RELOADING] =
    g_signal_new ("reloading", CPD_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
}

/*
 * A child that a service has forked, and that has not yet become another
 * program, shares the service's lock: should the service be killed right
 * then, the lock is held a moment longer than the owner lives. One that is
 * about to end has given up its name and taken its number away, and is waited
 * for too. OWNER gets what the owner wrote.
 */
static gboolean
lock_against_others (int fd, char *owner, gsize size)
{
  for (gint64 deadline = g_get_monotonic_time () + LOCK_WAIT_US;; g_usleep (10 * 1000))
    {
      ssize_t n;

      if (flock (fd, LOCK_EX | LOCK_NB) == 0)
        return TRUE;
      n = pread (fd, owner, size - 1, 0);
      owner[MAX (n, 0)] = '\0';
      g_strchomp (owner);
      if (g_get_monotonic_time () >= deadline || cpd_process_start_time (atoi (owner)) != 0)
        return FALSE;
    }
}

/* One service owns the state: that is what makes its own locks enough. */
static gboolean
take_state_directory (CpdEngine *engine, GError **error)
{
  g_autofree char *path = g_build_filename (engine->config->static_dir, "cpod.lock", NULL);
  g_autofree char *pid = g_strdup_printf ("%d\n", (int) getpid ());
  char owner[32] = "";

  if (!cpd_fs_mkdir_p (engine->config->static_dir, 0700, error))
    return FALSE;
  engine->lock_fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (engine->lock_fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to open %s", path);
      return FALSE;
    }
  if (!lock_against_others (engine->lock_fd, owner, sizeof owner))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_STORE_LOCKED,
                   "the process %s already serves the state in %s", owner, engine->config->static_dir);
      cpd_close_fd (&engine->lock_fd);
      return FALSE;
    }
  if (ftruncate (engine->lock_fd, 0) < 0
      || !cpd_fs_write_all (engine->lock_fd, pid, strlen (pid), NULL))
    g_info ("failed to write %s: %s", path, g_strerror (errno));
  return TRUE;
}

/* Something that the engine does by itself. */
typedef struct
{
  char *id;
  pid_t monitor_pid;            /* or what else there is to do */
} CpdExit;

static void
handle_exit (gpointer data, gpointer user_data)
{
  CpdExit *task = data;

  if (task->monitor_pid == CPD_EXIT_RESTART || task->monitor_pid == CPD_EXIT_BOOT)
    cpd_engine_restart_by_policy (user_data, task->id, task->monitor_pid == CPD_EXIT_BOOT);
  else if (task->monitor_pid == CPD_EXIT_REFRESH)
    cpd_engine_refresh_again (user_data, task->id);
  else if (task->monitor_pid == CPD_EXIT_EXEC)
    cpd_engine_exec_ended (user_data, task->id);
  else if (task->monitor_pid == CPD_EXIT_METADATA)
    cpd_engine_finish_metadata_again (user_data, task->id);
  else if (task->monitor_pid == CPD_EXIT_TIDY)
    cpd_engine_tidy_storage (user_data);
  else if (task->monitor_pid == CPD_EXIT_PRUNE)
    cpd_engine_prune_events (user_data);
  else if (task->monitor_pid == CPD_EXIT_PULSE)
    cpd_engine_pass_pulse (user_data);
  else
    cpd_engine_container_exited (user_data, task->id, task->monitor_pid);
  g_free (task->id);
  g_free (task);
}

void
cpd_engine_push_exit (CpdEngine *engine, const char *id, pid_t monitor_pid)
{
  CpdExit *task;

  if (engine->exits == NULL)    /* shut down meanwhile: the next start finds out */
    return;
  task = g_new0 (CpdExit, 1);
  task->id = g_strdup (id);
  task->monitor_pid = monitor_pid;
  g_thread_pool_push (engine->exits, task, NULL);
  /* That there is much to do is no reason to take the engine for dead. */
  if (monitor_pid == CPD_EXIT_PULSE)
    g_thread_pool_move_to_front (engine->exits, task);
}

static void
on_monitor (CpdMonitorEvent event, const char *id, pid_t pid, gpointer user_data)
{
  CpdEngine *engine = user_data;

  if (event == CPD_MONITOR_PULSE)
    pid = CPD_EXIT_PULSE;
  if (event == CPD_MONITOR_STUCK)
    cpd_engine_drop_attached (engine, id);
  if (event == CPD_MONITOR_EXEC_STUCK)
    cpd_engine_drop_exec_clients (engine, id);
  /* Also when stuck: if the monitor is dead there will never be an exit file. */
  if (event == CPD_MONITOR_EXEC_DIED || event == CPD_MONITOR_EXEC_STUCK)
    pid = CPD_EXIT_EXEC;
  cpd_engine_push_exit (engine, id, pid);
}

static void
on_untidy (gpointer engine)
{
  cpd_engine_schedule (engine, "", CPD_EXIT_TIDY, CPD_RETRY_MS);
}

char *
cpd_engine_database_path (CpdEngine *engine)
{
  return g_build_filename (engine->config->static_dir, "cpod.db", NULL);
}

char *
cpd_engine_backups_path (CpdEngine *engine)
{
  return g_build_filename (engine->config->static_dir, "backup", NULL);
}

/* What the state was made with has a say in where it is, so the state comes first. */
static gboolean
open_store (CpdEngine *engine, CpdStoreRepair *repair, GError **error)
{
  g_autofree char *database = cpd_engine_database_path (engine);
  g_autofree char *backups = cpd_engine_backups_path (engine);

  engine->store = cpd_store_open_repairing (database, backups, repair, error);
  engine->unchecked = repair->unfinished;
  engine->changed_schema = repair->upgraded;
  if (engine->store == NULL
      || !cpd_recorded_paths_merge (engine->config, engine->store, engine->boot_id, error)
      || !cpd_engine_make_directories (engine, error))
    return FALSE;
  return cpd_engine_open_storage (engine, error)
         && cpd_recorded_paths_write (engine->config, engine->store,
                                      cpd_storage_get_driver (engine->storage), error);
}

static gboolean
open_parts (CpdEngine *engine, CpdStoreRepair *repair, GError **error)
{
  if (!open_store (engine, repair, error))
    return FALSE;
  engine->settings = cpd_config_ref (engine->config);
  cpd_engine_log_config_warnings (engine->config);
  engine->launcher = cpd_launcher_new (engine->config, error);
  if (engine->launcher == NULL)
    return FALSE;
  engine->waiters = cpd_waiters_new (engine->store);
  engine->oom_log = cpd_oom_log_new ("/dev/kmsg");
  engine->exits = g_thread_pool_new (handle_exit, engine, EXIT_THREADS, FALSE, NULL);
  cpd_storage_set_untidy_func (engine->storage, on_untidy, engine);
  engine->monitor = cpd_monitor_new (cpd_launcher_exit_dir (engine->launcher), on_monitor, engine,
                                     error);
  return engine->monitor != NULL;
}

/* Takes CONFIG. */
CpdEngine *
cpd_engine_new (CpdConfig *config, GError **error)
{
  g_autoptr(CpdEngine) engine = g_object_new (CPD_TYPE_ENGINE, NULL);
  g_auto(CpdStoreRepair) repair = { 0 };

  engine->config = config;
  engine->boot_id = cpd_clock_boot_id ();
  if (!take_state_directory (engine, error) || !open_parts (engine, &repair, error))
    return NULL;
  cpd_engine_fill_reserve (engine);
  engine->last_emitted = cpd_store_last_event (engine->store);
  cpd_engine_rebuild (engine, &repair);
  cpd_store_set_commit_func (engine->store, cpd_engine_on_commit, engine);
  engine->event_log = cpd_event_log_new (engine->config, engine->store);
  return g_steal_pointer (&engine);
}

void
cpd_engine_shutdown (CpdEngine *engine)
{
  cpd_engine_forget_restarts (engine);
  if (engine->lock_fd >= 0 && ftruncate (engine->lock_fd, 0) < 0)
    g_info ("failed to take the number of this process away: %s", g_strerror (errno));
  cpd_engine_end_upkeep (engine);
  g_clear_pointer (&engine->monitor, cpd_monitor_free);
  if (engine->exits != NULL)
    g_thread_pool_free (g_steal_pointer (&engine->exits), FALSE, TRUE);
  g_clear_pointer (&engine->event_log, cpd_event_log_free);
  if (engine->store != NULL)
    cpd_store_set_commit_func (engine->store, NULL, NULL);
}

CpdStore *
cpd_engine_get_store (CpdEngine *engine)
{
  return engine->store;
}

CpdStorage *
cpd_engine_get_storage (CpdEngine *engine)
{
  return engine->storage;
}

const char *
cpd_engine_get_boot_id (CpdEngine *engine)
{
  return engine->boot_id;
}

GVariant *
cpd_engine_get_health (CpdEngine *engine)
{
  return cpd_health_get (engine->health);
}

void
cpd_engine_emit_health (CpdEngine *engine)
{
  g_signal_emit (engine, signals[SIGNAL_HEALTH_CHANGED], 0);
}

void
cpd_engine_emit_pulse (CpdEngine *engine)
{
  g_signal_emit (engine, signals[SIGNAL_PULSE], 0);
}

void
cpd_engine_emit_reloading (CpdEngine *engine, gboolean reloading)
{
  g_signal_emit (engine, signals[SIGNAL_RELOADING], 0, reloading);
}

gboolean
cpd_engine_is_busy (CpdEngine *engine)
{
  return cpd_holds_any (engine->holds);
}

static gboolean
drain_in_idle (gpointer data)
{
  cpd_engine_drain_events (data);
  return G_SOURCE_REMOVE;
}

/* After each commit, in the thread that committed. */
void
cpd_engine_on_commit (GPtrArray *changed_containers, gpointer data)
{
  CpdEngine *engine = data;
  gboolean schedule;

  g_mutex_lock (&engine->mutex);
  for (guint i = 0; i < changed_containers->len; i++)
    g_hash_table_add (engine->dirty, g_strdup (changed_containers->pdata[i]));
  schedule = !engine->drain_scheduled;
  engine->drain_scheduled = TRUE;
  g_cond_broadcast (&engine->changed);
  g_mutex_unlock (&engine->mutex);

  if (schedule)
    {
      g_autoptr(GSource) source = g_idle_source_new ();

      g_source_set_priority (source, G_PRIORITY_DEFAULT);
      g_source_set_callback (source, drain_in_idle, g_object_ref (engine), g_object_unref);
      g_source_attach (source, engine->context);
    }
}

gboolean
cpd_engine_wait_for (CpdEngine *engine, CpdEngineCondition is_so, gconstpointer data, gint64 timeout_us)
{
  const gint64 deadline = g_get_monotonic_time () + timeout_us;
  gboolean come, in_time = TRUE;

  g_mutex_lock (&engine->mutex);
  while (!(come = is_so (engine, data)) && in_time)
    in_time = g_cond_wait_until (&engine->changed, &engine->mutex, deadline);
  g_mutex_unlock (&engine->mutex);
  return come;
}

static void
emit_events (CpdEngine *engine)
{
  const guint64 before = engine->last_emitted;
  guint emitted;

  do
    {
      CpdEventQuery query = { .since = engine->last_emitted };
      g_autoptr(GError) error = NULL;
      g_autoptr(GPtrArray) events =
        cpd_store_list_events (engine->store, &query, NULL, NULL, &error);

      if (events == NULL)
        {
          g_info ("failed to read the events: %s", error->message);
          return;
        }
      emitted = events->len;
      for (guint i = 0; i < events->len; i++)
        {
          CpdEventRow *event = events->pdata[i];

          /* Whoever was told of one may have drained the others from within. */
          if (event->seq <= engine->last_emitted)
            continue;
          engine->last_emitted = event->seq;
          g_signal_emit (engine, signals[SIGNAL_EVENT], 0, event);
        }
    }
  while (emitted == CPD_EVENTS_MAX);
  if (engine->event_log != NULL && engine->last_emitted > before)
    cpd_event_log_wake (engine->event_log);
}

/* Not here, where nothing may wait for the disk. */
static void
prune_now_and_then (CpdEngine *engine)
{
  if (engine->last_emitted < engine->last_pruned + PRUNE_EVERY)
    return;
  engine->last_pruned = engine->last_emitted;
  cpd_engine_push_exit (engine, "", CPD_EXIT_PRUNE);
}

void
cpd_engine_drain_events (CpdEngine *engine)
{
  g_autoptr(GHashTable) dirty = NULL;
  GHashTableIter iter;
  gpointer id;

  g_mutex_lock (&engine->mutex);
  engine->drain_scheduled = FALSE;
  dirty = g_steal_pointer (&engine->dirty);
  engine->dirty = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_mutex_unlock (&engine->mutex);

  g_hash_table_iter_init (&iter, dirty);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    g_signal_emit (engine, signals[SIGNAL_CONTAINER_CHANGED], 0, id);
  emit_events (engine);

  g_hash_table_iter_init (&iter, dirty);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    cpd_waiters_look (engine->waiters, id);
  prune_now_and_then (engine);
}

void
cpd_engine_wait_async (CpdEngine *engine, const char *id, const char *const *conditions,
                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (engine, cancellable, callback, user_data);

  g_task_set_source_tag (task, cpd_engine_wait_async);
  cpd_waiters_add (engine->waiters, id, conditions, task);
}

gboolean
cpd_engine_wait_finish (CpdEngine *engine, GAsyncResult *result, int *exit_code, GError **error)
{
  g_autoptr(GError) failure = NULL;
  gssize value = g_task_propagate_int (G_TASK (result), &failure);

  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  *exit_code = (int) value;
  return TRUE;
}
