/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-json.h"
#include "common/cpd-names.h"
#include "engine/containers/cpd-container-config.h"
#include "engine/containers/cpd-container-diff.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "store/cpd-store-execs.h"

/* podman's field names and forms, so that what reads its output reads ours. */

static JsonObject *
state_object (CpdEngine *engine, const CpdContainerRow *row)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, row->id);
  g_autofree char *cgroup = cpd_launcher_get_cgroup (engine->launcher, bundle);
  const CpdContainerStatus *status = &row->status;
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "Status", cpd_container_state_to_string (status->state));
  json_object_set_boolean_member (object, "Running", status->state == CPD_CONTAINER_RUNNING
                                                     || status->state == CPD_CONTAINER_STOPPING);
  json_object_set_boolean_member (object, "Paused", status->state == CPD_CONTAINER_PAUSED);
  json_object_set_boolean_member (object, "OOMKilled", status->oom_killed);
  json_object_set_int_member (object, "Pid", status->pid);
  json_object_set_int_member (object, "ConmonPid", status->monitor_pid);
  json_object_set_int_member (object, "ExitCode", status->exit_code);
  cpd_json_set_time (object, "StartedAt", status->started);
  cpd_json_set_time (object, "FinishedAt", status->finished);
  json_object_set_string_member (object, "CgroupPath", cgroup != NULL ? cgroup : "");
  return object;
}

static JsonObject *
config_object (const CpdContainerRow *row, const CpdContainerConfig *config)
{
  JsonObject *object = json_object_new ();
  JsonObject *labels = json_object_new ();

  for (char **label = config->labels; *label != NULL; label += 2)
    json_object_set_string_member (labels, label[0], label[1]);
  json_object_set_string_member (object, "Hostname", config->hostname);
  json_object_set_string_member (object, "User", config->user);
  json_object_set_boolean_member (object, "OpenStdin", config->keep_stdin);
  json_object_set_boolean_member (object, "Tty", config->tty);
  json_object_set_array_member (object, "Env",
                                cpd_json_array_from_strv ((const char *const *) config->env));
  json_object_set_array_member (object, "Cmd",
                                cpd_json_array_from_strv ((const char *const *) config->args));
  json_object_set_string_member (object, "Image", row->image);
  json_object_set_string_member (object, "WorkingDir", config->workdir);
  json_object_set_object_member (object, "Labels", labels);
  json_object_set_int_member (object, "StopSignal", config->stop_signal);
  json_object_set_int_member (object, "StopTimeout", config->stop_timeout);
  return object;
}

static JsonObject *
host_config_object (CpdEngine *engine, const CpdContainerRow *row, const CpdContainerConfig *config,
                    const char *log_path)
{
  g_autoptr(CpdConfig) settings = cpd_engine_ref_config (engine);
  JsonObject *object = json_object_new ();
  JsonObject *log = json_object_new ();
  JsonObject *restart = json_object_new ();

  json_object_set_string_member (log, "Type", "k8s-file");
  json_object_set_string_member (log, "Path", log_path);
  json_object_set_object_member (object, "LogConfig", log);
  json_object_set_string_member (object, "NetworkMode", config->network);
  json_object_set_string_member (restart, "Name", cpd_restart_policy_get_name (&config->restart));
  json_object_set_int_member (restart, "MaximumRetryCount", config->restart.retries);
  json_object_set_object_member (object, "RestartPolicy", restart);
  json_object_set_boolean_member (object, "AutoRemove", row->auto_remove);
  json_object_set_boolean_member (object, "ReadonlyRootfs", config->read_only);
  json_object_set_boolean_member (object, "Privileged", config->privileged);
  json_object_set_array_member (object, "CapAdd", cpd_json_array_from_strv (
                                  (const char *const *) config->added_capabilities));
  cpd_container_limits_add_to_inspect (&config->limits, settings, object);
  cpd_cgroup_config_add_to_inspect (&config->cgroup, object);
  return object;
}

/* One that recorded none is run by the default. */
static const char *
runtime_name (CpdEngine *engine, const CpdContainerConfig *config)
{
  const CpdOciRuntime *runtime;

  if (config->oci_runtime != NULL)
    return config->oci_runtime;
  runtime = cpd_oci_runtimes_find (engine->config->runtimes, NULL, NULL);
  return runtime != NULL ? runtime->name : "";
}

static JsonArray *
exec_ids (CpdEngine *engine, const char *id)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_execs (engine->store, id, FALSE, NULL);
  JsonArray *ids = json_array_new ();

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    json_array_add_string_element (ids, ((CpdExecRow *) rows->pdata[i])->id);
  return ids;
}

static gboolean
add_sizes (CpdEngine *engine, const CpdContainerRow *row, JsonObject *object, GError **error)
{
  gint64 rw, root;

  if (!cpd_engine_measure (engine, row, &rw, &root, error))
    return FALSE;
  json_object_set_int_member (object, "SizeRw", rw);
  json_object_set_int_member (object, "SizeRootFs", root);
  return TRUE;
}

char *
cpd_engine_inspect_container (CpdEngine *engine, const char *id, gboolean size, GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);
  g_autoptr(CpdContainerConfig) config = NULL;
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *log_path = cpd_engine_log_path (engine, id);
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  JsonArray *args;

  if (row == NULL)
    return NULL;
  config = cpd_container_config_parse (row->config, error);
  if (config == NULL)
    {
      g_prefix_error (error, "failed to inspect container %s: ", row->name);
      return NULL;
    }
  args = cpd_json_array_from_strv ((const char *const *) config->args + 1);
  json_object_set_string_member (object, "Id", row->id);
  cpd_json_set_time (object, "Created", row->created);
  json_object_set_string_member (object, "Path", config->args[0]);
  json_object_set_array_member (object, "Args", args);
  json_object_set_object_member (object, "State", state_object (engine, row));
  json_object_set_string_member (object, "Image", row->image_id);
  json_object_set_string_member (object, "ImageName", row->image);
  json_object_set_string_member (object, "Name", row->name);
  json_object_set_string_member (object, "Namespace", row->namespace);
  json_object_set_array_member (object, "Dependencies",
                                cpd_json_array_from_strv ((const char *const *) row->depends));
  json_object_set_int_member (object, "RestartCount", row->status.restarts);
  json_object_set_string_member (object, "OCIRuntime", runtime_name (engine, config));
  json_object_set_string_member (object, "Driver", cpd_storage_get_rw_driver (engine->storage, row->id));
  json_object_set_string_member (object, "BundlePath", bundle);
  json_object_set_array_member (object, "EffectiveCaps", cpd_json_array_from_strv (
                                  (const char *const *) config->capabilities));
  json_object_set_array_member (object, "ExecIDs", exec_ids (engine, row->id));
  json_object_set_object_member (object, "Config", config_object (row, config));
  json_object_set_object_member (object, "HostConfig", host_config_object (engine, row, config, log_path));
  return !size || add_sizes (engine, row, object, error) ? cpd_json_print_object (object) : NULL;
}
