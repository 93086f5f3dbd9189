/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-clock.h"
#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-journal.h"
#include "common/cpd-names.h"
#include "engine/containers/cpd-container-config.h"
#include "engine/containers/cpd-container-metadata.h"
#include "engine/containers/cpd-reach.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "store/cpd-store-operations.h"

/* How often another name is drawn when the one generated is taken. */
#define NAME_TRIES 32

/* The one in the configuration may be no name. */
static gboolean
set_namespace (CpdEngine *engine, CpdContainerRow *row, GVariant *options, GError **error)
{
  row->namespace = cpd_engine_choose_namespace (engine, options);
  if (*row->namespace == '\0' || cpd_name_check (row->namespace, error))
    return TRUE;
  g_prefix_error (error, "namespace: ");
  return FALSE;
}

/*
 * One that nobody has now; whether it is still so when it counts, the commit
 * tells. After many ATTEMPTS most must be taken: then with a part that no other
 * container has.
 */
static char *
draw_name (CpdEngine *engine, const char *id, int attempts)
{
  for (int i = attempts;; i++)
    {
      g_autofree char *drawn = cpd_name_generate ();
      g_autofree char *name = i < NAME_TRIES / 2 ? g_strdup (drawn) : g_strdup_printf ("%s_%.6s", drawn, id);

      if (i >= NAME_TRIES || !cpd_store_has_name (engine->store, name))
        return g_steal_pointer (&name);
    }
}

/* Configuration and names may have become others since the caller was authorized. */
static gboolean
check_grant (CpdEngine *engine, const CpdContainerRow *row, const CpdContainerConfig *config, GVariant *options,
             const CpdCaller *caller, GError **error)
{
  g_auto(GStrv) reach = NULL;

  if (caller->grant == NULL)
    return TRUE;
  reach = cpd_engine_create_reach (engine, config, row->depends, options, caller);
  return cpd_grant_check_reach (caller->grant, (const char *const *) reach, error);
}

static CpdContainerRow *
new_row (CpdEngine *engine, const char *image_name, const CpdImageRow *image, GVariant *options,
         const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdConfig) settings = cpd_engine_ref_config (engine);
  g_autoptr(CpdContainerRow) row = g_new0 (CpdContainerRow, 1);
  g_autoptr(CpdContainerConfig) config = NULL;

  row->id = cpd_id_generate ();
  if (!g_variant_lookup (options, "name", "s", &row->name))
    row->name = draw_name (engine, row->id, 0);
  if (!cpd_name_check (row->name, error))
    {
      g_prefix_error (error, "option 'name': ");
      return NULL;
    }
  if (!set_namespace (engine, row, options, error))
    return NULL;
  row->depends = cpd_engine_resolve_dependencies (engine, options, row->namespace, error);
  config = row->depends != NULL ? cpd_container_config_new (row->id, image, options, settings, error) : NULL;
  if (config == NULL || !check_grant (engine, row, config, options, caller, error))
    return NULL;
  row->image = g_strdup (image_name);
  row->image_id = g_strdup (image->id);
  row->created = cpd_clock_now ();
  row->owner_uid = caller->uid;
  g_variant_lookup (options, "auto-remove", "b", &row->auto_remove);
  row->config = cpd_container_config_to_json (config);
  row->status.state = CPD_CONTAINER_CONFIGURED;
  return g_steal_pointer (&row);
}

static gboolean
make_files (CpdEngine *engine, const CpdContainerRow *row, GCancellable *cancellable, GError **error)
{
  g_autofree char *directory = cpd_engine_container_dir (engine, row->id);

  if (!cpd_fs_mkdir_p (directory, 0700, error))
    return FALSE;
  cpd_fault_point ("create.directory");
  if (!cpd_storage_create_rw (engine->storage, row->id, row->image_id, cancellable, error))
    return FALSE;
  cpd_fault_point ("create.storage");
  return TRUE;
}

