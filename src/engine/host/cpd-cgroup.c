/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host/cpd-cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-names.h"

#define MOUNTS "/sys/fs/cgroup"

/* How long the kernel may take to let go of a process that was killed. */
#define KILL_TRIES 200
#define KILL_PAUSE_US (10 * 1000)

static gboolean
is_hierarchy (const char *path)
{
  struct statfs info;

  return statfs (path, &info) == 0
         && ((guint) info.f_type == CGROUP_SUPER_MAGIC || (guint) info.f_type == CGROUP2_SUPER_MAGIC);
}

/* A directory in that tmpfs which is no mount is none, though an OCI runtime may have made it. */
static char **
find_hierarchies (void)
{
  g_autoptr(GStrvBuilder) found = g_strv_builder_new ();
  g_autoptr(GPtrArray) names = NULL;

  if (is_hierarchy (MOUNTS))
    {
      g_strv_builder_add (found, MOUNTS);
      return g_strv_builder_end (found);
    }
  names = cpd_fs_list_dir (MOUNTS, NULL);
  for (guint i = 0; names != NULL && i < names->len; i++)
    {
      g_autofree char *path = g_build_filename (MOUNTS, names->pdata[i], NULL);
      struct stat info;

      if (lstat (path, &info) == 0 && S_ISDIR (info.st_mode) && is_hierarchy (path))
        g_strv_builder_add (found, path);
    }
  return g_strv_builder_end (found);
}

/* Where cgroups are mounted; that does not change while the machine runs. */
static char **
hierarchies (void)
{
  static char **found;

  if (g_once_init_enter (&found))
    g_once_init_leave (&found, find_hierarchies ());
  return found;
}

const char *const *
cpd_cgroup_hierarchies (void)
{
  return (const char *const *) hierarchies ();
}

/* "a-b.slice" is within "a.slice". */
static char *
path_of_slice (const char *slice)
{
  g_autoptr(GString) path = g_string_new (NULL);

  if (strcmp (slice, "-.slice") == 0)
    return g_strdup ("/");
  for (const char *dash = strchr (slice, '-'); dash != NULL; dash = strchr (dash + 1, '-'))
    g_string_append_printf (path, "/%.*s.slice", (int) (dash - slice), slice);
  g_string_append_printf (path, "/%s", slice);
  return g_string_free (g_steal_pointer (&path), FALSE);
}

char *
cpd_cgroup_path_of_spec (const char *spec_path)
{
  g_auto(GStrv) parts = NULL;
  g_autofree char *slice = NULL, *scope = NULL;

  if (*spec_path == '/')
    return g_strdup (spec_path);
  parts = g_strsplit (spec_path, ":", 3);
  if (g_strv_length (parts) != 3)
    return g_build_filename ("/", spec_path, NULL);
  slice = path_of_slice (parts[0]);
  scope = g_strdup_printf ("%s-%s.scope", parts[1], parts[2]);
  return g_build_filename (slice, scope, NULL);
}

char *
cpd_cgroup_of_process (pid_t pid)
{
  g_autofree char *file = g_strdup_printf ("/proc/%d/cgroup", (int) pid);
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;
  const char *found = "/";

  if (!g_file_get_contents (file, &text, NULL, NULL))
    return g_strdup (found);
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, "0::/"))
      found = *line + strlen ("0::");
  return g_strdup (found);
}

static char *
directory_of (const char *hierarchy, const char *path)
{
  return g_build_filename (hierarchy, path, NULL);
}

gboolean
cpd_cgroup_exists (const char *path)
{
  for (char **hierarchy = hierarchies (); *hierarchy != NULL; hierarchy++)
    {
      g_autofree char *directory = directory_of (*hierarchy, path);

      if (g_file_test (directory, G_FILE_TEST_IS_DIR))
        return TRUE;
    }
  return FALSE;
}

/* Files of cgroups take what is written at once. */
static gboolean
write_to (const char *directory, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  cpd_autofd int fd = open (path, O_WRONLY | O_CLOEXEC);

  return fd >= 0 && write (fd, text, strlen (text)) == (ssize_t) strlen (text);
}

static char **
read_pids (const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "cgroup.procs", NULL);
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return g_new0 (char *, 1);
  return g_strsplit (g_strchomp (text), "\n", -1);
}

/* Calls FUNC for the cgroup at DIRECTORY and all below it, the deepest first. */
static void
walk (const char *directory, void (*func) (const char *directory, gpointer data), gpointer data)
{
  g_autoptr(GDir) entries = g_dir_open (directory, 0, NULL);
  const char *name;

  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *below = g_build_filename (directory, name, NULL);

      if (g_file_test (below, G_FILE_TEST_IS_DIR))
        walk (below, func, data);
    }
  if (entries != NULL)
    func (directory, data);
}

/* Cgroup v1 has no such file, so there each process is killed by itself; the caller does it until none is left. */
static void
kill_one (const char *directory, gpointer data)
{
  g_auto(GStrv) pids = NULL;

  if (write_to (directory, "cgroup.kill", "1"))
    return;
  pids = read_pids (directory);
  for (char **pid = pids; *pid != NULL; pid++)
    if (atoi (*pid) > 1)
      kill (atoi (*pid), SIGKILL);
}

static void
remove_one (const char *directory, gpointer data)
{
  rmdir (directory);
}

