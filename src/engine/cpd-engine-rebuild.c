/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "common/cpd-journal.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "engine/containers/cpd-container-metadata.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "storage/cpd-storage-rebuild.h"
#include "store/cpd-store-operations.h"

/*
 * After the database was damaged: what it has lost is put in again from what
 * lies beside it, before anybody sees it. The containers' own metadata is as
 * new as the last call that was answered, so it is right wherever the two differ.
 */
typedef struct
{
  CpdEngine *engine;            /* (unowned) */
  CpdTransaction *tx;           /* (owned) */
  GHashTable *rows;             /* (owned): id → CpdContainerRow as it was in the database */
  GPtrArray *found;             /* (owned): CpdContainerRow of the metadata */
  guint containers;             /* how many were put in */
  guint dropped;                /* how many had been removed */
  guint images;
  guint lost;
  gboolean whole;               /* the database is right in all that it knows */
  gboolean live;                /* some container runs */
} Rebuild;

static void
rebuild_clear (Rebuild *rebuild)
{
  g_clear_pointer (&rebuild->tx, cpd_transaction_free);
  g_clear_pointer (&rebuild->rows, g_hash_table_unref);
  g_clear_pointer (&rebuild->found, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Rebuild, rebuild_clear)

static gboolean
read_rows (Rebuild *rebuild, GError **error)
{
  CpdContainerQuery query = { .all = TRUE, .with_config = TRUE };
  g_autoptr(GPtrArray) rows = cpd_store_list_containers (rebuild->engine->store, &query, error);

  if (rows == NULL)
    return FALSE;
  rebuild->rows = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                         (GDestroyNotify) cpd_container_row_free);
  g_ptr_array_set_free_func (rows, NULL);
  for (guint i = 0; i < rows->len; i++)
    g_hash_table_replace (rebuild->rows, ((CpdContainerRow *) rows->pdata[i])->id, rows->pdata[i]);
  return TRUE;
}

static void
lose (Rebuild *rebuild, const char *id, const char *why)
{
  rebuild->lost++;
  cpd_health_set (rebuild->engine->health, "container", id,
                  "container %s cannot be rebuilt, its files are kept: %s", id, why);
}

/* So that its files are neither taken for an orphan's, nor looked at again by each start. */
static void
set_aside (Rebuild *rebuild, const char *id, const char *why)
{
  g_autofree char *directory = cpd_engine_container_dir (rebuild->engine, id);
  g_autofree char *from = g_build_filename (directory, CPD_METADATA_FILE, NULL);
  g_autofree char *to = g_build_filename (directory, CPD_METADATA_DAMAGED, NULL);

  if (rename (from, to) < 0)
    g_message ("failed to rename %s: %s", from, g_strerror (errno));
  lose (rebuild, id, why);
}

/*
 * A container without a writable layer was being removed, or not yet created.
 * One whose metadata is damaged is what the database says, if that knows it.
 */
static void
read_metadata (Rebuild *rebuild, const char *id, GPtrArray *layers)
{
  CpdEngine *engine = rebuild->engine;
  g_autofree char *directory = cpd_engine_container_dir (engine, id);
  g_autofree char *path = g_build_filename (directory, CPD_METADATA_FILE, NULL);
  const CpdContainerRow *known = g_hash_table_lookup (rebuild->rows, id);
  g_autoptr(GError) error = NULL;
  CpdContainerRow *row;
  int code;

  if (!g_file_test (path, G_FILE_TEST_EXISTS)
      || !g_ptr_array_find_with_equal_func (layers, id, g_str_equal, NULL)
      || (known == NULL && cpd_store_get_exit_code (engine->store, id, &code)))
    return;
  row = cpd_container_metadata_read (directory, id, &error);
  if (row != NULL)
    g_ptr_array_add (rebuild->found, row);
  else if (known == NULL && rebuild->whole)
    cpd_log_container (G_LOG_LEVEL_MESSAGE, id, "container %s was never finished: %s", id, error->message);
  else if (known == NULL)
    set_aside (rebuild, id, error->message);
  else if (!cpd_container_metadata_write (directory, known, FALSE, &error))
    cpd_log_container (G_LOG_LEVEL_MESSAGE, id, "failed to mend the metadata of container %s: %s", id, error->message);
}