/* One that is removed when it ends is not worth being rebuilt. */
static gboolean
write_metadata (CpdEngine *engine, const CpdContainerRow *row, gboolean fresh, GError **error)
{
  g_autofree char *directory = cpd_engine_container_dir (engine, row->id);

  if (row->auto_remove)
    return TRUE;
  if (!cpd_container_metadata_write (directory, row, fresh, error))
    return FALSE;
  cpd_fault_point ("create.metadata");
  return TRUE;
}

/* A name that was generated is to be unique for those, too, who see all namespaces. */
static gboolean
name_is_free (CpdEngine *engine, const char *name, GError **error)
{
  if (!cpd_store_has_name (engine->store, name))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS, "the name '%s' is taken", name);
  return FALSE;
}

/*
 * The row, its name, its event and the end of the operation, all at once. A
 * container that is removed when it ends would not outlive a power cut anyway,
 * so its row needs no sync.
 */
static gboolean
commit (CpdEngine *engine, const CpdContainerRow *row, gboolean generated, gint64 operation,
        const CpdCaller *caller, GError **error)
{
  g_autoptr(GVariantBuilder) attributes = cpd_engine_attributes (row);
  g_autoptr(CpdTransaction) tx =
    cpd_store_begin (engine->store, row->auto_remove ? CPD_STORE_BOOT : CPD_STORE_DURABLE, error);

  return tx != NULL
         && (!generated || name_is_free (engine, row->name, error))
         && cpd_engine_check_dependencies (engine, tx, row, error)
         && cpd_store_add_container (tx, row, error)
         && cpd_store_add_event (tx, "container", "create", row->id, row->name,
                                 g_variant_builder_end (attributes), caller, error)
         && cpd_store_delete_operation (tx, operation, error)
         && cpd_transaction_commit (tx, error);
}

/* Commits the row; when a name that was generated has been taken meanwhile, with another one. */
static gboolean
commit_under_some_name (CpdEngine *engine, CpdContainerRow *row, gboolean generated,
                        gint64 operation, const CpdCaller *caller, GError **error)
{
  for (int i = 0;; i++)
    {
      g_autoptr(GError) failure = NULL;

      if (write_metadata (engine, row, i == 0, &failure)
          && commit (engine, row, generated, operation, caller, &failure))
        return TRUE;
      if (!generated || i == NAME_TRIES
          || !g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      g_free (row->name);
      row->name = draw_name (engine, row->id, i + 1);
    }
}

/* Where that fails, too, the operation stays, and the next start takes back what is left. */
static void
undo (CpdEngine *engine, const char *id, gint64 operation)
{
  g_autoptr(GError) failure = NULL;

  if (cpd_engine_delete_files (engine, id, &failure))
    cpd_engine_end_operation (engine, operation);
  else
    cpd_log_container (G_LOG_LEVEL_MESSAGE, id,
                       "failed to take back the creation of container %s: %s", id, failure->message);
}

gboolean
cpd_engine_create_container (CpdEngine *engine, const char *image, GVariant *options,
                             const CpdCaller *caller, GCancellable *cancellable, char **id, char **name,
                             GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdImageRow) found = cpd_storage_find_image (engine->storage, image, error);
  g_autoptr(GVariant) given_name = g_variant_lookup_value (options, "name", NULL);
  g_autoptr(CpdContainerRow) row = NULL;
  gint64 operation;

  if (found == NULL || !cpd_grant_check_image (caller->grant, image, found->id, error))
    return FALSE;
  row = new_row (engine, image, found, options, caller, error);
  if (row == NULL)
    return FALSE;
  if (!cpd_engine_begin_operation (engine, "create", row->id, &operation, error))
    {
      g_prefix_error (error, "failed to create container %s: ", row->name);
      return FALSE;
    }
  cpd_fault_point ("create.intent");

  if (!make_files (engine, row, cancellable, error)
      || !commit_under_some_name (engine, row, given_name == NULL, operation, caller, error))
    {
      undo (engine, row->id, operation);
      g_prefix_error (error, "failed to create container %s: ", row->name);
      return FALSE;
    }
  cpd_fault_point ("create.committed");

  *id = g_steal_pointer (&row->id);
  *name = g_steal_pointer (&row->name);
  return TRUE;
}
