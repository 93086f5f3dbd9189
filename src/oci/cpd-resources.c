/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-resources.h"

#include <string.h>
#include <unistd.h>

#include "common/cpd-json.h"
#include "public/cpod-error.h"

/* What podman takes for the period of a number of processors. */
#define CPU_PERIOD 100000

/* More processors than any machine has; the quota must not overflow. */
#define CPUS_MAX 100000.0

#define V1_SWAP "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"

/* What runc and crun make cpu.weight = 100 of, the kernel's own default; 1024 comes out as 39. */
#define V2_CPU_SHARES 2598

#define BIT(which) (1u << (which))

/* Values that stand for no limit, or for the kernel's own default. */
#define NO_LIMIT 1

static const struct
{
  const char *key;              /* the option, and the member where it is recorded */
  const char *group;            /* in linux.resources */
  const char *member;
  const char *inspect;          /* in podman's HostConfig */
  gint64 min;
  gint64 max;
  guint flags;
  gint64 neutral;               /* what a cgroup has that nothing was asked of */
} table[CPD_N_RESOURCES] = {
  [CPD_RESOURCE_MEMORY] = { "memory", "memory", "limit", "Memory", 1, G_MAXINT64, NO_LIMIT, -1 },
  [CPD_RESOURCE_MEMORY_SWAP] = { "memory-swap", "memory", "swap", "MemorySwap", 1, G_MAXINT64, NO_LIMIT, -1 },
  [CPD_RESOURCE_MEMORY_RESERVATION] = { "memory-reservation", "memory", "reservation", "MemoryReservation", 1,
                                        G_MAXINT64, NO_LIMIT, -1 },
  [CPD_RESOURCE_MEMORY_SWAPPINESS] = { "memory-swappiness", "memory", "swappiness", "MemorySwappiness", 0, 100, 0, 60 },
  [CPD_RESOURCE_CPU_SHARES] = { "cpu-shares", "cpu", "shares", "CpuShares", 2, 262144, 0, 1024 },
  [CPD_RESOURCE_CPU_QUOTA] = { "cpu-quota", "cpu", "quota", "CpuQuota", 1000, G_MAXINT64, NO_LIMIT, -1 },
  [CPD_RESOURCE_CPU_PERIOD] = { "cpu-period", "cpu", "period", "CpuPeriod", 1000, 1000000, 0, CPU_PERIOD },
  [CPD_RESOURCE_BLKIO_WEIGHT] = { "blkio-weight", "blockIO", "weight", "BlkioWeight", 10, 1000, 0, 100 },
  [CPD_RESOURCE_PIDS_LIMIT] = { "pids-limit", "pids", "limit", "PidsLimit", 1, G_MAXINT64, NO_LIMIT, -1 },
};

void
cpd_resources_clear (CpdResources *resources)
{
  g_free (resources->cpuset_cpus);
  g_free (resources->cpuset_mems);
  *resources = (CpdResources) { 0 };
}

void
cpd_resources_copy (const CpdResources *resources, CpdResources *copy)
{
  *copy = *resources;
  copy->cpuset_cpus = g_strdup (resources->cpuset_cpus);
  copy->cpuset_mems = g_strdup (resources->cpuset_mems);
}

gboolean
cpd_resources_is_empty (const CpdResources *resources)
{
  return resources->set == 0 && resources->cpuset_cpus == NULL && resources->cpuset_mems == NULL
         && !resources->oom_kill_disable;
}

gint64
cpd_resources_get (const CpdResources *resources, CpdResource which)
{
  return (resources->set & BIT (which)) != 0 ? resources->values[which] : 0;
}

void
cpd_resources_set (CpdResources *resources, CpdResource which, gint64 value)
{
  resources->set |= BIT (which);
  resources->values[which] = value;
}

const char *
cpd_resource_get_key (CpdResource which)
{
  return table[which].key;
}

static gboolean
refuse (GError **error, const char *key, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
refuse (GError **error, const char *key, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "option '%s': %s", key, text);
  return FALSE;
}

static gboolean
apply_number (CpdResources *resources, CpdResource which, gint64 value, GError **error)
{
  gboolean may_be_unlimited = (table[which].flags & NO_LIMIT) != 0;

  if (may_be_unlimited && (value == 0 || value == -1))
    value = -1;
  else if (value < table[which].min || value > table[which].max)
    return refuse (error, table[which].key, "%" G_GINT64_FORMAT " is not from %" G_GINT64_FORMAT
                   " to %" G_GINT64_FORMAT "%s", value, table[which].min, table[which].max,
                   may_be_unlimited ? ", nor -1 for no limit" : "");
  cpd_resources_set (resources, which, value);
  return TRUE;
}