static void
each_directory (const char *path, void (*func) (const char *directory, gpointer data), gpointer data)
{
  for (char **hierarchy = hierarchies (); *hierarchy != NULL; hierarchy++)
    {
      g_autofree char *directory = directory_of (*hierarchy, path);

      walk (directory, func, data);
    }
}

static void
look_for_processes (const char *directory, gpointer data)
{
  g_auto(GStrv) pids = read_pids (directory);

  if (pids[0] != NULL && *pids[0] != '\0')
    *(gboolean *) data = TRUE;
}

static gboolean
has_processes (const char *path)
{
  gboolean found = FALSE;

  each_directory (path, look_for_processes, &found);
  return found;
}

static void
add_processes (const char *directory, gpointer data)
{
  g_auto(GStrv) pids = read_pids (directory);

  for (char **pid = pids; *pid != NULL; pid++)
    if (atoi (*pid) > 0)
      g_hash_table_add (data, GINT_TO_POINTER (atoi (*pid)));
}

GArray *
cpd_cgroup_list (const char *path)
{
  g_autoptr(GHashTable) found = g_hash_table_new (NULL, NULL);
  GArray *pids = g_array_new (FALSE, FALSE, sizeof (guint32));
  GHashTableIter iter;
  gpointer pid;

  each_directory (path, add_processes, found);
  g_hash_table_iter_init (&iter, found);
  while (g_hash_table_iter_next (&iter, &pid, NULL))
    {
      guint32 number = (guint32) GPOINTER_TO_INT (pid);

      g_array_append_val (pids, number);
    }
  return pids;
}

/* Only a container's own, which is named like it: what is done here would be the end of any other. */
static gboolean
check_own (const char *path, GError **error)
{
  g_autofree char *base = g_path_get_basename (path);
  const char *id = g_str_has_prefix (base, "cpod-") ? base + strlen ("cpod-") : base;

  if (g_str_has_suffix (base, ".scope"))
    base[strlen (base) - strlen (".scope")] = '\0';
  if (*path == '/' && strstr (path, "/../") == NULL && cpd_id_is_valid (id))
    return TRUE;
  cpd_set_error_errno (error, EINVAL, "'%s' is no cgroup of a container", path);
  return FALSE;
}

gboolean
cpd_cgroup_kill (const char *path, GError **error)
{
  if (!check_own (path, error))
    return FALSE;
  for (int i = 0; i < KILL_TRIES; i++)
    {
      each_directory (path, kill_one, NULL);
      if (!has_processes (path))
        return TRUE;
      g_usleep (KILL_PAUSE_US);
    }
  cpd_set_error_errno (error, EBUSY, "failed to end the processes in cgroup %s", path);
  return FALSE;
}

gboolean
cpd_cgroup_remove (const char *path, GError **error)
{
  if (!check_own (path, error))
    return FALSE;
  for (int i = 0; i < KILL_TRIES; i++)
    {
      each_directory (path, remove_one, NULL);
      if (!cpd_cgroup_exists (path))
        return TRUE;
      each_directory (path, kill_one, NULL);
      g_usleep (KILL_PAUSE_US);
    }
  cpd_set_error_errno (error, EBUSY, "failed to remove cgroup %s", path);
  return FALSE;
}

gboolean
cpd_cgroup_freeze (const char *path, gboolean freeze, GError **error)
{
  g_autofree char *v1 = g_build_filename (MOUNTS, "freezer", path, NULL);
  g_autofree char *v2 = g_build_filename (MOUNTS, path, NULL);

  if (!check_own (path, error))
    return FALSE;
  if (write_to (v1, "freezer.state", freeze ? "FROZEN" : "THAWED")
      || write_to (v2, "cgroup.freeze", freeze ? "1" : "0"))
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to %s cgroup %s", freeze ? "freeze" : "thaw", path);
  return FALSE;
}

gboolean
cpd_cgroup_move (const char *path, pid_t pid, GError **error)
{
  g_autofree char *text = g_strdup_printf ("%d", (int) pid);

  for (char **hierarchy = hierarchies (); *hierarchy != NULL; hierarchy++)
    {
      g_autofree char *directory = directory_of (*hierarchy, path);

      /* A fresh cpuset has no processors, so nothing can run there. */
      if (g_str_has_suffix (*hierarchy, "/cpuset"))
        continue;
      if (!cpd_fs_mkdir_p (directory, 0755, error))
        return FALSE;
      if (!write_to (directory, "cgroup.procs", text))
        {
          if (errno == ESRCH)   /* it has ended meanwhile */
            return TRUE;
          cpd_set_error_errno (error, errno, "failed to move process %d to cgroup %s", (int) pid, path);
          return FALSE;
        }
    }
  return TRUE;
}

char *
cpd_cgroup_make_room (const char *path, GError **error)
{
  g_autofree char *inner = g_build_filename (path, CPD_CGROUP_ROOM, NULL);
  g_autofree char *directory = directory_of (MOUNTS, path);
  g_auto(GStrv) pids = NULL;

  /* With v1, and in the root, there is room for both. */
  if (!is_hierarchy (MOUNTS) || strcmp (path, "/") == 0)
    return g_strdup (path);
  pids = read_pids (directory);
  for (char **pid = pids; *pid != NULL; pid++)
    if (**pid != '\0' && !cpd_cgroup_move (inner, atoi (*pid), error))
      return NULL;
  return g_steal_pointer (&inner);
}