static int
compare_created (const void *a, const void *b)
{
  const CpdContainerRow *first = *(const CpdContainerRow *const *) a;
  const CpdContainerRow *second = *(const CpdContainerRow *const *) b;

  return (first->created > second->created) - (first->created < second->created);
}

static gboolean
read_directories (Rebuild *rebuild, GError **error)
{
  g_autofree char *path = g_build_filename (rebuild->engine->config->static_dir, "containers", NULL);
  g_autoptr(GPtrArray) ids = cpd_fs_list_dir (path, error);
  g_autoptr(GPtrArray) layers = ids != NULL ? cpd_storage_list_rw (rebuild->engine->storage, error) : NULL;

  if (layers == NULL)
    return FALSE;
  rebuild->found = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_container_row_free);
  for (guint i = 0; i < ids->len; i++)
    if (cpd_id_is_valid (ids->pdata[i]))
      read_metadata (rebuild, ids->pdata[i], layers);
  g_ptr_array_sort (rebuild->found, compare_created);
  return TRUE;
}

/* Rows of containers that were removed since. */
static gboolean
drop_removed (Rebuild *rebuild, GError **error)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, rebuild->rows);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      g_autofree char *directory = cpd_engine_container_dir (rebuild->engine, id);

      if (g_file_test (directory, G_FILE_TEST_IS_DIR))
        continue;
      if (!cpd_store_delete_container (rebuild->tx, id, error))
        return FALSE;
      rebuild->dropped++;
      g_hash_table_iter_remove (&iter);
    }
  return TRUE;
}

/* What was begun then was finished or undone since; only removals are still to be finished. */
static gboolean
forget_operations (Rebuild *rebuild, GError **error)
{
  g_autoptr(GPtrArray) operations = cpd_store_list_operations (rebuild->engine->store, error);

  if (operations == NULL)
    return FALSE;
  for (guint i = 0; i < operations->len; i++)
    {
      const CpdOperationRow *operation = operations->pdata[i];

      if (strcmp (operation->kind, "pause") != 0
          && (strcmp (operation->kind, "remove") != 0 || !g_hash_table_contains (rebuild->rows, operation->object))
          && !cpd_store_delete_operation (rebuild->tx, operation->number, error))
        return FALSE;
    }
  return TRUE;
}

/* TRUE when it has the name that it is to have; FALSE without an error when another one has that. */
static gboolean
try_name (Rebuild *rebuild, const char *id, const char *name, GError **error)
{
  g_autoptr(GError) failure = NULL;

  if (cpd_store_rename_container (rebuild->tx, id, name, &failure))
    return TRUE;
  if (!g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS))
    g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/*
 * Several may have passed a name on from one to the next: each takes a name
 * that is its own for sure, and then the one that it is to have.
 */
