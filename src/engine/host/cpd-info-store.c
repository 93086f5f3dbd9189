/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "engine/host/cpd-info.h"

static gboolean
add_containers (CpdEngine *engine, GVariantBuilder *store, GError **error)
{
  guint counts[CPD_N_CONTAINER_STATES] = { 0 };
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  guint all = 0, running, paused;

  if (!cpd_store_count_states (engine->store, counts, error))
    return FALSE;
  for (guint i = 0; i < CPD_N_CONTAINER_STATES; i++)
    all += counts[i];
  running = counts[CPD_CONTAINER_RUNNING] + counts[CPD_CONTAINER_STOPPING];
  paused = counts[CPD_CONTAINER_PAUSED];
  cpd_info_add (&dict, "number", g_variant_new_uint32 (all));
  cpd_info_add (&dict, "paused", g_variant_new_uint32 (paused));
  cpd_info_add (&dict, "running", g_variant_new_uint32 (running));
  cpd_info_add (&dict, "stopped", g_variant_new_uint32 (all - running - paused));
  cpd_info_add (store, "containerStore", g_variant_builder_end (&dict));
  return TRUE;
}

static gboolean
add_images (CpdEngine *engine, GVariantBuilder *store, GError **error)
{
  g_autoptr(GPtrArray) images = cpd_store_list_images (engine->store, error);
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (images == NULL)
    return FALSE;
  cpd_info_add (&dict, "number", g_variant_new_uint32 (images->len));
  cpd_info_add (store, "imageStore", g_variant_builder_end (&dict));
  return TRUE;
}

/* The file that says where images are, if one does. */
static char *
config_file (const CpdConfig *config)
{
  const char *origin = cpd_config_get_origin (config, CPD_KEY_GRAPH_ROOT);
  const char *line = strrchr (origin, ':');

  return *origin == '/' && line != NULL ? g_strndup (origin, (gsize) (line - origin)) : g_strdup ("");
}

/* As podman says it. What is not installed any more has no version. */
static GVariant *
describe_mount_program (CpdEngine *engine, const char *path)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr(GVariant) known = cpd_programs_describe (engine->programs, NULL, path, NULL);
  const char *package = "Unknown", *version = "";

  if (known != NULL)
    {
      g_variant_ref_sink (known);
      g_variant_lookup (known, "package", "&s", &package);
      g_variant_lookup (known, "version", "&s", &version);
    }
  cpd_info_add_string (&dict, "Executable", path);
  cpd_info_add_string (&dict, "Package", package);
  cpd_info_add_string (&dict, "Version", version);
  return g_variant_builder_end (&dict);
}

static GVariant *
build_options (CpdEngine *engine)
{
  const char *options = cpd_config_get_string (engine->config, CPD_KEY_OVERLAY_MOUNTOPT);
  const char *program = cpd_storage_get_mount_program (engine->storage);
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (program != NULL)
    cpd_info_add (&dict, "overlay.mount_program", describe_mount_program (engine, program));
  if (*options != '\0')
    cpd_info_add_string (&dict, "overlay.mountopt", options);
  return g_variant_builder_end (&dict);
}

static gboolean
add_paths (CpdEngine *engine, GVariantBuilder *store, GError **error)
{
  const CpdConfig *config = engine->config;
  g_autofree char *file = config_file (config);

  cpd_info_add_string (store, "configFile", file);
  cpd_info_add_string (store, "graphDriverName", cpd_storage_get_driver (engine->storage));
  cpd_info_add (store, "graphOptions", build_options (engine));
  cpd_info_add_string (store, "graphRoot", config->graph_root);
  cpd_info_add_string (store, "imageCopyTmpDir", config->graph_root);
  cpd_info_add_string (store, "runRoot", config->run_root);
  cpd_info_add_string (store, "staticDir", config->static_dir);
  cpd_info_add_string (store, "tmpDir", config->tmp_dir);
  cpd_info_add_string (store, "volumePath", config->volume_path);
  return TRUE;
}

