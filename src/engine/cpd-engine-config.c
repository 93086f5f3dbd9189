/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

/* A directory that the engine makes. */
typedef struct
{
  const char *base;
  const char *name;             /* below it, or NULL for the base itself */
  mode_t mode;
} Directory;

/* One that was there before is somebody's decision; but what is wide open is worth a word. */
static gboolean
make_directory (const char *path, mode_t mode, gboolean ours, GError **error)
{
  struct stat info;

  if (!cpd_fs_mkdir_p (path, mode, error))
    return FALSE;
  if (stat (path, &info) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to look at directory %s", path);
      return FALSE;
    }
  if (info.st_uid != geteuid () && info.st_uid != 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG, "directory %s belongs to user %u", path,
                   (guint) info.st_uid);
      return FALSE;
    }
  if ((info.st_mode & 07777 & ~mode) == 0)
    return TRUE;
  if (!ours)
    g_message ("directory %s has the mode %o, which is more than the %o that it needs", path,
               (guint) (info.st_mode & 07777), (guint) mode);
  else if (chmod (path, info.st_mode & mode) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to set the mode of directory %s", path);
      return FALSE;
    }
  return TRUE;
}

/* Whoever may write where a user's own engine keeps its sockets could take its place. */
static gboolean
check_runtime_dir (const CpdConfig *config, GError **error)
{
  const char *path = g_get_user_runtime_dir ();
  struct stat info;

  if (geteuid () == 0 || cpd_config_is_set (config, CPD_KEY_RUN_ROOT))
    return TRUE;
  if (lstat (path, &info) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to look at XDG_RUNTIME_DIR, %s", path);
      return FALSE;
    }
  if (S_ISDIR (info.st_mode) && info.st_uid == geteuid () && (info.st_mode & 077) == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG,
               "XDG_RUNTIME_DIR, %s, must be a directory that belongs to user %u, with the mode 0700", path,
               (guint) geteuid ());
  return FALSE;
}

gboolean
cpd_engine_make_directories (CpdEngine *engine, GError **error)
{
  const CpdConfig *config = engine->config;
  const Directory directories[] = {
    { config->static_dir, NULL, 0700 },
    { config->static_dir, "containers", 0700 },
    { config->run_root, NULL, 0751 },
    { config->run_root, "containers", 0700 },   /* or others could run what containers have made set-user-ID */
    { config->run_root, "mounts", 0700 },
    { config->tmp_dir, NULL, 0751 },
    { config->tmp_dir, "runtime", 0700 },
    { config->tmp_dir, "exits", 0700 },
    { config->tmp_dir, "events", 0700 },
  };

  if (!check_runtime_dir (config, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++)
    {
      const Directory *directory = &directories[i];
      g_autofree char *path = g_build_filename (directory->base, directory->name, NULL);

      if (!make_directory (path, directory->mode, directory->name != NULL, error))
        return FALSE;
    }
  return TRUE;
}

void
cpd_engine_log_config_warnings (const CpdConfig *config)
{
  GPtrArray *warnings = cpd_config_values_warnings (config->values);

  for (guint i = 0; i < warnings->len; i++)
    g_message ("%s", (const char *) warnings->pdata[i]);
}

CpdConfig *
cpd_engine_ref_config (CpdEngine *engine)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&engine->mutex);

  return cpd_config_ref (engine->settings);
}

GVariant *
cpd_engine_describe_config (CpdEngine *engine)
{
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (engine);
  GPtrArray *warnings = cpd_config_values_warnings (config->values);
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (guint key = 0; key < CPD_N_KEYS; key++)
    g_variant_builder_add (&builder, "{sv}", cpd_config_keys[key].name,
                           g_variant_new ("(vs)", cpd_config_get (config, key), cpd_config_get_origin (config, key)));
  if (warnings->len > 0)
    g_variant_builder_add (&builder, "{sv}", "warnings",
                           g_variant_new ("(vs)", g_variant_new_strv ((const char *const *) warnings->pdata,
                                                                      warnings->len), "files"));
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* What the files say now and what is in force; a recorded value stands for what nobody sets. */
static gboolean
has_changed (const CpdConfig *now, const CpdConfig *before, CpdKey key)
{
  if (!cpd_config_is_set (now, key) && g_str_equal (cpd_config_get_origin (before, key), "database"))
    return FALSE;
  return !g_variant_equal (cpd_config_get (now, key), cpd_config_get (before, key));
}

static char **
reload (CpdEngine *engine, GError **error)
{
  g_autoptr(CpdConfig) before = cpd_engine_ref_config (engine);
  g_autoptr(CpdConfig) now = cpd_config_new (engine->config->root, error);
  g_autoptr(GStrvBuilder) changed = g_strv_builder_new ();
  g_autoptr(CpdConfig) old = NULL;

  if (now == NULL)
    {
      g_prefix_error_literal (error, "the configuration stays as it was: ");
      return NULL;
    }
  for (guint key = 0; key < CPD_N_KEYS; key++)
    if (has_changed (now, before, key))
      {
        g_autofree char *text = g_strconcat (cpd_config_keys[key].name,
                                             (cpd_config_keys[key].flags & CPD_KEY_RESTART) != 0 ? " (restart)" : "",
                                             NULL);

        g_strv_builder_add (changed, text);
      }
  cpd_config_keep (now, engine->config);
  cpd_engine_log_config_warnings (now);

  g_mutex_lock (&engine->mutex);
  old = engine->settings;
  engine->settings = g_steal_pointer (&now);
  g_mutex_unlock (&engine->mutex);
  return g_strv_builder_end (changed);
}

char **
cpd_engine_reload (CpdEngine *engine, GError **error)
{
  char **changed;

  cpd_engine_emit_reloading (engine, TRUE);
  changed = reload (engine, error);
  cpd_engine_emit_reloading (engine, FALSE);
  return changed;
}

const char *
cpd_engine_configured_path (const CpdConfig *config, CpdKey key, const char *fallback)
{
  const char *path = cpd_config_get_string (config, key);

  return *path != '\0' ? path : fallback;
}

CpdRegistries *
cpd_engine_load_registries (CpdEngine *engine, GError **error)
{
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (engine);

  return cpd_registries_load (cpd_engine_configured_path (config, CPD_KEY_REGISTRIES_CONF_PATH, CPD_REGISTRIES_CONF),
                              CPD_REGISTRIES_CONF ".d", error);
}