static gboolean
apply_cpus (CpdResources *resources, GVariant *options, GError **error)
{
  double cpus;

  if (!g_variant_lookup (options, "cpus", "d", &cpus))
    return TRUE;
  if (g_variant_lookup (options, "cpu-quota", "x", NULL) || g_variant_lookup (options, "cpu-period", "x", NULL))
    return refuse (error, "cpus", "it sets cpu-quota and cpu-period, so they cannot be given too");
  /* Written so that what is no number is refused. */
  if (!(cpus == 0 || (cpus >= 0.01 && cpus <= CPUS_MAX)))
    return refuse (error, "cpus", "%g is no number of processors: give 0.01 or more, or 0 for no limit", cpus);
  cpd_resources_set (resources, CPD_RESOURCE_CPU_PERIOD, CPU_PERIOD);
  cpd_resources_set (resources, CPD_RESOURCE_CPU_QUOTA, cpus == 0 ? -1 : (gint64) (cpus * CPU_PERIOD + 0.5));
  return TRUE;
}

/* "0-2,4", as the kernel reads it; whether there are such is its to tell. */
static gboolean
is_cpuset (const char *text)
{
  return g_regex_match_simple ("^[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*$", text,
                               G_REGEX_DOLLAR_ENDONLY, 0);
}

static gboolean
apply_cpuset (char **field, GVariant *options, const char *key, GError **error)
{
  const char *text;

  if (!g_variant_lookup (options, key, "&s", &text))
    return TRUE;
  if (!is_cpuset (text))
    return refuse (error, key, "'%s' is no list like 0-2,4", text);
  g_free (*field);
  *field = g_strdup (text);
  return TRUE;
}

/* Without a limit of its own, swap is as much again as memory, as with podman; some v1 kernels do not count it. */
static void
default_swap (CpdResources *resources, GVariant *options, gboolean cgroup_v2)
{
  gint64 memory = cpd_resources_get (resources, CPD_RESOURCE_MEMORY);

  if (!g_variant_lookup (options, "memory", "x", NULL) || g_variant_lookup (options, "memory-swap", "x", NULL)
      || (!cgroup_v2 && access (V1_SWAP, F_OK) < 0))
    return;
  cpd_resources_set (resources, CPD_RESOURCE_MEMORY_SWAP, memory > 0 && memory <= G_MAXINT64 / 2 ? memory * 2 : -1);
}

static gboolean
check_whole (const CpdResources *resources, gboolean cgroup_v2, GError **error)
{
  gint64 memory = cpd_resources_get (resources, CPD_RESOURCE_MEMORY);
  gint64 swap = cpd_resources_get (resources, CPD_RESOURCE_MEMORY_SWAP);
  gint64 reservation = cpd_resources_get (resources, CPD_RESOURCE_MEMORY_RESERVATION);

  if (swap > 0 && memory <= 0)
    return refuse (error, "memory-swap", "it needs the option memory, which it includes");
  if (swap > 0 && swap < memory)
    return refuse (error, "memory-swap", "%" G_GINT64_FORMAT " is less than memory, which it includes: %"
                   G_GINT64_FORMAT, swap, memory);
  if (reservation > 0 && memory > 0 && reservation > memory)
    return refuse (error, "memory-reservation", "%" G_GINT64_FORMAT " is more than memory: %" G_GINT64_FORMAT,
                   reservation, memory);
  if (cgroup_v2 && (resources->set & BIT (CPD_RESOURCE_MEMORY_SWAPPINESS)) != 0)
    return refuse (error, "memory-swappiness", "cgroup v2 has no such setting");
  if (cgroup_v2 && resources->oom_kill_disable)
    return refuse (error, "oom-kill-disable", "cgroup v2 has no such setting");
  return TRUE;
}

gboolean
cpd_resources_apply_options (CpdResources *resources, GVariant *options, gboolean cgroup_v2, GError **error)
{
  gint64 value;

  for (guint i = 0; i < CPD_N_RESOURCES; i++)
    if (g_variant_lookup (options, table[i].key, "x", &value) && !apply_number (resources, i, value, error))
      return FALSE;
  if (!apply_cpus (resources, options, error)
      || !apply_cpuset (&resources->cpuset_cpus, options, "cpuset-cpus", error)
      || !apply_cpuset (&resources->cpuset_mems, options, "cpuset-mems", error))
    return FALSE;
  g_variant_lookup (options, "oom-kill-disable", "b", &resources->oom_kill_disable);
  default_swap (resources, options, cgroup_v2);
  return check_whole (resources, cgroup_v2, error);
}

/* All that the machine has: what a cgroup gets that was not asked for less. */
static char *
undo_cpuset (const char *before, const char *after, const char *all)
{
  g_autofree char *text = NULL;

  if (after == NULL || g_strcmp0 (before, after) == 0)
    return NULL;
  if (before != NULL)
    return g_strdup (before);
  if (!g_file_get_contents (all, &text, NULL, NULL))
    return NULL;
  return g_strdup (g_strchomp (text));
}

