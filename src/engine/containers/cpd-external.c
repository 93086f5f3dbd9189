/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-external.h"

#include <string.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "engine/containers/cpd-container-metadata.h"
#include "engine/containers/cpd-container-mount.h"
#include "engine/cpd-engine-private.h"
#include "engine/cpd-mounts.h"
#include "public/cpod-error.h"
#include "store/cpd-store-mounts.h"
#include "store/cpd-store-operations.h"

void
cpd_external_free (CpdExternal *external)
{
  g_free (external->id);
  g_free (external->name);
  g_free (external->image);
  g_free (external->image_id);
  g_free (external->mount_point);
  g_free (external);
}

/* Whether anything of it is there. */
static gboolean
exists (CpdEngine *engine, const char *id)
{
  g_autofree char *directory = cpd_engine_container_dir (engine, id);

  return cpd_storage_get_rw_created (engine->storage, id) != 0 || g_file_test (directory, G_FILE_TEST_EXISTS);
}

/* The layer tells of its image; what else there is to tell stands in the metadata, if that is good. */
CpdExternal *
cpd_engine_get_external (CpdEngine *engine, const char *id)
{
  g_autofree char *directory = cpd_engine_container_dir (engine, id);
  g_autoptr(CpdContainerRow) row = NULL;
  CpdExternal *external;

  if (!cpd_id_is_valid (id) || !exists (engine, id))
    return NULL;
  row = cpd_container_metadata_read (directory, id, NULL);
  external = g_new0 (CpdExternal, 1);
  external->id = g_strdup (id);
  external->name = g_strdup (row != NULL ? row->name : "");
  external->image = g_strdup (row != NULL ? row->image : "");
  external->image_id = cpd_storage_get_rw_image (engine->storage, id);
  if (external->image_id == NULL)
    external->image_id = g_strdup (row != NULL ? row->image_id : "");
  external->created = row != NULL ? row->created : cpd_storage_get_rw_created (engine->storage, id);
  if (cpd_store_get_mounts (engine->store, id, &external->mounts, NULL) && external->mounts > 0)
    external->mount_point = cpd_engine_mount_path (engine, id);
  else
    external->mount_point = g_strdup ("");
  return external;
}

/* What the store knows, and what is being created. */
static GHashTable *
known_ids (CpdEngine *engine, GError **error)
{
  CpdContainerQuery query = { .all = TRUE };
  g_autoptr(GPtrArray) rows = cpd_store_list_containers (engine->store, &query, error);
  g_autoptr(GPtrArray) operations = rows != NULL ? cpd_store_list_operations (engine->store, error) : NULL;
  g_autoptr(GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  if (operations == NULL)
    return NULL;
  for (guint i = 0; i < rows->len; i++)
    g_hash_table_add (ids, g_strdup (((CpdContainerRow *) rows->pdata[i])->id));
  for (guint i = 0; i < operations->len; i++)
    {
      const CpdOperationRow *operation = operations->pdata[i];

      if (strcmp (operation->kind, "create") == 0)
        g_hash_table_add (ids, g_strdup (operation->object));
    }
  return g_steal_pointer (&ids);
}

static void
add_unknown (CpdEngine *engine, GPtrArray *ids, GHashTable *known, GPtrArray *list)
{
  for (guint i = 0; i < ids->len; i++)
    {
      /* What was added is known from now on: it may be found in the other directory, too. */
      CpdExternal *external = g_hash_table_add (known, g_strdup (ids->pdata[i]))
                              ? cpd_engine_get_external (engine, ids->pdata[i]) : NULL;

      if (external != NULL)
        g_ptr_array_add (list, external);
    }
}

/* As in cpd_engine_find_orphans(), what is on disk is read before the rows. */
GPtrArray *
cpd_engine_list_external (CpdEngine *engine, GError **error)
{
  g_autofree char *directory = g_build_filename (engine->config->static_dir, "containers", NULL);
  g_autoptr(GPtrArray) directories = cpd_fs_list_dir (directory, error);
  g_autoptr(GPtrArray) layers = directories != NULL ? cpd_storage_list_rw (engine->storage, error) : NULL;
  g_autoptr(GHashTable) known = layers != NULL ? known_ids (engine, error) : NULL;
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_external_free);

  if (known == NULL)
    return NULL;
  add_unknown (engine, layers, known, list);
  add_unknown (engine, directories, known, list);
  return g_steal_pointer (&list);
}

/* That it is none of the engine's must be sure: only the error "there is none" says so. */
static gboolean
check_unknown (CpdEngine *engine, const char *name_or_id, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autofree char *id = cpd_engine_find_container (engine, name_or_id, NULL, &failure);

  if (id != NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS,
                   "'%s' is a container of the engine (%.12s), and not of the storage alone", name_or_id, id);
      return FALSE;
    }
  if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* An exact id or name wins over prefixes. */
static CpdExternal *
pick (GPtrArray *list, const char *name_or_id, GError **error)
{
  CpdExternal *found = NULL;
  guint n = 0;

  for (guint i = 0; i < list->len; i++)
    {
      CpdExternal *external = list->pdata[i];

      if (strcmp (external->id, name_or_id) == 0)
        return external;
      if (strcmp (external->name, name_or_id) != 0
          && !(cpd_id_is_prefix (name_or_id) && g_str_has_prefix (external->id, name_or_id)))
        continue;
      found = external;
      n++;
    }
  if (n == 1)
    return found;
  if (n > 1)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_AMBIGUOUS_NAME,
                 "'%s' fits %u containers that only the storage knows: give an id", name_or_id, n);
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with name or id '%s'", name_or_id);
  return NULL;
}

