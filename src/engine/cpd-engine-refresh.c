/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-journal.h"
#include "common/cpd-names.h"
#include "engine/containers/cpd-container-config.h"
#include "engine/containers/cpd-container-metadata.h"
#include "engine/exec/cpd-exec-private.h"
#include "store/cpd-store-mounts.h"
#include "store/cpd-store-operations.h"

/* Health's word, and that of the intent that a container keeps until it is refreshed. */
#define REFRESH "refresh"

#define FIRST_DELAY_MS 500u
#define LONGEST_DELAY_MS (60 * 1000u)

/* How many errors the event holds; Health holds all. */
#define MAX_ERRORS 100

/* The machine was booted since. */
typedef struct
{
  CpdEngine *engine;            /* (unowned) */
  gint64 begun;
  GPtrArray *rows;              /* (owned) of CpdContainerRow */
  GHashTable *errors;           /* (owned): id → message, of those that could not be refreshed */
} CpdRefresh;

static void
refresh_clear (CpdRefresh *refresh)
{
  g_clear_pointer (&refresh->rows, g_ptr_array_unref);
  g_clear_pointer (&refresh->errors, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdRefresh, refresh_clear)

/*
 * What is outside of the database. Where the run directory outlives a reboot,
 * because it is on no tmpfs, so does what lies in it; and a power cut may have
 * kept the newest files from the disk. Can be done again.
 */
static gboolean
refresh_files (CpdEngine *engine, const CpdContainerRow *row, GError **error)
{
  g_autofree char *directory = cpd_engine_container_dir (engine, row->id);
  g_autoptr(CpdContainerConfig) config = cpd_container_config_parse (row->config, error);

  if (config == NULL || !cpd_engine_clear_runtime (engine, row->id, error)
      || !cpd_storage_mend_rw (engine->storage, row->id, row->image_id, error)
      || !cpd_fs_mkdir_p (directory, 0700, error))
    return FALSE;
  return row->auto_remove || cpd_container_metadata_is_good (directory, row->id)
         || cpd_container_metadata_write (directory, row, FALSE, error);
}

static void
refresh_all_files (CpdRefresh *refresh)
{
  for (guint i = 0; i < refresh->rows->len; i++)
    {
      const CpdContainerRow *row = refresh->rows->pdata[i];
      g_autoptr(GError) error = NULL;

      if (row->status.state == CPD_CONTAINER_REMOVING)  /* the removal goes on anyway */
        continue;
      if (!refresh_files (refresh->engine, row, &error))
        g_hash_table_insert (refresh->errors, g_strdup (row->id), g_utf8_make_valid (error->message, -1));
    }
}

/* What libpod resets after a reboot: nothing runs, nothing is mounted. */
static gboolean
reset_status (CpdTransaction *tx, const CpdContainerRow *row, GError **error)
{
  CpdContainerStatus status = row->status;

  if (status.state == CPD_CONTAINER_REMOVING)
    return TRUE;
  status.state = status.started == 0 ? CPD_CONTAINER_CONFIGURED : CPD_CONTAINER_EXITED;
  status.pid = status.pid_start = status.monitor_pid = status.monitor_start = 0;
  return cpd_store_set_container_status (tx, row->id, &status, error);
}

/* It keeps the intent to be refreshed. */
static gboolean
mark (CpdTransaction *tx, const CpdRefresh *refresh, const CpdContainerRow *row, GError **error)
{
  gint64 number;

  return cpd_store_delete_operations (tx, REFRESH, row->id, error)
         && (!g_hash_table_contains (refresh->errors, row->id)
             || cpd_store_add_operation (tx, REFRESH, row->id, NULL, &number, error));
}

static GVariant *
build_attributes (const CpdRefresh *refresh)
{
  const guint failed = g_hash_table_size (refresh->errors);
  GVariantBuilder attributes = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantBuilder errors = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  GHashTableIter iter;
  gpointer id, message;

  g_hash_table_iter_init (&iter, refresh->errors);
  for (guint i = 0; i < MAX_ERRORS && g_hash_table_iter_next (&iter, &id, &message); i++)
    g_variant_builder_add (&errors, "{ss}", id, message);
  g_variant_builder_add (&attributes, "{sv}", "boot-id", g_variant_new_string (refresh->engine->boot_id));
  g_variant_builder_add (&attributes, "{sv}", "ok", g_variant_new_uint32 (refresh->rows->len - failed));
  g_variant_builder_add (&attributes, "{sv}", "failed", g_variant_new_uint32 (failed));
  g_variant_builder_add (&attributes, "{sv}", "errors", g_variant_builder_end (&errors));
  g_variant_builder_add (&attributes, "{sv}", "duration",
                         g_variant_new_uint64 ((guint64) (g_get_monotonic_time () - refresh->begun)));
  return g_variant_builder_end (&attributes);
}

/* All of it in one transaction with the event, so that a reboot is told once whatever happens. */
static gboolean
commit (const CpdRefresh *refresh, gboolean first, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (refresh->engine->store, CPD_STORE_DURABLE, error);

  if (tx == NULL)
    return FALSE;
  for (guint i = 0; i < refresh->rows->len; i++)
    if (!reset_status (tx, refresh->rows->pdata[i], error)
        || !mark (tx, refresh, refresh->rows->pdata[i], error))
      return FALSE;
  if (!first && !cpd_store_add_event (tx, "system", "refresh", "", "", build_attributes (refresh),
                                      CPD_CALLER_SELF, error))
    return FALSE;
  return cpd_store_forget_mounts (tx, error)
         && cpd_transaction_set_meta (tx, "boot-id", refresh->engine->boot_id, error)
         && cpd_transaction_commit (tx, error);
}

/* From now on it is retried, now and then. */
static void
note_failure (CpdEngine *engine, const char *id, const char *name, const char *message)
{
  guint tries;

  g_mutex_lock (&engine->mutex);
  tries = GPOINTER_TO_UINT (g_hash_table_lookup (engine->unrefreshed, id));
  g_hash_table_insert (engine->unrefreshed, g_strdup (id), GUINT_TO_POINTER (tries + 1));
  g_mutex_unlock (&engine->mutex);
  cpd_health_set (engine->health, REFRESH, id,
                  "container %s (%s) could not be refreshed after the reboot: %s", name, id, message);
  cpd_engine_tell_health (engine);
  cpd_engine_schedule (engine, id, CPD_EXIT_REFRESH,
                       MIN (FIRST_DELAY_MS << MIN (tries, 16u), LONGEST_DELAY_MS));
}

void
cpd_engine_forget_refresh (CpdEngine *engine, const char *id)
{
  gboolean known;

  g_mutex_lock (&engine->mutex);
  known = g_hash_table_remove (engine->unrefreshed, id);
  g_mutex_unlock (&engine->mutex);
  if (!known)
    return;
  cpd_health_clear (engine->health, REFRESH, id);
  cpd_engine_tell_health (engine);
}

gboolean
cpd_engine_needs_refresh (CpdEngine *engine, const char *id)
{
  gboolean needs;

  g_mutex_lock (&engine->mutex);
  needs = g_hash_table_contains (engine->unrefreshed, id);
  g_mutex_unlock (&engine->mutex);
  return needs;
}

static gboolean
refresh_one (CpdEngine *engine, const CpdContainerRow *row, GError **error)
{
  g_autoptr(CpdTransaction) tx = NULL;

  if (!refresh_files (engine, row, error))
    return FALSE;
  cpd_fault_point ("refresh.again");
  tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);
  return tx != NULL && cpd_store_delete_operations (tx, REFRESH, row->id, error)
         && cpd_transaction_commit (tx, error);
}

