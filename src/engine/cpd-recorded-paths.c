/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-recorded-paths.h"

#include <string.h>
#include <sys/stat.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"
#include "store/cpd-store-containers.h"
#include "store/cpd-store-images.h"

#define DRIVER_KEY "config.storage.driver"

typedef struct
{
  CpdKey key;
  int below;                    /* the key whose directory this is usually below, or -1 */
  gboolean per_boot;            /* a reboot empties it, so only what runs now is bound to it */
} Record;

/* Each after the one that it may be below. */
static const Record records[] = {
  { CPD_KEY_STATIC_DIR, -1, FALSE },
  { CPD_KEY_GRAPH_ROOT, CPD_KEY_STATIC_DIR, FALSE },
  { CPD_KEY_VOLUME_PATH, CPD_KEY_GRAPH_ROOT, FALSE },
  { CPD_KEY_RUN_ROOT, -1, TRUE },
  { CPD_KEY_TMP_DIR, CPD_KEY_RUN_ROOT, TRUE },
};

static char *
meta_key (const Record *record)
{
  return g_strconcat ("config.", cpd_config_keys[record->key].name, NULL);
}

/* By what the paths lead to: a link, a slash more or a bind mount is no other place. */
static gboolean
is_same_place (const char *a, const char *b)
{
  struct stat first, second;

  if (strcmp (a, b) == 0)
    return TRUE;
  return stat (a, &first) == 0 && stat (b, &second) == 0 && first.st_dev == second.st_dev
         && first.st_ino == second.st_ino;
}

/* Whether there is anything in it. */
static gboolean
is_in_use (const char *path)
{
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (path, NULL);

  return names != NULL && names->len > 0;
}

static gboolean
is_accepted (const CpdConfig *config)
{
  return g_str_equal (cpd_config_get_string (config, CPD_KEY_RECORDED_PATHS), "accept");
}

static gboolean
refuse (const CpdConfig *config, CpdKey key, const char *recorded, const char *reason, GError **error)
{
  const char *name = cpd_config_keys[key].name;

  g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG,
               "%s: the state in %s was made with %s, but now it is set to %s (%s), and %s. Set it back to %s; or move "
               "what is there; or set engine.recorded_paths to \"accept\" to go on without it",
               name, config->static_dir, recorded, cpd_config_get_string (config, key),
               cpd_config_get_origin (config, key), reason, recorded);
  return FALSE;
}

/* The database was found here, so this is the state, unless it is a copy that shares its images with the first. */
static gboolean
check_static_dir (CpdConfig *config, CpdStore *store, const char *recorded, GError **error)
{
  g_autofree char *database = g_build_filename (recorded, "cpod.db", NULL);
  g_autofree char *graph_root = cpd_store_get_meta (store, "config.storage.graphroot", NULL);

  if (!g_file_test (database, G_FILE_TEST_EXISTS) || graph_root == NULL
      || g_str_has_prefix (graph_root, "${engine.static_dir}"))
    return TRUE;
  return refuse (config, CPD_KEY_STATIC_DIR, recorded, "that one is still there, with the same images as this", error);
}

static gboolean
check_per_boot (CpdConfig *config, CpdStore *store, const Record *record, const char *recorded, const char *boot_id,
                GError **error)
{
  g_autofree char *known = cpd_store_get_meta (store, "boot-id", NULL);

  if (g_strcmp0 (known, boot_id) != 0 || cpd_store_count_containers (store, TRUE) == 0 || !is_in_use (recorded))
    return TRUE;
  return refuse (config, record->key, recorded, "containers run that were started with that: stop them first", error);
}

/* The storage always has files of its own: what counts is whether it has images. */
static gboolean
check_graph_root (CpdConfig *config, CpdStore *store, const char *recorded, GError **error)
{
  g_autoptr(GPtrArray) images = cpd_store_list_images (store, error);

  if (images == NULL)
    return FALSE;
  if (images->len == 0)
    return TRUE;
  if (is_in_use (recorded))
    return refuse (config, CPD_KEY_GRAPH_ROOT, recorded, "its images are still there", error);
  /* It is gone: moved, if the new one has something. */
  return is_in_use (config->graph_root)
         || refuse (config, CPD_KEY_GRAPH_ROOT, recorded, "neither of them has the images", error);
}

static gboolean
check_volume_path (CpdConfig *config, const char *recorded, GError **error)
{
  return !is_in_use (recorded)
         || refuse (config, CPD_KEY_VOLUME_PATH, recorded, "its volumes are still there", error);
}

