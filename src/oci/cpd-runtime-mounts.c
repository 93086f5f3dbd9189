/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-runtime-mounts.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/cpd-json.h"

#define DEV_DEPTH_MAX 8

typedef struct
{
  const char *destination;
  const char *type;
  const char *source;
  const char *options;          /* separated by commas */
} Mount;

static const Mount base[] = {
  { "/proc", "proc", "proc", "nosuid,noexec,nodev" },
  { "/dev", "tmpfs", "tmpfs", "nosuid,noexec,strictatime,mode=755,size=65536k" },
  { "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
  { "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
  { "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k" },
};

static const Mount restricted[] = {
  { "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro" },
  { "/sys/fs/cgroup", "cgroup", "cgroup", "rprivate,nosuid,noexec,nodev,relatime,ro" },
};

static const Mount privileged[] = {
  { "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,rw" },
  { "/sys/fs/cgroup", "cgroup", "cgroup", "rprivate,nosuid,noexec,nodev,relatime,rw" },
};

/* What a program may expect to write to, though the root is read-only. */
static const Mount scratch[] = {
  { "/tmp", "tmpfs", "tmpfs", "rw,rprivate,nosuid,nodev,tmpcopyup" },
  { "/run", "tmpfs", "tmpfs", "rw,rprivate,nosuid,nodev,tmpcopyup" },
  { "/var/tmp", "tmpfs", "tmpfs", "rw,rprivate,nosuid,nodev,tmpcopyup" },
};

static JsonObject *
mount_to_object (const Mount *mount, gint64 shm_size)
{
  g_autofree char *sized = g_strdup_printf ("nosuid,noexec,nodev,mode=1777,size=%" G_GINT64_FORMAT, shm_size);
  gboolean is_sized = shm_size > 0 && strcmp (mount->destination, "/dev/shm") == 0;
  g_auto(GStrv) options = g_strsplit (is_sized ? sized : mount->options, ",", -1);
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "destination", mount->destination);
  json_object_set_string_member (object, "type", mount->type);
  json_object_set_string_member (object, "source", mount->source);
  cpd_json_set_strv (object, "options", (const char *const *) options);
  return object;
}

static void
add_all (GArray *mounts, const Mount *more, gsize n)
{
  g_array_append_vals (mounts, more, (guint) n);
}

static guint
depth (const char *path)
{
  guint n = 0;

  for (; *path != '\0'; path++)
    n += *path == '/' && path[1] != '/' && path[1] != '\0';
  return n;
}

/* Moves each mount behind those of lesser depth and changes nothing else. */
static void
sort_by_depth (GArray *mounts)
{
  for (guint i = 1; i < mounts->len; i++)
    {
      Mount moved = g_array_index (mounts, Mount, i);
      guint at = i;

      for (; at > 0 && depth (g_array_index (mounts, Mount, at - 1).destination) > depth (moved.destination); at--)
        g_array_index (mounts, Mount, at) = g_array_index (mounts, Mount, at - 1);
      g_array_index (mounts, Mount, at) = moved;
    }
}

JsonArray *
cpd_runtime_mounts (const CpdRuntimeSpec *spec)
{
  g_autoptr(GArray) mounts = g_array_new (FALSE, FALSE, sizeof (Mount));
  const char *bind_options = spec->read_only ? "bind,rprivate,ro,nosuid,noexec,nodev" : "bind,rprivate";
  JsonArray *list = json_array_new ();

  add_all (mounts, base, G_N_ELEMENTS (base));
  add_all (mounts, spec->privileged ? privileged : restricted, G_N_ELEMENTS (restricted));
  if (spec->read_only)
    add_all (mounts, scratch, G_N_ELEMENTS (scratch));
  for (const char *const *bind = spec->binds; bind != NULL && bind[0] != NULL && bind[1] != NULL; bind += 2)
    {
      Mount mount = { bind[1], "bind", bind[0], bind_options };

      g_array_append_val (mounts, mount);
    }
  sort_by_depth (mounts);
  for (guint i = 0; i < mounts->len; i++)
    json_array_add_object_element (list, mount_to_object (&g_array_index (mounts, Mount, i), spec->shm_size));
  return list;
}

static void
add_device (JsonArray *devices, const char *path, const struct stat *info)
{
  JsonObject *device = json_object_new ();

  json_object_set_string_member (device, "path", path);
  json_object_set_string_member (device, "type", S_ISCHR (info->st_mode) ? "c" : "b");
  json_object_set_int_member (device, "major", major (info->st_rdev));
  json_object_set_int_member (device, "minor", minor (info->st_rdev));
  json_object_set_int_member (device, "fileMode", info->st_mode & 07777);
  json_object_set_int_member (device, "uid", info->st_uid);
  json_object_set_int_member (device, "gid", info->st_gid);
  json_array_add_object_element (devices, device);
}

/* The container has its own of these. */
static gboolean
is_own (const char *name)
{
  static const char *const names[] = {
    "pts", "shm", "fd", "mqueue", "console", "ptmx", "hugepages", ".lxc", ".lxd-mounts", ".udev", NULL
  };

  return g_strv_contains (names, name);
}

static void
collect_devices (JsonArray *devices, const char *directory, guint level)
{
  struct dirent **entries = NULL;
  int n = scandir (directory, &entries, NULL, alphasort);

  for (int i = 0; i < n; i++)
    {
      g_autofree char *path = g_build_filename (directory, entries[i]->d_name, NULL);
      gboolean skip = strcmp (entries[i]->d_name, ".") == 0 || strcmp (entries[i]->d_name, "..") == 0
                      || is_own (entries[i]->d_name);
      struct stat info;

      free (entries[i]);
      if (skip || lstat (path, &info) < 0)      /* one may vanish meanwhile */
        continue;
      if (S_ISDIR (info.st_mode) && level < DEV_DEPTH_MAX)
        collect_devices (devices, path, level + 1);
      else if (S_ISCHR (info.st_mode) || S_ISBLK (info.st_mode))
        add_device (devices, path, &info);
    }
  free (entries);
}

JsonArray *
cpd_runtime_devices (void)
{
  JsonArray *devices = json_array_new ();

  collect_devices (devices, "/dev", 0);
  return devices;
}