gboolean
cpd_engine_refresh_locked (CpdEngine *engine, const CpdContainerRow *row, GError **error)
{
  g_autoptr(GError) failure = NULL;

  if (refresh_one (engine, row, &failure))
    {
      cpd_engine_forget_refresh (engine, row->id);
      return TRUE;
    }
  note_failure (engine, row->id, row->name, failure->message);
  g_propagate_prefixed_error (error, g_steal_pointer (&failure),
                              "container %s could not be refreshed after the reboot: ", row->name);
  return FALSE;
}

void
cpd_engine_refresh_again (CpdEngine *engine, const char *id)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, REFRESH);
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, NULL);

  if (row == NULL)
    cpd_engine_forget_refresh (engine, id);
  else if (cpd_engine_refresh_locked (engine, row, NULL) && row->status.state == CPD_CONTAINER_EXITED)
    cpd_engine_consider_restart (engine, row, TRUE);
}

static void
note_failures (const CpdRefresh *refresh)
{
  for (guint i = 0; i < refresh->rows->len; i++)
    {
      const CpdContainerRow *row = refresh->rows->pdata[i];
      const char *message = g_hash_table_lookup (refresh->errors, row->id);

      if (message != NULL)
        note_failure (refresh->engine, row->id, row->name, message);
    }
}

/* Bundles of containers that are in no row any more. */
static void
clear_run_root (const CpdRefresh *refresh)
{
  g_autofree char *bundles = g_build_filename (refresh->engine->config->run_root, "containers", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) ids = cpd_fs_list_dir (bundles, &error);

  if (ids == NULL)
    g_message ("failed to look for what the last boot has left: %s", error->message);
  for (guint i = 0; ids != NULL && i < ids->len; i++)
    {
      g_autoptr(GError) failure = NULL;

      if (cpd_id_is_valid (ids->pdata[i]) && !g_hash_table_contains (refresh->errors, ids->pdata[i])
          && !cpd_engine_clear_runtime (refresh->engine, ids->pdata[i], &failure))
        cpd_log_container (G_LOG_LEVEL_MESSAGE, ids->pdata[i],
                           "failed to clear what the last boot left of container %s: %s",
                           (char *) ids->pdata[i], failure->message);
    }
}

static gboolean
refresh_everything (CpdEngine *engine, gboolean first, GError **error)
{
  CpdContainerQuery query = { .all = TRUE, .with_config = TRUE };
  g_auto(CpdRefresh) refresh = {
    .engine = engine, .begun = g_get_monotonic_time (),
    .rows = cpd_store_list_containers (engine->store, &query, error),
    .errors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free),
  };

  if (refresh.rows == NULL || !cpd_engine_forget_execs (engine, error))
    return FALSE;
  refresh_all_files (&refresh);
  clear_run_root (&refresh);
  cpd_fault_point ("refresh.cleared");
  if (!commit (&refresh, first, error))
    return FALSE;
  cpd_fault_point ("refresh.committed");
  note_failures (&refresh);
  return TRUE;
}

gboolean
cpd_engine_refresh_if_booted (CpdEngine *engine, gboolean *booted, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autofree char *known = cpd_store_get_meta (engine->store, "boot-id", &failure);

  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  *booted = known != NULL && strcmp (known, engine->boot_id) != 0;
  return (known != NULL && !*booted) || refresh_everything (engine, known == NULL, error);
}
