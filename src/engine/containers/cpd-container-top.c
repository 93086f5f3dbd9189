/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-container-top.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "engine/host/cpd-cgroup.h"
#include "engine/host/cpd-process-args.h"
#include "oci/cpd-capabilities.h"
#include "oci/cpd-runtime-spec.h"
#include "public/cpod-error.h"

#define PROC "/proc"
#define ARGS_TIMEOUT_MS 2000
#define LABEL_MAX 4096
#define CHILDREN_MAX (1 << 20)

#define RUNS (CPD_STATE_BIT (CPD_CONTAINER_RUNNING) | CPD_STATE_BIT (CPD_CONTAINER_PAUSED) \
              | CPD_STATE_BIT (CPD_CONTAINER_STOPPING))

static void
top_process_free (gpointer data)
{
  CpdTopProcess *process = data;

  cpd_process_info_free (process->info);
  g_free (process->args);
  g_free (process->label);
  g_free (process);
}

void
cpd_top_free (CpdTop *top)
{
  g_clear_pointer (&top->processes, g_ptr_array_unref);
  g_clear_pointer (&top->users, g_hash_table_unref);
  g_clear_pointer (&top->groups, g_hash_table_unref);
  g_free (top);
}

char *
cpd_top_name (GHashTable *names, guint32 number)
{
  const char *name = g_hash_table_lookup (names, GUINT_TO_POINTER (number));

  return name != NULL ? g_utf8_make_valid (name, -1) : g_strdup_printf ("%u", number);
}

char **
cpd_top_capabilities (const CpdTopProcess *process, CpdCapabilitySet set)
{
  return cpd_capabilities_of_set (process->info->capabilities[set]);
}

/* Its file is the container's, and may be anything: then there are numbers. */
static GHashTable *
read_names (const char *rootfs, const char *file)
{
  g_autoptr(GError) error = NULL;
  GHashTable *names = cpd_user_read_names (rootfs, file, &error);

  if (names == NULL)
    {
      g_debug ("no names of users: %s", error->message);
      names = g_hash_table_new (NULL, NULL);
    }
  return names;
}

static char *
read_namespace (pid_t pid)
{
  g_autofree char *path = g_strdup_printf (PROC "/%d/ns/pid", (int) pid);

  return g_file_read_link (path, NULL);
}

/* Without a cgroup of its own a container is known by its PID namespace alone. */
static GArray *
list_namespace (pid_t member)
{
  g_autofree char *wanted = read_namespace (member);
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (PROC, NULL);
  GArray *pids = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint i = 0; wanted != NULL && names != NULL && i < names->len; i++)
    {
      guint32 pid = (guint32) atoi (names->pdata[i]);
      g_autofree char *namespace = pid > 0 ? read_namespace ((pid_t) pid) : NULL;

      if (g_strcmp0 (namespace, wanted) == 0)
        g_array_append_val (pids, pid);
    }
  return pids;
}

/* Children of a thread; what is no number is the end of the line. */
static void
add_children (const char *directory, const char *thread, GHashTable *known, GArray *pids)
{
  g_autofree char *path = g_build_filename (directory, thread, "children", NULL);
  g_autofree char *text = cpd_fs_read_file (path, CHILDREN_MAX, NULL);
  g_auto(GStrv) words = text != NULL ? g_strsplit (text, " ", -1) : NULL;

  for (char **word = words; word != NULL && *word != NULL; word++)
    {
      guint32 pid = (guint32) atoi (*word);

      if (pid > 0 && g_hash_table_add (known, GUINT_TO_POINTER (pid)))
        g_array_append_val (pids, pid);
    }
}

/* A cgroup does not list those that have ended and that nobody has asked for yet, so parents are asked for them. */
static GArray *
list_cgroup (const char *cgroup)
{
  GArray *pids = cpd_cgroup_list (cgroup);
  g_autoptr(GHashTable) known = g_hash_table_new (NULL, NULL);
  guint running = pids->len;

  for (guint i = 0; i < running; i++)
    g_hash_table_add (known, GUINT_TO_POINTER (g_array_index (pids, guint32, i)));
  for (guint i = 0; i < running; i++)
    {
      g_autofree char *directory = g_strdup_printf (PROC "/%u/task", g_array_index (pids, guint32, i));
      g_autoptr(GPtrArray) threads = cpd_fs_list_dir (directory, NULL);

      for (guint j = 0; threads != NULL && j < threads->len; j++)
        add_children (directory, threads->pdata[j], known, pids);
    }
  return pids;
}

static GArray *
list_pids (CpdEngine *engine, const CpdContainerRow *row)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, row->id);
  g_autofree char *cgroup = cpd_launcher_get_cgroup (engine->launcher, bundle);

  if (cgroup != NULL && strcmp (cgroup, "/") != 0 && cpd_cgroup_exists (cgroup))
    return list_cgroup (cgroup);
  return list_namespace ((pid_t) row->status.pid);
}

static int
compare_pids (gconstpointer first, gconstpointer second)
{
  const CpdTopProcess *one = *(CpdTopProcess *const *) first;
  const CpdTopProcess *other = *(CpdTopProcess *const *) second;

  return (one->info->pid > other->info->pid) - (one->info->pid < other->info->pid);
}