static gint64
neutral_value (CpdResource which, gboolean cgroup_v2)
{
  if (cgroup_v2 && which == CPD_RESOURCE_MEMORY_RESERVATION)
    return 1;                   /* there it is protection, not a limit: one byte is no page, so it is none */
  if (cgroup_v2 && which == CPD_RESOURCE_CPU_SHARES)
    return V2_CPU_SHARES;
  return table[which].neutral;
}

void
cpd_resources_undo (const CpdResources *before, const CpdResources *after, gboolean cgroup_v2, CpdResources *undo)
{
  *undo = (CpdResources) { 0 };
  for (guint i = 0; i < CPD_N_RESOURCES; i++)
    if ((after->set & BIT (i)) != 0
        && ((before->set & BIT (i)) == 0 || before->values[i] != after->values[i]))
      cpd_resources_set (undo, i, (before->set & BIT (i)) != 0 ? before->values[i] : neutral_value (i, cgroup_v2));
  undo->cpuset_cpus = undo_cpuset (before->cpuset_cpus, after->cpuset_cpus, "/sys/devices/system/cpu/online");
  undo->cpuset_mems = undo_cpuset (before->cpuset_mems, after->cpuset_mems, "/sys/devices/system/node/online");
}

JsonObject *
cpd_resources_to_object (const CpdResources *resources)
{
  JsonObject *object = json_object_new ();

  for (guint i = 0; i < CPD_N_RESOURCES; i++)
    if ((resources->set & BIT (i)) != 0)
      json_object_set_int_member (object, table[i].key, resources->values[i]);
  cpd_json_set_string (object, "cpuset-cpus", resources->cpuset_cpus);
  cpd_json_set_string (object, "cpuset-mems", resources->cpuset_mems);
  if (resources->oom_kill_disable)
    json_object_set_boolean_member (object, "oom-kill-disable", TRUE);
  return object;
}

void
cpd_resources_from_object (CpdResources *resources, JsonObject *object)
{
  for (guint i = 0; object != NULL && i < CPD_N_RESOURCES; i++)
    if (json_object_has_member (object, table[i].key))
      cpd_resources_set (resources, i, cpd_json_get_int (object, table[i].key));
  resources->cpuset_cpus = g_strdup (cpd_json_get_string (object, "cpuset-cpus"));
  resources->cpuset_mems = g_strdup (cpd_json_get_string (object, "cpuset-mems"));
  resources->oom_kill_disable = cpd_json_get_boolean (object, "oom-kill-disable");
}

/* The group of SPEC, made when it is not there yet. */
static JsonObject *
get_group (JsonObject *spec, const char *name)
{
  JsonObject *group = cpd_json_get_object (spec, name);

  if (group == NULL)
    {
      group = json_object_new ();
      json_object_set_object_member (spec, name, group);
    }
  return group;
}

void
cpd_resources_add_to_spec (const CpdResources *resources, JsonObject *spec)
{
  for (guint i = 0; i < CPD_N_RESOURCES; i++)
    if ((resources->set & BIT (i)) != 0)
      json_object_set_int_member (get_group (spec, table[i].group), table[i].member, resources->values[i]);
  if (resources->cpuset_cpus != NULL)
    json_object_set_string_member (get_group (spec, "cpu"), "cpus", resources->cpuset_cpus);
  if (resources->cpuset_mems != NULL)
    json_object_set_string_member (get_group (spec, "cpu"), "mems", resources->cpuset_mems);
  if (resources->oom_kill_disable)
    json_object_set_boolean_member (get_group (spec, "memory"), "disableOOMKiller", TRUE);
}

/* podman shows the quota as processors too. */
static gint64
nano_cpus (const CpdResources *resources)
{
  gint64 quota = cpd_resources_get (resources, CPD_RESOURCE_CPU_QUOTA);
  gint64 period = cpd_resources_get (resources, CPD_RESOURCE_CPU_PERIOD);

  if (quota <= 0)
    return 0;
  return (gint64) ((double) quota / (double) (period > 0 ? period : CPU_PERIOD) * 1e9);
}

void
cpd_resources_add_to_inspect (const CpdResources *resources, JsonObject *host_config)
{
  for (guint i = 0; i < CPD_N_RESOURCES; i++)
    json_object_set_int_member (host_config, table[i].inspect, cpd_resources_get (resources, i));
  if ((resources->set & BIT (CPD_RESOURCE_MEMORY_SWAPPINESS)) == 0)
    json_object_set_int_member (host_config, "MemorySwappiness", -1);
  json_object_set_int_member (host_config, "NanoCpus", nano_cpus (resources));
  json_object_set_string_member (host_config, "CpusetCpus",
                                 resources->cpuset_cpus != NULL ? resources->cpuset_cpus : "");
  json_object_set_string_member (host_config, "CpusetMems",
                                 resources->cpuset_mems != NULL ? resources->cpuset_mems : "");
  json_object_set_boolean_member (host_config, "OomKillDisable", resources->oom_kill_disable);
}
