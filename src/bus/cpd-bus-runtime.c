/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-container-query.h"
#include "bus/cpd-bus-create-options.h"
#include "bus/cpd-bus-disk-usage.h"
#include "bus/cpd-bus-exec.h"
#include "bus/cpd-bus-interface.h"
#include "bus/cpd-bus-jobs.h"
#include "bus/cpd-bus-migrate.h"
#include "bus/cpd-bus-prune.h"
#include "bus/cpd-bus-rows.h"
#include "bus/cpd-bus-shutdown.h"
#include "bus/cpd-bus-storage.h"
#include "bus/cpd-bus-streams.h"
#include "bus/cpd-bus-verbs.h"
#include "cpod-generated.h"
#include "engine/containers/cpd-reach.h"
#include "public/cpod-error.h"

/* Of methods that take a name and need nothing else. */
static const CpdBusOption scope_options[] = {
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace },
  { NULL }
};

static GVariant *
work_create (CpdBusCall *call, GError **error)
{
  g_autofree char *id = NULL, *name = NULL, *path = NULL;

  if (!cpd_engine_create_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_string (call, 0),
                                    cpd_bus_call_get_options (call), cpd_bus_call_get_caller (call),
                                    cpd_bus_call_get_cancellable (call), &id, &name, error))
    return NULL;
  cpd_bus_peer_add_made (cpd_bus_call_get_peer (call), id);
  path = cpd_bus_container_path (id);
  return g_variant_new ("(oss)", path, id, name);
}

/* The id of the container that the first argument names, or named when the caller was authorized. */
static char *
find_named (CpdBusCall *call, GError **error)
{
  CpdEngine *engine = cpd_bus_call_get_engine (call);
  const CpdGrant *grant = cpd_bus_call_get_caller (call)->grant;
  g_autofree char *namespace = NULL;

  if (grant != NULL && grant->container_id != NULL)
    return g_strdup (grant->container_id);
  namespace = cpd_engine_choose_namespace (engine, cpd_bus_call_get_options (call));
  return cpd_engine_find_container (engine, cpd_bus_call_get_string (call, 0), namespace, error);
}

static GVariant *
work_remove (CpdBusCall *call, GError **error)
{
  g_autofree char *id = find_named (call, error);

  if (id == NULL || !cpd_bus_container_remove (call, id, error))
    return NULL;
  return g_variant_new ("(s)", id);
}

static const CpdBusOption remove_options[] = {
  { "force", G_VARIANT_TYPE_BOOLEAN },
  { "depend", G_VARIANT_TYPE_BOOLEAN },
  { "timeout", G_VARIANT_TYPE_UINT32 },
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace },
  { NULL }
};

static const CpdBusOption remove_preview_options[] = {
  { "force", G_VARIANT_TYPE_BOOLEAN },
  { "depend", G_VARIANT_TYPE_BOOLEAN },
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace },
  { NULL }
};

static GVariant *
build_blocker (const CpdBlocker *blocker)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (&dict, "{sv}", "id", g_variant_new_string (blocker->id));
  g_variant_builder_add (&dict, "{sv}", "name", g_variant_new_string (blocker->name));
  g_variant_builder_add (&dict, "{sv}", "reason", g_variant_new_string (blocker->reason));
  g_variant_builder_add (&dict, "{sv}", "text", g_variant_new_string (blocker->text));
  return g_variant_builder_end (&dict);
}

static GVariant *
work_remove_preview (CpdBusCall *call, GError **error)
{
  GVariant *options = cpd_bus_call_get_options (call);
  g_autofree char *id = find_named (call, error);
  const char *const wanted[] = { id, NULL };
  g_autoptr(CpdRemovalPlan) plan = NULL;
  GVariantBuilder ids, blockers;

  if (id != NULL)
    plan = cpd_engine_plan_removal (cpd_bus_call_get_engine (call), wanted,
                                    cpd_bus_options_get_boolean (options, "force", FALSE),
                                    cpd_bus_options_get_boolean (options, "depend", FALSE), error);
  if (plan == NULL)
    return NULL;
  g_variant_builder_init (&ids, G_VARIANT_TYPE_STRING_ARRAY);
  g_variant_builder_init (&blockers, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < plan->rows->len; i++)
    g_variant_builder_add (&ids, "s", ((CpdContainerRow *) plan->rows->pdata[i])->id);
  for (guint i = 0; i < plan->blockers->len; i++)
    g_variant_builder_add_value (&blockers, build_blocker (plan->blockers->pdata[i]));
  return g_variant_new ("(asaa{sv})", &ids, &blockers);
}