static CpdExternal *
find_external (CpdEngine *engine, const char *name_or_id, GError **error)
{
  g_autoptr(GPtrArray) list = NULL;
  CpdExternal *found;

  if (!check_unknown (engine, name_or_id, error))
    return NULL;
  list = cpd_engine_list_external (engine, error);
  found = list != NULL ? pick (list, name_or_id, error) : NULL;
  return found != NULL ? cpd_engine_get_external (engine, found->id) : NULL;
}

/* What the rest of the engine takes for a container. */
static CpdContainerRow
stand_in (const CpdExternal *external)
{
  return (CpdContainerRow) {
    .id = external->id, .name = *external->name != '\0' ? external->name : external->id,
    .namespace = (char *) "", .image = external->image, .image_id = external->image_id,
  };
}

/* Its lock is taken, so it may be gone by now. */
static gboolean
check_there (CpdEngine *engine, const char *id, GError **error)
{
  if (exists (engine, id))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with id %s", id);
  return FALSE;
}

char *
cpd_engine_mount_external (CpdEngine *engine, const char *name_or_id, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdExternal) external = find_external (engine, name_or_id, error);
  g_autoptr(CpdLock) lock = NULL;
  CpdContainerRow row;

  if (external == NULL)
    return NULL;
  lock = cpd_locks_acquire (engine->locks, external->id, "mount");
  row = stand_in (external);
  if (*external->image_id == '\0')
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE,
                   "failed to mount container %s: its image is not known", row.name);
      return NULL;
    }
  if (!check_there (engine, row.id, error) || !cpd_engine_mount_locked (engine, "storage", &row, caller, error))
    return NULL;
  return cpd_engine_mount_path (engine, row.id);
}

gboolean
cpd_engine_unmount_external (CpdEngine *engine, const char *name_or_id, gboolean force, const CpdCaller *caller,
                             gboolean *mounted, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdExternal) external = find_external (engine, name_or_id, error);
  g_autoptr(CpdLock) lock = NULL;
  CpdContainerRow row;
  guint count;

  if (external == NULL)
    return FALSE;
  lock = cpd_locks_acquire (engine->locks, external->id, "unmount");
  row = stand_in (external);
  if (!cpd_engine_unmount_locked (engine, "storage", &row, force, caller, error)
      || !cpd_store_get_mounts (engine->store, row.id, &count, error))
    return FALSE;
  *mounted = count > 0;
  return TRUE;
}

static gboolean
commit_removal (CpdEngine *engine, const CpdContainerRow *row, gint64 operation, const CpdCaller *caller,
                GError **error)
{
  g_autoptr(GVariantBuilder) attributes = cpd_engine_attributes (row);
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_DURABLE, error);

  return tx != NULL
         && cpd_store_set_mounts (tx, row->id, 0, error)
         && cpd_store_add_event (tx, "storage", "remove", row->id, row->name,
                                 g_variant_builder_end (attributes), caller, error)
         && cpd_store_delete_operation (tx, operation, error)
         && cpd_transaction_commit (tx, error);
}

gboolean
cpd_engine_finish_external (CpdEngine *engine, const char *id, const char *name, gint64 operation,
                            const CpdCaller *caller, GError **error)
{
  const CpdContainerRow row = {
    .id = (char *) id, .name = (char *) name, .namespace = (char *) "", .image = (char *) "",
  };

  if (!cpd_engine_clear_runtime (engine, id, error) || !cpd_engine_delete_files (engine, id, error))
    return FALSE;
  cpd_health_clear (engine->health, "container", id);
  cpd_fault_point ("remove-storage.deleted");
  if (!commit_removal (engine, &row, operation, caller, error))
    return FALSE;
  cpd_fault_point ("remove-storage.committed");
  return TRUE;
}

static gboolean
begin_removal (CpdEngine *engine, const CpdContainerRow *row, gint64 *operation, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);

  return tx != NULL
         && cpd_store_add_operation (tx, "remove-storage", row->id, row->name, operation, error)
         && cpd_transaction_commit (tx, error);
}

static gboolean
check_removal (CpdEngine *engine, const CpdExternal *external, gboolean force, GError **error)
{
  guint count;

  if (engine->incomplete)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED,
                           "the state database could not be rebuilt, so nobody can tell what does not belong to it");
      return FALSE;
    }
  if (!check_there (engine, external->id, error) || !cpd_store_get_mounts (engine->store, external->id, &count, error))
    return FALSE;
  if (count == 0 || force)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
               "it is mounted: unmount it first, or give the option 'force'");
  return FALSE;
}

static gboolean
remove_once (CpdEngine *engine, const CpdExternal *external, gboolean force, const CpdCaller *caller,
             GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, external->id, "remove");
  const CpdContainerRow row = stand_in (external);
  gint64 operation;

  if (check_removal (engine, external, force, error) && begin_removal (engine, &row, &operation, error))
    {
      cpd_fault_point ("remove-storage.intent");
      if (cpd_engine_finish_external (engine, row.id, row.name, operation, caller, error))
        return TRUE;
      cpd_engine_end_operation (engine, operation);
    }
  g_prefix_error (error, "failed to remove container %s: ", row.name);
  return FALSE;
}

char *
cpd_engine_remove_external (CpdEngine *engine, const char *name_or_id, gboolean force, const CpdCaller *caller,
                            GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdExternal) external = find_external (engine, name_or_id, error);
  g_autoptr(GError) failure = NULL;

  if (external == NULL)
    return NULL;
  if (remove_once (engine, external, force, caller, &failure)
      || (cpd_engine_use_reserve (engine, failure) && remove_once (engine, external, force, caller, error)))
    {
      cpd_engine_fill_reserve (engine);
      return g_strdup (external->id);
    }
  if (failure != NULL && (error == NULL || *error == NULL))
    g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}