static gboolean
check (CpdConfig *config, CpdStore *store, const Record *record, const char *recorded, const char *boot_id,
       GError **error)
{
  const char *now = cpd_config_get_string (config, record->key);

  if (is_same_place (recorded, now))
    return TRUE;
  if (is_accepted (config))
    {
      g_message ("%s: %s from now on, no longer %s", cpd_config_keys[record->key].name, now, recorded);
      return TRUE;
    }
  if (record->per_boot)
    return check_per_boot (config, store, record, recorded, boot_id, error);
  if (record->key == CPD_KEY_STATIC_DIR)
    return check_static_dir (config, store, recorded, error);
  if (record->key == CPD_KEY_GRAPH_ROOT)
    return check_graph_root (config, store, recorded, error);
  return check_volume_path (config, recorded, error);
}

/* All drivers have the same images, and each container is served by what made it: so another one harms nothing. One that
 * this version does not know is refused later. */
static gboolean
merge_driver (CpdConfig *config, CpdStore *store, GError **error)
{
  g_autoptr(GError) cause = NULL;
  g_autofree char *recorded = cpd_store_get_meta (store, DRIVER_KEY, &cause);
  const char *now = cpd_config_get_string (config, CPD_KEY_GRAPH_DRIVER);

  if (cause != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&cause));
      return FALSE;
    }
  if (recorded == NULL || *recorded == '\0' || strcmp (recorded, now) == 0)
    return TRUE;
  if (*now == '\0')
    cpd_config_override (config, CPD_KEY_GRAPH_DRIVER, g_variant_new_string (recorded), "database");
  else
    g_message ("storage.driver: new containers are of '%s' from now on, no longer of '%s'", now, recorded);
  return TRUE;
}

gboolean
cpd_recorded_paths_merge (CpdConfig *config, CpdStore *store, const char *boot_id, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (records); i++)
    {
      const Record *record = &records[i];
      g_autofree char *name = meta_key (record);
      g_autoptr(GError) cause = NULL;
      g_autofree char *text = cpd_store_get_meta (store, name, &cause);
      g_autofree char *recorded = text != NULL ? cpd_config_values_expand (config->values, text) : NULL;

      if (cause != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&cause));
          return FALSE;
        }
      if (recorded == NULL || *recorded == '\0')
        continue;
      /* Where the state itself is is known by now. */
      if (!cpd_config_is_set (config, record->key) && record->key != CPD_KEY_STATIC_DIR)
        {
          if (strcmp (recorded, cpd_config_get_string (config, record->key)) != 0)
            cpd_config_override (config, record->key, g_variant_new_string (recorded), "database");
        }
      else if (!check (config, store, record, recorded, boot_id, error))
        return FALSE;
    }
  return merge_driver (config, store, error);
}

/* What is below another recorded directory moves along with that. */
static char *
relate (const CpdConfig *config, const Record *record)
{
  const char *path = cpd_config_get_string (config, record->key);
  const char *base = record->below != -1 ? cpd_config_get_string (config, (CpdKey) record->below) : NULL;
  gsize length = base != NULL ? strlen (base) : 0;

  if (base == NULL || strncmp (path, base, length) != 0 || (path[length] != '/' && path[length] != '\0'))
    return g_strdup (path);
  return g_strdup_printf ("${%s}%s", cpd_config_keys[record->below].name, path + length);
}

/* Nothing is written, and so nothing synced, when nothing has changed. */
static gboolean
write_meta (CpdStore *store, CpdTransaction **tx, const char *key, const char *value, GError **error)
{
  g_autofree char *old = cpd_store_get_meta (store, key, NULL);

  if (g_strcmp0 (old, value) == 0)
    return TRUE;
  if (*tx == NULL)
    *tx = cpd_store_begin (store, CPD_STORE_DURABLE, error);
  return *tx != NULL && cpd_transaction_set_meta (*tx, key, value, error);
}

gboolean
cpd_recorded_paths_write (CpdConfig *config, CpdStore *store, const char *driver, GError **error)
{
  g_autoptr(CpdTransaction) tx = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (records); i++)
    {
      g_autofree char *name = meta_key (&records[i]);
      g_autofree char *value = relate (config, &records[i]);

      if (!write_meta (store, &tx, name, value, error))
        return FALSE;
    }
  if (!write_meta (store, &tx, DRIVER_KEY, driver, error))
    return FALSE;
  return tx == NULL || cpd_transaction_commit (tx, error);
}