static gboolean
rename_known (Rebuild *rebuild, GError **error)
{
  g_autoptr(GPtrArray) renamed = g_ptr_array_new ();
  g_autoptr(GError) failure = NULL;

  for (guint i = 0; i < rebuild->found->len; i++)
    {
      const CpdContainerRow *found = rebuild->found->pdata[i];
      const CpdContainerRow *known = g_hash_table_lookup (rebuild->rows, found->id);

      if (known == NULL || strcmp (known->name, found->name) == 0)
        continue;
      if (!cpd_store_rename_container (rebuild->tx, found->id, found->id, error))
        return FALSE;
      g_ptr_array_add (renamed, (gpointer) found);
    }
  for (guint i = 0; i < renamed->len; i++)
    {
      const CpdContainerRow *found = renamed->pdata[i];

      if (!try_name (rebuild, found->id, found->name, &failure) && failure != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
has_run (CpdEngine *engine, const char *id)
{
  g_autofree char *log = cpd_engine_log_path (engine, id);
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);

  return g_file_test (log, G_FILE_TEST_EXISTS) || g_file_test (bundle, G_FILE_TEST_EXISTS);
}

/* What can be told of a container's run without the database. */
static void
find_status (Rebuild *rebuild, const char *id, gint64 created, CpdContainerStatus *status)
{
  CpdEngine *engine = rebuild->engine;
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  CpdLaunched launched;

  if (cpd_launcher_find (engine->launcher, id, bundle, &launched))
    {
      status->state = CPD_CONTAINER_RUNNING;
      status->pid = launched.pid;
      status->pid_start = cpd_process_start_time (launched.pid);
      status->monitor_pid = launched.monitor_pid;
      status->monitor_start = cpd_process_start_time (launched.monitor_pid);
      if (status->started == 0)
        status->started = cpd_clock_now ();
      rebuild->live = TRUE;
    }
  else if (has_run (engine, id))
    {
      g_autoptr(GError) error = NULL;

      status->state = CPD_CONTAINER_EXITED;
      status->stopped_by_user = TRUE;   /* nobody knows, and so nobody starts it */
      if (status->started == 0)
        status->started = created;
      if (!cpd_launcher_get_exit (engine->launcher, id, bundle, &status->exit_code, &status->oom_killed))
        status->exit_code = -1;
      if (!cpd_engine_clear_runtime (engine, id, &error))
        cpd_log_container (G_LOG_LEVEL_MESSAGE, id,
                           "failed to clear what is left of the run of container %s: %s", id, error->message);
    }
}

/* Of one that the database knows only a run that it does not know is told; the rest the recovery finds out. */
static gboolean
update_status (Rebuild *rebuild, const CpdContainerRow *known, GError **error)
{
  CpdContainerStatus status = known->status;

  if (status.state == CPD_CONTAINER_REMOVING
      || (cpd_process_is ((pid_t) status.pid, status.pid_start) && status.state >= CPD_CONTAINER_CREATED
          && status.state <= CPD_CONTAINER_STOPPING))
    {
      rebuild->live |= status.state != CPD_CONTAINER_REMOVING;
      return TRUE;
    }
  if (status.state >= CPD_CONTAINER_CREATED && status.state <= CPD_CONTAINER_STOPPED)
    {
      g_autofree char *bundle = cpd_engine_bundle_path (rebuild->engine, known->id);
      CpdLaunched launched;

      if (!cpd_launcher_find (rebuild->engine->launcher, known->id, bundle, &launched))
        return TRUE;            /* its end is found, as after any other start */
    }
  else if (status.state == CPD_CONTAINER_EXITED)
    {
      g_autofree char *bundle = cpd_engine_bundle_path (rebuild->engine, known->id);

      if (!g_file_test (bundle, G_FILE_TEST_EXISTS))
        return TRUE;            /* it has not run again */
    }
  find_status (rebuild, known->id, known->created, &status);
  return cpd_store_set_container_status (rebuild->tx, known->id, &status, error);
}

static gboolean
add_found (Rebuild *rebuild, CpdContainerRow *row, GError **error)
{
  g_autoptr(CpdImageRow) image = cpd_store_get_image (rebuild->engine->store, row->image_id, NULL);
  g_autofree char *wanted = g_strdup (row->name);

  if (image == NULL)
    {
      g_autofree char *why = g_strdup_printf ("its image %s is missing", row->image_id);

      lose (rebuild, row->id, why);
      return TRUE;
    }
  row->status.state = CPD_CONTAINER_CONFIGURED;
  find_status (rebuild, row->id, row->created, &row->status);
  /* It gets a name that nobody else can have first: adding it must not fail half-way. */
  g_free (row->name);
  row->name = g_strdup (row->id);
  if (!cpd_store_add_container (rebuild->tx, row, error))
    return FALSE;
  rebuild->containers++;
  for (int i = 0; i < 2; i++)
    {
      g_autoptr(GError) failure = NULL;
      g_autofree char *name = i == 0 ? g_strdup (wanted) : g_strdup_printf ("%s_%.12s", wanted, row->id);

      if (try_name (rebuild, row->id, name, &failure))
        {
          g_free (row->name);
          row->name = g_steal_pointer (&name);
          return TRUE;
        }
      if (failure != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
write_containers (Rebuild *rebuild, GError **error)
{
  for (guint i = 0; i < rebuild->found->len; i++)
    {
      CpdContainerRow *found = rebuild->found->pdata[i];

      if (!g_hash_table_contains (rebuild->rows, found->id) && !add_found (rebuild, found, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
update_known (Rebuild *rebuild, GError **error)
{
  GHashTableIter iter;
  gpointer row;

  g_hash_table_iter_init (&iter, rebuild->rows);
  while (g_hash_table_iter_next (&iter, NULL, &row))
    if (!update_status (rebuild, row, error))
      return FALSE;
  return TRUE;
}

/*
 * With containers that run it is still the boot in which they were started.
 * Of what was made anew all was found out in this one.
 */
static gboolean
settle_boot (Rebuild *rebuild, GError **error)
{
  g_autofree char *known = cpd_store_get_meta (rebuild->engine->store, "boot-id", NULL);

  return (known != NULL && !rebuild->live)
         || cpd_transaction_set_meta (rebuild->tx, "boot-id", rebuild->engine->boot_id, error);
}

static gboolean
add_sync_event (Rebuild *rebuild, const CpdStoreRepair *repair, GError **error)
{
  static const char *const conditions[] = { "kept", "behind", "restored", "anew" };
  g_autoptr(GVariantBuilder) attributes = g_variant_builder_new (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (attributes, "{sv}", "database",
                         g_variant_new_string (conditions[repair->condition]));
  g_variant_builder_add (attributes, "{sv}", "containers", g_variant_new_uint32 (rebuild->containers));
  g_variant_builder_add (attributes, "{sv}", "dropped", g_variant_new_uint32 (rebuild->dropped));
  g_variant_builder_add (attributes, "{sv}", "images", g_variant_new_uint32 (rebuild->images));
  g_variant_builder_add (attributes, "{sv}", "lost", g_variant_new_uint32 (rebuild->lost));
  return cpd_store_add_event (rebuild->tx, "system", "sync", "", "", g_variant_builder_end (attributes),
                              CPD_CALLER_SELF, error);
}

static gboolean
rebuild_images (Rebuild *rebuild, GError **error)
{
  g_autoptr(GPtrArray) lost = g_ptr_array_new_with_free_func (g_free);

  if (!cpd_storage_rebuild (rebuild->engine->storage, &rebuild->images, lost, error))
    return FALSE;
  for (guint i = 0; i < lost->len; i++)
    cpd_health_add (rebuild->engine->health, "image", TRUE, "%s", (char *) lost->pdata[i]);
  rebuild->lost += lost->len;
  return TRUE;
}

static void
tell (Rebuild *rebuild, const CpdStoreRepair *repair)
{
  static const char *const texts[] = {
    "the state database is sound", "the state database has lost its newest records",
    "the state database was damaged, and restored from a backup",
    "the state database was damaged, and made anew",
  };

  cpd_health_add (rebuild->engine->health, "database", FALSE,
                  "%s (%s)%s%s; from what lies beside it, %u containers and %u images were put in again",
                  texts[repair->condition], repair->reason != NULL ? repair->reason : "records were missing",
                  repair->aside != NULL ? "; it is kept as " : "", repair->aside != NULL ? repair->aside : "",
                  rebuild->containers, rebuild->images);
}

/* Events go on above all numbers that were given out. */
static gboolean
commit (Rebuild *rebuild, const CpdStoreRepair *repair, GError **error)
{
  if (repair->condition != CPD_STORE_WHOLE
      && !cpd_store_skip_events (rebuild->tx, repair->last_event, error))
    return FALSE;
  return settle_boot (rebuild, error)
         && add_sync_event (rebuild, repair, error)
         && cpd_transaction_commit (rebuild->tx, error);
}

/* Brings what the database knows up to date. */
static gboolean
update_old (Rebuild *rebuild, GError **error)
{
  return rebuild->whole
         || (drop_removed (rebuild, error) && forget_operations (rebuild, error) && rename_known (rebuild, error)
             && update_known (rebuild, error));
}

static gboolean
rebuild_all (CpdEngine *engine, const CpdStoreRepair *repair, GError **error)
{
  g_auto(Rebuild) rebuild = { .engine = engine, .whole = repair->condition == CPD_STORE_WHOLE };
  g_autofree char *database = cpd_engine_database_path (engine);

  if (!rebuild_images (&rebuild, error) || !read_rows (&rebuild, error) || !read_directories (&rebuild, error))
    return FALSE;
  rebuild.tx = cpd_store_begin (engine->store, CPD_STORE_DURABLE, error);
  if (rebuild.tx == NULL
      || !update_old (&rebuild, error)
      || !write_containers (&rebuild, error)
      || !commit (&rebuild, repair, error))
    return FALSE;
  tell (&rebuild, repair);
  return cpd_store_end_repair (database, error);
}

/* One that was removed has left its exit code; a power cut may have brought its files back. */
static gboolean
can_rebuild (CpdEngine *engine, const char *id)
{
  g_autofree char *directory = cpd_engine_container_dir (engine, id);
  g_autofree char *metadata = g_build_filename (directory, CPD_METADATA_FILE, NULL);
  int code;

  return g_file_test (metadata, G_FILE_TEST_EXISTS) && cpd_container_metadata_is_good (directory, id)
         && !cpd_store_get_exit_code (engine->store, id, &code);
}

/* Whether the files of a container that the database does not know are to be kept nevertheless. */
gboolean
cpd_engine_keeps_files (CpdEngine *engine, const char *id)
{
  g_autofree char *directory = cpd_engine_container_dir (engine, id);
  g_autofree char *damaged = g_build_filename (directory, CPD_METADATA_DAMAGED, NULL);

  return g_file_test (damaged, G_FILE_TEST_EXISTS) || can_rebuild (engine, id);
}

/* Whether there are containers beside the database that it does not know; damaged ones are told of. */
static gboolean
find_unknown (CpdEngine *engine, gboolean *unknown, GError **error)
{
  g_autofree char *path = g_build_filename (engine->config->static_dir, "containers", NULL);
  g_autoptr(GPtrArray) ids = cpd_fs_list_dir (path, error);
  g_autoptr(GHashTable) known = NULL;

  *unknown = FALSE;
  if (ids == NULL)
    return FALSE;
  if (ids->len <= cpd_store_count_containers (engine->store, FALSE))
    return TRUE;
  known = cpd_engine_known_ids (engine, error);
  if (known == NULL)
    return FALSE;
  for (guint i = 0; i < ids->len; i++)
    {
      const char *id = ids->pdata[i];
      g_autofree char *damaged = g_build_filename (path, id, CPD_METADATA_DAMAGED, NULL);

      if (!cpd_id_is_valid (id) || g_hash_table_contains (known, id))
        continue;
      *unknown |= can_rebuild (engine, id);
      if (g_file_test (damaged, G_FILE_TEST_EXISTS))
        cpd_health_set (engine->health, "container", id,
                        "container %s could not be rebuilt, its files are kept: %s is damaged", id, damaged);
    }
  return TRUE;
}

/*
 * That this fails (the disk is full, say) keeps nobody from starting. But then
 * nothing that seems to belong to nobody may be deleted.
 */
void
cpd_engine_rebuild (CpdEngine *engine, const CpdStoreRepair *repair)
{
  g_autoptr(GError) error = NULL;
  gboolean unknown = FALSE;

  if (repair->condition == CPD_STORE_WHOLE && find_unknown (engine, &unknown, &error) && !unknown)
    return;
  if (error == NULL && rebuild_all (engine, repair, &error))
    return;
  engine->incomplete = TRUE;
  cpd_health_add (engine->health, "database", TRUE, "the state database was damaged (%s), and could not be rebuilt: %s",
                  repair->reason != NULL ? repair->reason : "records are missing", error->message);
}