static GVariant *
work_rename (CpdBusCall *call, GError **error)
{
  g_autofree char *id = find_named (call, error);

  if (id == NULL || !cpd_bus_container_rename (call, id, cpd_bus_call_get_string (call, 1), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_evict (CpdBusCall *call, GError **error)
{
  g_autofree char *id = find_named (call, error);

  if (id == NULL || !cpd_engine_evict_container (cpd_bus_call_get_engine (call), id,
                                                 cpd_bus_call_get_caller (call), error))
    return NULL;
  return g_variant_new ("(s)", id);
}

static GVariant *
work_get_container (CpdBusCall *call, GError **error)
{
  g_autofree char *id = find_named (call, error);
  g_autofree char *path = id != NULL ? cpd_bus_container_path (id) : NULL;

  return path != NULL ? g_variant_new ("(o)", path) : NULL;
}

static GVariant *
work_get_info (CpdBusCall *call, GError **error)
{
  g_autoptr(GVariant) info = cpd_engine_get_info (cpd_bus_call_get_engine (call));

  return g_variant_new ("(@a{sv})", info);
}

static GVariant *
work_get_config (CpdBusCall *call, GError **error)
{
  g_autoptr(GVariant) config = cpd_engine_describe_config (cpd_bus_call_get_engine (call));

  return g_variant_new ("(@a{sv})", config);
}

static GVariant *
work_reload (CpdBusCall *call, GError **error)
{
  g_auto(GStrv) changed = cpd_engine_reload (cpd_bus_call_get_engine (call), error);

  return changed != NULL ? g_variant_new ("(^as)", changed) : NULL;
}

/* "kind\tobject\ttext", as the engine tells it. */
static GVariant *
build_problem (const char *problem)
{
  static const char *const keys[] = { "kind", "object", "text" };
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_auto(GStrv) parts = g_strsplit (problem, "\t", G_N_ELEMENTS (keys));

  for (guint i = 0; i < G_N_ELEMENTS (keys) && parts[i] != NULL; i++)
    {
      g_autofree char *text = g_utf8_make_valid (parts[i], -1);

      g_variant_builder_add (&dict, "{sv}", keys[i], g_variant_new_string (text));
    }
  return g_variant_builder_end (&dict);
}

static GVariant *
work_check (CpdBusCall *call, GError **error)
{
  g_autoptr(GPtrArray) found = cpd_engine_check (cpd_bus_call_get_engine (call), error);
  GVariantBuilder problems;

  if (found == NULL)
    return NULL;
  g_variant_builder_init (&problems, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < found->len; i++)
    g_variant_builder_add_value (&problems, build_problem (found->pdata[i]));
  return g_variant_new ("(aa{sv})", &problems);
}

static GVariant *
work_renumber_locks (CpdBusCall *call, GError **error)
{
  if (!cpd_engine_renumber_locks (cpd_bus_call_get_engine (call), cpd_bus_call_get_caller (call), error))
    return NULL;
  return g_variant_new ("(u)", 0);
}

static const CpdBusMethod methods[] = {
  { "Create", cpd_bus_create_options, TRUE, work_create },
  { "Remove", remove_options, TRUE, work_remove },
  { "RemovePreview", remove_preview_options, FALSE, work_remove_preview },
  { "Rename", scope_options, TRUE, work_rename },
  { "Evict", scope_options, TRUE, work_evict },
  { "PruneContainers", cpd_bus_prune_options, TRUE, NULL, cpd_bus_start_prune },
  { "PrunePreview", cpd_bus_preview_options, FALSE, cpd_bus_work_preview },
  { "GetContainer", scope_options, FALSE, work_get_container },
  { "GetExecSessionContainer", cpd_bus_no_options, FALSE, cpd_bus_work_get_exec_container },
  { "ListContainers", cpd_bus_list_options, FALSE, cpd_bus_work_list },
  { "Migrate", cpd_bus_migrate_options, TRUE, NULL, cpd_bus_start_migrate },
  { "RenumberLocks", cpd_bus_no_options, TRUE, work_renumber_locks },
  { "ListJobs", cpd_bus_no_options, FALSE, NULL, cpd_bus_jobs_start_list },
  { "ListMounts", scope_options, FALSE, cpd_bus_work_list_mounts },
  { "ListStorageContainers", cpd_bus_no_options, FALSE, cpd_bus_work_list_storage },
  { "MountStorageContainer", cpd_bus_no_options, TRUE, cpd_bus_work_mount_storage },
  { "UnmountStorageContainer", cpd_bus_force_options, TRUE, cpd_bus_work_unmount_storage },
  { "RemoveStorageContainer", cpd_bus_force_options, TRUE, cpd_bus_work_remove_storage },
  { "GetEvents", cpd_bus_event_options, FALSE, cpd_bus_work_get_events },
  { "StreamEvents", cpd_bus_event_stream_options, FALSE, cpd_bus_work_stream_events },
  { "GetStats", cpd_bus_stats_options, FALSE, cpd_bus_work_get_stats },
  { "StreamStats", cpd_bus_stats_stream_options, FALSE, cpd_bus_work_stream_stats },
  { "GetInfo", cpd_bus_no_options, FALSE, work_get_info },
  { "GetDiskUsage", cpd_bus_no_options, FALSE, cpd_bus_work_disk_usage },
  { "Check", cpd_bus_no_options, FALSE, work_check },
  { "GetConfig", cpd_bus_no_options, FALSE, work_get_config },
  { "Reload", cpd_bus_no_options, FALSE, work_reload },
  { "Shutdown", cpd_bus_shutdown_options, TRUE, NULL, cpd_bus_start_shutdown },
  { NULL }
};

const CpdBusInterface cpd_bus_runtime_interface = { cpod_runtime_interface_info, methods };
