/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/streams/cpd-stats.h"

#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

#define MAX_NET_FILE (1 << 20)

void
cpd_stats_free (CpdStats *stats)
{
  g_free (stats->id);
  g_free (stats->name);
  g_free (stats);
}

/* "  eth0: BYTES ..." with seven more numbers before the bytes that were sent; two lines are headings. */
static void
read_network (pid_t pid, CpdStats *stats)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/net/dev", (int) pid);
  g_autofree char *text = cpd_fs_read_file (path, MAX_NET_FILE, NULL);
  g_auto(GStrv) lines = text != NULL ? g_strsplit (text, "\n", -1) : NULL;

  for (char **line = lines; line != NULL && *line != NULL; line++)
    {
      const char *colon = strchr (*line, ':');
      char *next;

      if (colon == NULL || g_str_has_prefix (g_strchug (*line), "lo:"))
        continue;
      colon = strchr (*line, ':');
      stats->net_input += g_ascii_strtoull (colon + 1, &next, 10);
      for (int i = 0; i < 7; i++)
        g_ascii_strtoull (next, &next, 10);
      stats->net_output += g_ascii_strtoull (next, NULL, 10);
    }
}

/* What was used before the first moment that is known may be more than there was time for after it. */
static double
percent (guint64 cpu_ns, gint64 time_us)
{
  return time_us > 0 ? MIN ((double) cpu_ns / 10.0 / (double) time_us, 100.0 * g_get_num_processors ()) : 0;
}

/* A sample of an earlier run says nothing of this one. */
static const CpdStats *
find_before (GPtrArray *before, const CpdStats *stats)
{
  for (guint i = 0; before != NULL && i < before->len; i++)
    {
      const CpdStats *old = before->pdata[i];

      if (strcmp (old->id, stats->id) == 0)
        return old->started == stats->started && old->usage.cpu_ns <= stats->usage.cpu_ns ? old : NULL;
    }
  return NULL;
}

static gboolean
has_cgroup (const CpdContainerRow *row, gboolean *host_network)
{
  g_autoptr(CpdContainerConfig) config = cpd_container_config_parse (row->config, NULL);

  *host_network = config != NULL && strcmp (config->network, "host") == 0;
  return config == NULL || config->cgroup.mode != CPD_CGROUPS_DISABLED;
}

static gboolean
is_alive (CpdContainerState state)
{
  return state >= CPD_CONTAINER_RUNNING && state <= CPD_CONTAINER_STOPPING;
}

/* One that ends meanwhile has used nothing. */
static CpdStats *
sample (CpdEngine *engine, const CpdContainerRow *row, GPtrArray *before)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, row->id);
  g_autofree char *cgroup = cpd_launcher_get_cgroup (engine->launcher, bundle);
  CpdStats *stats = g_new0 (CpdStats, 1);
  const CpdStats *old;
  gboolean host_network;

  stats->id = g_strdup (row->id);
  stats->name = g_strdup (row->name);
  stats->time = cpd_clock_now ();
  if (!is_alive (row->status.state) || cgroup == NULL || !cpd_cgroup_read_usage (cgroup, &stats->usage))
    return stats;
  has_cgroup (row, &host_network);
  if (!host_network)
    read_network ((pid_t) row->status.pid, stats);
  stats->started = row->status.started;
  stats->average_cpu = percent (stats->usage.cpu_ns, stats->time - stats->started);
  old = find_before (before, stats);
  stats->cpu = old != NULL ? percent (stats->usage.cpu_ns - old->usage.cpu_ns, stats->time - old->time) : stats->average_cpu;
  return stats;
}

static gboolean
add_named (CpdEngine *engine, const char *id, GPtrArray *before, GPtrArray *all, GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);
  gboolean host_network;

  if (row == NULL)
    return FALSE;
  if (has_cgroup (row, &host_network))
    {
      g_ptr_array_add (all, sample (engine, row, before));
      return TRUE;
    }
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
               "cannot tell what container %s uses: it has no cgroup", row->name);
  return FALSE;
}

static gboolean
add_running (CpdEngine *engine, const char *namespace, GPtrArray *before, GPtrArray *all, GError **error)
{
  CpdContainerQuery query = { .namespace = namespace, .with_config = TRUE };
  g_autoptr(GPtrArray) rows = cpd_store_list_containers (engine->store, &query, error);
  gboolean host_network;

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (has_cgroup (rows->pdata[i], &host_network))
      g_ptr_array_add (all, sample (engine, rows->pdata[i], before));
  return rows != NULL;
}

GPtrArray *
cpd_engine_get_stats (CpdEngine *engine, const char *const *ids, const char *namespace, GPtrArray *before, GError **error)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_stats_free);

  if (ids == NULL)
    return add_running (engine, namespace, before, all, error) ? g_steal_pointer (&all) : NULL;
  for (const char *const *id = ids; *id != NULL; id++)
    if (!add_named (engine, *id, before, all, error))
      return NULL;
  return g_steal_pointer (&all);
}

static JsonObject *
to_object (const CpdStats *stats)
{
  JsonObject *object = json_object_new ();
  const CpdCgroupUsage *usage = &stats->usage;
  double share = usage->memory_limit > 0 ? 100.0 * (double) usage->memory / (double) usage->memory_limit : 0;

  json_object_set_string_member (object, "ContainerID", stats->id);
  json_object_set_string_member (object, "Name", stats->name);
  json_object_set_double_member (object, "AvgCPU", stats->average_cpu);
  json_object_set_double_member (object, "CPU", stats->cpu);
  json_object_set_int_member (object, "CPUNano", (gint64) usage->cpu_ns);
  json_object_set_int_member (object, "SystemNano", stats->time * 1000);
  json_object_set_int_member (object, "MemUsage", (gint64) usage->memory);
  json_object_set_int_member (object, "MemLimit", (gint64) usage->memory_limit);
  json_object_set_double_member (object, "MemPerc", share);
  json_object_set_int_member (object, "NetInput", (gint64) stats->net_input);
  json_object_set_int_member (object, "NetOutput", (gint64) stats->net_output);
  json_object_set_int_member (object, "BlockInput", (gint64) usage->read_bytes);
  json_object_set_int_member (object, "BlockOutput", (gint64) usage->written_bytes);
  json_object_set_int_member (object, "PIDs", (gint64) usage->pids);
  json_object_set_int_member (object, "UpTime", stats->started > 0 ? (stats->time - stats->started) * 1000 : 0);
  return object;
}

char *
cpd_stats_to_json (GPtrArray *stats)
{
  g_autoptr(JsonObject) object = json_object_new ();
  JsonArray *list = json_array_new ();

  for (guint i = 0; i < stats->len; i++)
    json_array_add_object_element (list, to_object (stats->pdata[i]));
  json_object_set_array_member (object, "Stats", list);
  return cpd_json_print_object (object);
}