static gboolean
add_usage (CpdEngine *engine, GVariantBuilder *store, GError **error)
{
  struct statvfs info;

  if (statvfs (engine->config->graph_root, &info) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to measure %s", engine->config->graph_root);
      return FALSE;
    }
  cpd_info_add (store, "graphRootAllocated", g_variant_new_uint64 ((guint64) info.f_blocks * info.f_frsize));
  cpd_info_add (store, "graphRootUsed",
                g_variant_new_uint64 ((guint64) (info.f_blocks - info.f_bfree) * info.f_frsize));
  return TRUE;
}

static const char *
file_system_name (guint type)
{
  static const struct { guint type; const char *name; } names[] = {
    { EXT4_SUPER_MAGIC, "extfs" }, { XFS_SUPER_MAGIC, "xfs" }, { BTRFS_SUPER_MAGIC, "btrfs" },
    { TMPFS_MAGIC, "tmpfs" }, { OVERLAYFS_SUPER_MAGIC, "overlayfs" }, { F2FS_SUPER_MAGIC, "f2fs" },
    { NFS_SUPER_MAGIC, "nfs" }, { FUSE_SUPER_MAGIC, "fuse" }, { 0x2fc12fc1, "zfs" }, { 0xca451a4e, "bcachefs" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].type == type)
      return names[i].name;
  return "<unknown>";
}

/* Whether a directory tells what kind of file each entry is, without which overlays do not work. */
static gboolean
supports_d_type (const char *path)
{
  DIR *dir = opendir (path);
  const struct dirent *entry = dir != NULL ? readdir (dir) : NULL;
  gboolean supports = entry != NULL && entry->d_type != DT_UNKNOWN;

  if (dir != NULL)
    closedir (dir);
  return supports;
}

static void
add_truth (GVariantBuilder *dict, const char *key, gboolean truth)
{
  cpd_info_add_string (dict, key, truth ? "true" : "false");
}

/* Texts, as podman has them: there is nothing to tell but of overlays. */
static gboolean
add_status (CpdEngine *engine, GVariantBuilder *store, GError **error)
{
  const char *root = engine->config->graph_root;
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const gboolean metacopy = cpd_storage_uses_metacopy (engine->storage);
  struct statfs info;

  if (statfs (root, &info) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to look at the file system of %s", root);
      return FALSE;
    }
  if (strcmp (cpd_storage_get_driver (engine->storage), "overlay") != 0)
    {
      cpd_info_add (store, "graphStatus", g_variant_builder_end (&dict));
      return TRUE;
    }
  cpd_info_add_string (&dict, "Backing Filesystem", file_system_name ((guint) info.f_type));
  add_truth (&dict, "Native Overlay Diff", cpd_storage_get_mount_program (engine->storage) == NULL && !metacopy && !cpd_storage_uses_redirects (engine->storage));
  add_truth (&dict, "Supports d_type", supports_d_type (root));
  add_truth (&dict, "Using metacopy", metacopy);
  cpd_info_add (store, "graphStatus", g_variant_builder_end (&dict));
  return TRUE;
}

const CpdInfoPart cpd_info_store[] = {
  { "containerStore", add_containers },
  { "imageStore", add_images },
  { "paths", add_paths },
  { "graphRoot", add_usage },
  { "graphStatus", add_status },
  { NULL }
};

char *
cpd_engine_describe (CpdEngine *engine)
{
  guint counts[CPD_N_CONTAINER_STATES] = { 0 };
  g_autoptr(GError) error = NULL;
  guint all = 0, running;

  if (!cpd_store_count_states (engine->store, counts, &error))
    return g_strdup (error->message);
  for (guint i = 0; i < CPD_N_CONTAINER_STATES; i++)
    all += counts[i];
  running = counts[CPD_CONTAINER_RUNNING] + counts[CPD_CONTAINER_STOPPING] + counts[CPD_CONTAINER_PAUSED];
  return g_strdup_printf ("%u container%s, %u of them running", all, all == 1 ? "" : "s", running);
}
