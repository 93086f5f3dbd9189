/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "engine/containers/cpd-external.h"
#include "engine/cpd-engine-private.h"
#include "engine/images/cpd-image-config.h"
#include "engine/images/cpd-image-mount.h"
#include "public/cpod-error.h"
#include "store/cpd-grant.h"

CpdLayerLimits
cpd_engine_get_layer_limits (CpdEngine *engine)
{
  g_autoptr(CpdConfig) current = cpd_engine_ref_config (engine);

  return (CpdLayerLimits) {
    .size = (guint64) cpd_config_get_int (current, CPD_KEY_LAYER_SIZE_MAX),
    .entries = (guint64) cpd_config_get_int (current, CPD_KEY_LAYER_ENTRIES_MAX),
  };
}

char *
cpd_engine_import_image (CpdEngine *engine, int fd, const char *reference,
                         const char *const *changes, const char *message, const CpdCaller *caller,
                         CpdProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                         GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autofree char *config = cpd_image_config_from_changes (changes, error);
  const CpdLayerLimits limits = cpd_engine_get_layer_limits (engine);

  if (config == NULL)
    return NULL;
  return cpd_storage_import (engine->storage, fd, &limits, reference, config, message, caller, progress,
                             user_data, cancellable, error);
}

static gboolean
remove_rows (CpdEngine *engine, GPtrArray *rows, const CpdCaller *caller, GError **error)
{
  g_autoptr(GPtrArray) ids = g_ptr_array_new ();

  for (guint i = 0; i < rows->len; i++)
    g_ptr_array_add (ids, ((CpdContainerRow *) rows->pdata[i])->id);
  g_ptr_array_add (ids, NULL);
  return cpd_engine_remove_containers (engine, (const char *const *) ids->pdata, TRUE, FALSE, -1, caller, error);
}

static gboolean
remove_containers_of (CpdEngine *engine, const CpdImageRow *image, const CpdCaller *caller, GError **error)
{
  char *images[] = { image->id, NULL };
  CpdContainerQuery query = { .all = TRUE, .images = images };
  g_autoptr(GPtrArray) rows = NULL;

  /* That one of them is gone meanwhile is no reason to stop. */
  for (;;)
    {
      g_autoptr(GError) failure = NULL;

      g_clear_pointer (&rows, g_ptr_array_unref);
      rows = cpd_store_list_containers (engine->store, &query, error);
      if (rows == NULL)
        return FALSE;
      if (remove_rows (engine, rows, caller, &failure))
        return TRUE;
      if (!g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
    }
}

static gboolean
remove_external_of (CpdEngine *engine, const CpdImageRow *image, const CpdCaller *caller, GError **error)
{
  g_autoptr(GPtrArray) list = cpd_engine_list_external (engine, error);

  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      const CpdExternal *external = list->pdata[i];
      g_autoptr(GError) failure = NULL;
      g_autofree char *removed = NULL;

      if (strcmp (external->image_id, image->id) != 0)
        continue;
      removed = cpd_engine_remove_external (engine, external->id, TRUE, caller, &failure);
      if (removed == NULL && !g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
    }
  return list != NULL;
}

/* Removes the containers and the mounts that are in the way, if the image is to go and not just a name of it. LOCK keeps
 * it from being mounted again. */
static gboolean
clear_way (CpdEngine *engine, const char *name_or_id, CpdRemoveImageFlags flags, const CpdCaller *caller,
           CpdLock **lock, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdImageRow) image = cpd_storage_find_deletion (engine->storage, name_or_id, flags, &failure);

  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  if (image == NULL)
    return TRUE;
  if (!cpd_grant_check_image (caller->grant, name_or_id, image->id, error)
      || !remove_containers_of (engine, image, caller, error) || !remove_external_of (engine, image, caller, error))
    return FALSE;
  *lock = cpd_locks_acquire (engine->locks, image->id, "remove");
  return cpd_engine_clear_image_mounts (engine, image, caller, error);
}

gboolean
cpd_engine_remove_image (CpdEngine *engine, const char *name_or_id, CpdRemoveImageFlags flags,
                         const CpdCaller *caller, char ***untagged, char **deleted, GError **error)
{
  g_autoptr(CpdLock) lock = NULL;
  g_autoptr(CpdHold) hold = NULL;

  if ((flags & CPD_REMOVE_IMAGE_FORCE) != 0 && !clear_way (engine, name_or_id, flags, caller, &lock, error))
    {
      g_prefix_error (error, "failed to remove image %s: ", name_or_id);
      return FALSE;
    }
  hold = cpd_holds_take (engine->holds);
  return cpd_storage_remove_image (engine->storage, name_or_id, flags, caller, untagged, deleted, error);
}

char **
cpd_engine_tag_image (CpdEngine *engine, const char *id, const char *const *names, const CpdCaller *caller,
                      GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);

  return cpd_storage_tag_image (engine->storage, id, names, caller, error);
}

char **
cpd_engine_untag_image (CpdEngine *engine, const char *id, const char *const *names, const CpdCaller *caller,
                        GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);

  return cpd_storage_untag_image (engine->storage, id, names, caller, error);
}

void
cpd_engine_tidy_storage (CpdEngine *engine)
{
  g_autoptr(GError) error = NULL;

  if (cpd_storage_tidy (engine->storage, &error))
    return;
  g_info ("failed to tidy up the storage: %s", error->message);
  cpd_engine_schedule (engine, "", CPD_EXIT_TIDY, CPD_RETRY_MS);
}
