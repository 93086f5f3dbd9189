/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-engine-private.h"

#include "common/cpd-process.h"
#include "engine/containers/cpd-container-config.h"
#include "public/cpod-error.h"
#include "store/cpd-store-operations.h"

/* What the verbs of a container share. */

char *
cpd_engine_bundle_path (CpdEngine *engine, const char *id)
{
  return g_build_filename (engine->config->run_root, "containers", id, NULL);
}

char *
cpd_engine_rootfs_path (CpdEngine *engine, const char *id)
{
  return g_build_filename (engine->config->run_root, "containers", id, "rootfs", NULL);
}

char *
cpd_engine_container_dir (CpdEngine *engine, const char *id)
{
  return g_build_filename (engine->config->static_dir, "containers", id, NULL);
}

char *
cpd_engine_log_path (CpdEngine *engine, const char *id)
{
  return g_build_filename (engine->config->static_dir, "containers", id, "ctr.log", NULL);
}

char *
cpd_engine_find_container (CpdEngine *engine, const char *name_or_id, const char *namespace,
                           GError **error)
{
  return cpd_store_find_container (engine->store, name_or_id, namespace, error);
}

CpdContainerRow *
cpd_engine_get_container (CpdEngine *engine, const char *id, GError **error)
{
  return cpd_store_get_container (engine->store, id, error);
}

CpdContainerRow *
cpd_engine_get_in_state (CpdEngine *engine, const char *id, guint allowed, const char *operation,
                         GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_store_get_container (engine->store, id, error);

  if (row == NULL)
    return NULL;
  if (allowed & CPD_STATE_BIT (row->status.state))
    return g_steal_pointer (&row);

  if (row->status.state == CPD_CONTAINER_REMOVING)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_BEING_REMOVED, "container %s is being removed",
                 row->name);
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE, "cannot %s container %s: it is %s",
                 operation, row->name, cpd_container_state_to_string (row->status.state));
  return NULL;
}

GVariantBuilder *
cpd_engine_attributes (const CpdContainerRow *row)
{
  GVariantBuilder *attributes = g_variant_builder_new (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (attributes, "{sv}", "image", g_variant_new_string (row->image));
  if (*cpd_container_row_namespace (row) != '\0')
    g_variant_builder_add (attributes, "{sv}", "namespace", g_variant_new_string (row->namespace));
  return attributes;
}

char *
cpd_engine_choose_namespace (CpdEngine *engine, GVariant *options)
{
  g_autoptr(CpdConfig) settings = cpd_engine_ref_config (engine);
  const char *namespace = cpd_config_get_string (settings, CPD_KEY_NAMESPACE);

  g_variant_lookup (options, "namespace", "&s", &namespace);
  return g_strdup (namespace);
}

/*
 * A reboot voids what is known of a run, but for what restart policies go by:
 * that it was started, and that somebody stopped it. A power cut may not undo that.
 */
static CpdDurability
get_durability (const CpdContainerRow *row, const CpdContainerStatus *status)
{
  g_autoptr(CpdContainerConfig) config = NULL;

  if ((status->started == 0) == (row->status.started == 0)
      && status->stopped_by_user == row->status.stopped_by_user)
    return CPD_STORE_BOOT;
  config = row->config != NULL ? cpd_container_config_parse (row->config, NULL) : NULL;
  return config != NULL && cpd_restart_policy_outlasts_boot (&config->restart) ? CPD_STORE_DURABLE : CPD_STORE_BOOT;
}

static gboolean
write_status (CpdEngine *engine, const CpdContainerRow *row, const CpdContainerStatus *status,
              const char *status_event, GVariant *attributes, gint64 number,
              const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, get_durability (row, status), error);

  if (tx == NULL || !cpd_store_set_container_status (tx, row->id, status, error))
    return FALSE;
  if (status_event != NULL
      && !cpd_store_add_event (tx, "container", status_event, row->id, row->name, attributes,
                               caller, error))
    return FALSE;
  if (number != 0 && !cpd_store_delete_operation (tx, number, error))
    return FALSE;
  return cpd_transaction_commit (tx, error);
}

gboolean
cpd_engine_set_status (CpdEngine *engine, const CpdContainerRow *row,
                       const CpdContainerStatus *status, const char *status_event,
                       GVariant *attributes, gint64 number, const CpdCaller *caller,
                       GError **error)
{
  g_autoptr(GVariant) given = attributes != NULL ? g_variant_ref_sink (attributes) : NULL;
  g_autoptr(GError) failure = NULL;

  if (given == NULL)
    {
      g_autoptr(GVariantBuilder) defaults = cpd_engine_attributes (row);

      given = g_variant_ref_sink (g_variant_builder_end (defaults));
    }
  if (write_status (engine, row, status, status_event, given, number, caller, &failure))
    return TRUE;
  /* What has happened to a process has happened. */
  if (cpd_engine_use_reserve (engine, failure))
    return write_status (engine, row, status, status_event, given, number, caller, error);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
write_event (CpdEngine *engine, const CpdContainerRow *row, const char *status_event,
             const CpdCaller *caller, GError **error)
{
  g_autoptr(GVariantBuilder) attributes = cpd_engine_attributes (row);
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);

  if (tx != NULL
      && cpd_store_add_event (tx, "container", status_event, row->id, row->name,
                              g_variant_builder_end (attributes), caller, error)
      && cpd_transaction_commit (tx, error))
    return TRUE;
  g_prefix_error (error, "failed to record the event %s of container %s: ", status_event, row->name);
  return FALSE;
}

/* It tells what is true even if the container was removed or started again at once. */
gboolean
cpd_engine_add_event (CpdEngine *engine, const CpdContainerRow *row, const char *status_event,
                      const CpdCaller *caller, GError **error)
{
  g_autoptr(GError) failure = NULL;

  if (write_event (engine, row, status_event, caller, &failure))
    return TRUE;
  if (cpd_engine_use_reserve (engine, failure))
    return write_event (engine, row, status_event, caller, error);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/*
 * Records an intent. It needs no sync: after a power cut what has no row is
 * found by looking at what is on disk.
 */
gboolean
cpd_engine_begin_operation (CpdEngine *engine, const char *kind, const char *object, gint64 *number,
                            GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);

  return tx != NULL
         && cpd_store_add_operation (tx, kind, object, NULL, number, error)
         && cpd_transaction_commit (tx, error);
}

/* After an operation was undone. */
void
cpd_engine_end_operation (CpdEngine *engine, gint64 number)
{
  cpd_store_end_operation (engine->store, number);
}

void
cpd_engine_watch (CpdEngine *engine, const CpdContainerRow *row, const CpdContainerStatus *status)
{
  cpd_monitor_watch (engine->monitor, row->id,
                     cpd_process_open ((pid_t) status->pid, status->pid_start),
                     cpd_process_open ((pid_t) status->monitor_pid, status->monitor_start),
                     (pid_t) status->monitor_pid);
}
