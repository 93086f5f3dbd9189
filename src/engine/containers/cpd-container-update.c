/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fault.h"
#include "common/cpd-journal.h"
#include "common/cpd-json.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "store/cpd-store-operations.h"

#define NOT_REMOVING (CPD_STATE_BIT (CPD_CONTAINER_REMOVING) - 1)
#define HAS_CGROUP (CPD_STATE_BIT (CPD_CONTAINER_CREATED) | CPD_STATE_BIT (CPD_CONTAINER_RUNNING) \
                    | CPD_STATE_BIT (CPD_CONTAINER_PAUSED) | CPD_STATE_BIT (CPD_CONTAINER_STOPPING))

/* With what it will have, so that it can be taken back from a container that was given it half. */
static gboolean
begin (CpdEngine *engine, const char *id, const CpdResources *resources, gint64 *operation, GError **error)
{
  g_autoptr(JsonObject) object = cpd_resources_to_object (resources);
  g_autofree char *payload = cpd_json_print_object (object);
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);

  return tx != NULL
         && cpd_store_add_operation (tx, "update", id, payload, operation, error)
         && cpd_transaction_commit (tx, error);
}

static gboolean
apply (CpdEngine *engine, const CpdContainerRow *row, const CpdResources *resources, GError **error)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *bundle = cpd_engine_bundle_path (engine, row->id);
  g_autofree char *json = NULL;

  if ((CPD_STATE_BIT (row->status.state) & HAS_CGROUP) == 0 || cpd_resources_is_empty (resources))
    return TRUE;
  cpd_resources_add_to_spec (resources, object);
  json = cpd_json_print_object (object);
  return cpd_launcher_update (engine->launcher, row->id, bundle, json, error);
}

/* Back to what is recorded; that it has ended meanwhile is one way to fail. */
static void
take_back (CpdEngine *engine, const CpdContainerRow *row, const CpdResources *before, const CpdResources *after)
{
  g_auto(CpdResources) undo = { 0 };
  g_autoptr(GError) error = NULL;

  cpd_resources_undo (before, after, cpd_config_is_cgroup_v2 (), &undo);
  if (!apply (engine, row, &undo, &error))
    cpd_log_container (G_LOG_LEVEL_INFO, row->id,
                       "failed to give container %s back the limits that it had: %s", row->name, error->message);
}

gboolean
cpd_engine_set_config (CpdEngine *engine, const CpdContainerRow *row, const CpdContainerConfig *config,
                       GVariantBuilder *attributes, const CpdCaller *caller, GError **error)
{
  g_autofree char *json = cpd_container_config_to_json (config);
  g_autoptr(CpdTransaction) tx =
    cpd_store_begin (engine->store, row->auto_remove ? CPD_STORE_BOOT : CPD_STORE_DURABLE, error);

  return tx != NULL
         && cpd_store_set_container_config (tx, row->id, json, error)
         && cpd_store_add_event (tx, "container", "update", row->id, row->name,
                                 g_variant_builder_end (attributes), caller, error)
         && cpd_transaction_commit (tx, error);
}

/* The names of what was given, for the event. */
static GVariantBuilder *
describe (const CpdContainerRow *row, GVariant *options)
{
  GVariantBuilder *attributes = cpd_engine_attributes (row);
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    g_variant_builder_add (attributes, "{sv}", key, value);
  return attributes;
}

/* The steps from the intent on; CONFIG has the new limits, BEFORE the old ones. */
static gboolean
update (CpdEngine *engine, const CpdContainerRow *row, const CpdContainerConfig *config, const CpdResources *before,
        GVariant *options, const CpdCaller *caller, GError **error)
{
  g_autoptr(GVariantBuilder) attributes = describe (row, options);
  const CpdResources *after = &config->limits.resources;
  gint64 operation;

  if (!begin (engine, row->id, after, &operation, error))
    return FALSE;
  cpd_fault_point ("update.intent");
  if (!apply (engine, row, after, error))
    {
      take_back (engine, row, before, after);
      cpd_engine_end_operation (engine, operation);
      return FALSE;
    }
  cpd_fault_point ("update.applied");
  if (!cpd_engine_set_config (engine, row, config, attributes, caller, error))
    {
      take_back (engine, row, before, after);
      cpd_engine_end_operation (engine, operation);
      return FALSE;
    }
  cpd_fault_point ("update.committed");
  cpd_engine_finish_metadata (engine, row->id, operation);
  cpd_fault_point ("update.recorded");
  return TRUE;
}

gboolean
cpd_engine_update_container (CpdEngine *engine, const char *id, GVariant *options, const CpdCaller *caller,
                             GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "update");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, NOT_REMOVING, "update", error);
  g_autoptr(CpdContainerConfig) config = row != NULL ? cpd_container_config_parse (row->config, error) : NULL;
  g_auto(CpdResources) before = { 0 };

  if (config == NULL || !cpd_engine_complete_config (engine, config, error))
    return FALSE;
  if (config->cgroup.mode == CPD_CGROUPS_DISABLED)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
                   "cannot update container %s: it has no cgroup that could have limits", row->name);
      return FALSE;
    }
  cpd_resources_copy (&config->limits.resources, &before);
  if (!cpd_resources_apply_options (&config->limits.resources, options, cpd_config_is_cgroup_v2 (), error))
    return FALSE;
  if (update (engine, row, config, &before, options, caller, error))
    return TRUE;
  g_prefix_error (error, "failed to update container %s: ", row->name);
  return FALSE;
}

gboolean
cpd_engine_undo_update (CpdEngine *engine, const char *id, const char *payload, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "update");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, NULL);
  g_autoptr(CpdContainerConfig) config = row != NULL ? cpd_container_config_parse (row->config, NULL) : NULL;
  g_autoptr(JsonNode) node = cpd_json_parse (payload, -1, NULL);
  g_auto(CpdResources) after = { 0 };

  if (config != NULL && node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    {
      cpd_resources_from_object (&after, json_node_get_object (node));
      take_back (engine, row, &config->limits.resources, &after);
    }
  return cpd_engine_record_metadata (engine, id, error);
}
