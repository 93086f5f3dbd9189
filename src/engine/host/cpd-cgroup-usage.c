/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host/cpd-cgroup-usage.h"

#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "engine/host/cpd-cgroup.h"

#define MAX_FILE (256 << 10)

/* One cgroup, wherever its files are. */
typedef struct
{
  const char *const *hierarchies;
  const char *path;
} Cgroup;

/* The files of cgroup v1 and v2 have different names, but for "pids.current", so the first one is right. */
static char *
read_file (const Cgroup *cgroup, const char *name)
{
  for (const char *const *hierarchy = cgroup->hierarchies; *hierarchy != NULL; hierarchy++)
    {
      g_autofree char *path = g_build_filename (*hierarchy, cgroup->path, name, NULL);
      char *text = cpd_fs_read_file (path, MAX_FILE, NULL);

      if (text != NULL)
        return text;
    }
  return NULL;
}

/* "max" is no number, and stands for the largest. */
static gboolean
read_number (const Cgroup *cgroup, const char *name, guint64 *number)
{
  g_autofree char *text = read_file (cgroup, name);

  if (text == NULL)
    return FALSE;
  *number = g_str_has_prefix (text, "max") ? G_MAXUINT64 : g_ascii_strtoull (text, NULL, 10);
  return TRUE;
}

/* Of a file of lines "KEY NUMBER". */
static guint64
read_member (const Cgroup *cgroup, const char *name, const char *key)
{
  g_autofree char *text = read_file (cgroup, name);
  g_auto(GStrv) lines = text != NULL ? g_strsplit (text, "\n", -1) : NULL;
  gsize length = strlen (key);

  for (char **line = lines; line != NULL && *line != NULL; line++)
    if (strncmp (*line, key, length) == 0 && (*line)[length] == ' ')
      return g_ascii_strtoull (*line + length, NULL, 10);
  return 0;
}

static guint64
all_memory (void)
{
  return (guint64) sysconf (_SC_PHYS_PAGES) * (guint64) sysconf (_SC_PAGESIZE);
}

static void
read_memory (const Cgroup *cgroup, CpdCgroupUsage *usage)
{
  guint64 cached;

  if (read_number (cgroup, "memory.current", &usage->memory))
    cached = read_member (cgroup, "memory.stat", "inactive_file");
  else
    {
      read_number (cgroup, "memory.usage_in_bytes", &usage->memory);
      cached = read_member (cgroup, "memory.stat", "total_inactive_file");
    }
  usage->memory -= MIN (cached, usage->memory);
  usage->memory_limit = G_MAXUINT64;
  if (!read_number (cgroup, "memory.max", &usage->memory_limit))
    read_number (cgroup, "memory.limit_in_bytes", &usage->memory_limit);
  usage->memory_limit = MIN (usage->memory_limit, all_memory ());
}

static void
read_cpu (const Cgroup *cgroup, CpdCgroupUsage *usage)
{
  if (!read_number (cgroup, "cpuacct.usage", &usage->cpu_ns))
    usage->cpu_ns = read_member (cgroup, "cpu.stat", "usage_usec") * 1000;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 ..." for each device. */
static gboolean
add_devices (const Cgroup *cgroup, CpdCgroupUsage *usage)
{
  g_autofree char *text = read_file (cgroup, "io.stat");
  g_auto(GStrv) words = text != NULL ? g_strsplit_set (text, " \n", -1) : NULL;

  for (char **word = words; word != NULL && *word != NULL; word++)
    {
      if (g_str_has_prefix (*word, "rbytes="))
        usage->read_bytes += g_ascii_strtoull (*word + strlen ("rbytes="), NULL, 10);
      else if (g_str_has_prefix (*word, "wbytes="))
        usage->written_bytes += g_ascii_strtoull (*word + strlen ("wbytes="), NULL, 10);
    }
  return text != NULL;
}

/* "8:0 Read 1", "8:0 Write 2" and others for each device, and a sum. */
static void
add_devices_v1 (const Cgroup *cgroup, CpdCgroupUsage *usage)
{
  g_autofree char *text = read_file (cgroup, "blkio.throttle.io_service_bytes_recursive");
  g_auto(GStrv) lines = NULL;

  if (text == NULL)
    text = read_file (cgroup, "blkio.throttle.io_service_bytes");
  lines = text != NULL ? g_strsplit (text, "\n", -1) : NULL;
  for (char **line = lines; line != NULL && *line != NULL; line++)
    {
      g_auto(GStrv) words = g_strsplit (*line, " ", 3);

      if (g_strv_length (words) != 3)
        continue;
      if (strcmp (words[1], "Read") == 0)
        usage->read_bytes += g_ascii_strtoull (words[2], NULL, 10);
      else if (strcmp (words[1], "Write") == 0)
        usage->written_bytes += g_ascii_strtoull (words[2], NULL, 10);
    }
}

static gboolean
exists (const Cgroup *cgroup)
{
  for (const char *const *hierarchy = cgroup->hierarchies; *hierarchy != NULL; hierarchy++)
    {
      g_autofree char *path = g_build_filename (*hierarchy, cgroup->path, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        return TRUE;
    }
  return FALSE;
}

gboolean
cpd_cgroup_read_usage_below (const char *const *hierarchies, const char *path, CpdCgroupUsage *usage)
{
  const Cgroup cgroup = { hierarchies, path };

  *usage = (CpdCgroupUsage) { 0 };
  if (!exists (&cgroup))
    return FALSE;
  read_cpu (&cgroup, usage);
  read_memory (&cgroup, usage);
  read_number (&cgroup, "pids.current", &usage->pids);
  if (!add_devices (&cgroup, usage))
    add_devices_v1 (&cgroup, usage);
  return TRUE;
}

gboolean
cpd_cgroup_read_usage (const char *path, CpdCgroupUsage *usage)
{
  return cpd_cgroup_read_usage_below (cpd_cgroup_hierarchies (), path, usage);
}