static GPtrArray *
read_processes (GArray *pids, guint level)
{
  GPtrArray *processes = g_ptr_array_new_with_free_func (top_process_free);

  for (guint i = 0; i < pids->len; i++)
    {
      CpdProcessInfo *info = cpd_process_info_read (PROC, (pid_t) g_array_index (pids, guint32, i), level);
      CpdTopProcess *process;

      if (info == NULL)
        continue;
      process = g_new0 (CpdTopProcess, 1);
      process->info = info;
      g_ptr_array_add (processes, process);
    }
  g_ptr_array_sort (processes, compare_pids);
  return processes;
}

static void
read_args (GPtrArray *processes)
{
  g_autoptr(GArray) pids = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr(GPtrArray) args = NULL;

  for (guint i = 0; i < processes->len; i++)
    {
      guint32 pid = (guint32) ((CpdTopProcess *) processes->pdata[i])->info->host_pid;

      g_array_append_val (pids, pid);
    }
  args = cpd_process_args_read (PROC, pids, ARGS_TIMEOUT_MS);
  for (guint i = 0; i < processes->len; i++)
    ((CpdTopProcess *) processes->pdata[i])->args = g_steal_pointer (&args->pdata[i]);
}

/* There may be no module that has labels, and then the file is there and cannot be read. */
static void
read_labels (GPtrArray *processes)
{
  for (guint i = 0; i < processes->len; i++)
    {
      CpdTopProcess *process = processes->pdata[i];
      g_autofree char *path = g_strdup_printf (PROC "/%d/attr/current", (int) process->info->host_pid);

      process->label = cpd_fs_read_file (path, LABEL_MAX, NULL);
      if (process->label != NULL)
        g_strchomp (process->label);
    }
}

/* A number may have been given to a process elsewhere before it was looked at: only what is in the container before and
 * afterwards was in it then. */
static void
keep_listed (GPtrArray *processes, GArray *pids)
{
  g_autoptr(GHashTable) listed = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < pids->len; i++)
    g_hash_table_add (listed, GUINT_TO_POINTER (g_array_index (pids, guint32, i)));
  for (guint i = processes->len; i > 0; i--)
    {
      const CpdTopProcess *process = processes->pdata[i - 1];

      if (!g_hash_table_contains (listed, GUINT_TO_POINTER (process->info->host_pid)))
        g_ptr_array_remove_index (processes, i - 1);
    }
}

static void
add_parents (GPtrArray *processes)
{
  g_autoptr(GHashTable) by_host_pid = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < processes->len; i++)
    {
      CpdTopProcess *process = processes->pdata[i];

      g_hash_table_insert (by_host_pid, GINT_TO_POINTER (process->info->host_pid), process);
    }
  for (guint i = 0; i < processes->len; i++)
    {
      CpdTopProcess *process = processes->pdata[i];
      const CpdTopProcess *parent = g_hash_table_lookup (by_host_pid, GINT_TO_POINTER (process->info->host_parent));

      process->parent = parent != NULL ? parent->info->pid : 0;
    }
}

static void
add_times (GPtrArray *processes)
{
  guint64 rate = (guint64) sysconf (_SC_CLK_TCK);
  gint64 now = cpd_clock_now (), uptime;
  struct timespec since_boot = { 0 };

  clock_gettime (CLOCK_BOOTTIME, &since_boot);
  uptime = since_boot.tv_sec * G_USEC_PER_SEC + since_boot.tv_nsec / 1000;
  for (guint i = 0; i < processes->len; i++)
    {
      CpdTopProcess *process = processes->pdata[i];
      guint64 ticks = process->info->start_ticks;
      gint64 begin = (gint64) (ticks / rate * G_USEC_PER_SEC + ticks % rate * G_USEC_PER_SEC / rate);

      process->elapsed = MAX (uptime - begin, 0);
      process->started = now - process->elapsed;
    }
}

static GPtrArray *
look (CpdEngine *engine, const CpdContainerRow *row, gboolean with_args, gboolean with_labels)
{
  int level = cpd_process_level (PROC, (pid_t) row->status.pid);
  g_autoptr(GArray) before = list_pids (engine, row);
  GPtrArray *processes = read_processes (before, (guint) MAX (level, 0));
  g_autoptr(GArray) after = NULL;

  if (with_args)
    read_args (processes);
  if (with_labels)
    read_labels (processes);
  after = list_pids (engine, row);
  keep_listed (processes, after);
  add_parents (processes);
  add_times (processes);
  return processes;
}

CpdTop *
cpd_engine_top_container (CpdEngine *engine, const char *id, gboolean with_args, gboolean with_labels, GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, RUNS, "list the processes of", error);
  g_autofree char *rootfs = NULL;
  g_autoptr(CpdTop) top = NULL;

  if (row == NULL)
    return NULL;
  top = g_new0 (CpdTop, 1);
  top->processes = look (engine, row, with_args, with_labels);
  if (top->processes->len == 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE, "cannot list the processes of container %s: it has ended",
                   row->name);
      return NULL;
    }
  rootfs = cpd_engine_rootfs_path (engine, id);
  top->users = read_names (rootfs, "etc/passwd");
  top->groups = read_names (rootfs, "etc/group");
  return g_steal_pointer (&top);
}
