/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-container-limits.h"

#include "common/cpd-json.h"
#include "oci/cpd-ulimits.h"
#include "public/cpod-error.h"

/* The kernel's bounds. */
#define OOM_SCORE_MIN (-1000)
#define OOM_SCORE_MAX 1000

void
cpd_container_limits_clear (CpdContainerLimits *limits)
{
  cpd_resources_clear (&limits->resources);
  g_clear_pointer (&limits->ulimits, g_strfreev);
}

static gboolean
set_resources (CpdContainerLimits *limits, GVariant *options, gboolean without_cgroup, const CpdConfig *settings,
               GError **error)
{
  if (!cpd_resources_apply_options (&limits->resources, options, cpd_config_is_cgroup_v2 (), error))
    return FALSE;
  if (without_cgroup)
    {
      if (cpd_resources_is_empty (&limits->resources))
        return TRUE;
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           "option 'cgroups': without a cgroup a container cannot have limits of memory, processors,"
                           " processes and devices");
      return FALSE;
    }
  if (cpd_resources_get (&limits->resources, CPD_RESOURCE_PIDS_LIMIT) == 0)
    cpd_resources_set (&limits->resources, CPD_RESOURCE_PIDS_LIMIT,
                       settings->pids_limit > 0 ? settings->pids_limit : -1);
  return TRUE;
}

static gboolean
set_oom_score (CpdContainerLimits *limits, GVariant *options, GError **error)
{
  limits->has_oom_score_adj = g_variant_lookup (options, "oom-score-adj", "i", &limits->oom_score_adj);
  if (!limits->has_oom_score_adj
      || (limits->oom_score_adj >= OOM_SCORE_MIN && limits->oom_score_adj <= OOM_SCORE_MAX))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "option 'oom-score-adj': %d is not from %d to %d",
               limits->oom_score_adj, OOM_SCORE_MIN, OOM_SCORE_MAX);
  return FALSE;
}

static gboolean
set_shm_size (CpdContainerLimits *limits, GVariant *options, const CpdConfig *settings, GError **error)
{
  limits->shm_size = settings->shm_size;
  if (!g_variant_lookup (options, "shm-size", "x", &limits->shm_size) || limits->shm_size > 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "option 'shm-size': %" G_GINT64_FORMAT " is no number of bytes above 0", limits->shm_size);
  return FALSE;
}

static gboolean
set_ulimits (CpdContainerLimits *limits, GVariant *options, GError **error)
{
  g_variant_lookup (options, "ulimit", "^as", &limits->ulimits);
  for (char **limit = limits->ulimits; limit != NULL && *limit != NULL; limit++)
    if (!cpd_ulimit_check (*limit, error))
      {
        g_prefix_error (error, "option 'ulimit': ");
        return FALSE;
      }
  return TRUE;
}

gboolean
cpd_container_limits_set (CpdContainerLimits *limits, GVariant *options, gboolean without_cgroup,
                          const CpdConfig *settings, GError **error)
{
  limits->is_recorded = TRUE;
  return set_resources (limits, options, without_cgroup, settings, error)
         && set_oom_score (limits, options, error)
         && set_shm_size (limits, options, settings, error)
         && set_ulimits (limits, options, error);
}

void
cpd_container_limits_add_to_object (const CpdContainerLimits *limits, JsonObject *object)
{
  if (!limits->is_recorded)
    return;
  json_object_set_object_member (object, "resources", cpd_resources_to_object (&limits->resources));
  if (limits->has_oom_score_adj)
    json_object_set_int_member (object, "oomScoreAdj", limits->oom_score_adj);
  json_object_set_int_member (object, "shmSize", limits->shm_size);
  if (limits->ulimits != NULL)
    cpd_json_set_strv (object, "ulimits", (const char *const *) limits->ulimits);
}

void
cpd_container_limits_from_object (CpdContainerLimits *limits, JsonObject *object)
{
  JsonObject *resources = cpd_json_get_object (object, "resources");

  limits->is_recorded = resources != NULL;
  cpd_resources_from_object (&limits->resources, resources);
  limits->has_oom_score_adj = json_object_has_member (object, "oomScoreAdj");
  limits->oom_score_adj = (int) cpd_json_get_int (object, "oomScoreAdj");
  limits->shm_size = cpd_json_get_int (object, "shmSize");
  limits->ulimits = cpd_json_get_strv (object, "ulimits");
}

/* The usual ones are as they would be now. */
static JsonArray *
list_ulimits (const CpdContainerLimits *limits, const CpdConfig *settings)
{
  JsonArray *list = cpd_ulimits_to_array ((const char *const *) settings->ulimits,
                                          (const char *const *) limits->ulimits, NULL);
  JsonArray *shown = json_array_new ();

  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++)
    {
      JsonObject *limit = json_array_get_object_element (list, i);
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, "Name", cpd_json_get_string (limit, "type"));
      json_object_set_int_member (object, "Soft", cpd_json_get_int (limit, "soft"));
      json_object_set_int_member (object, "Hard", cpd_json_get_int (limit, "hard"));
      json_array_add_object_element (shown, object);
    }
  g_clear_pointer (&list, json_array_unref);
  return shown;
}

void
cpd_container_limits_add_to_inspect (const CpdContainerLimits *limits, const CpdConfig *settings,
                                     JsonObject *host_config)
{
  cpd_resources_add_to_inspect (&limits->resources, host_config);
  json_object_set_int_member (host_config, "OomScoreAdj", limits->oom_score_adj);
  json_object_set_int_member (host_config, "ShmSize", limits->shm_size > 0 ? limits->shm_size : settings->shm_size);
  json_object_set_array_member (host_config, "Ulimits", list_ulimits (limits, settings));
}
