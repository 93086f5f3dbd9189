/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "engine/cpd-engine-private.h"

/* Copies are slow and large, so whoever gets them without asking for them is told. */
static void
tell_refusal (CpdEngine *engine, const char *refusal)
{
  const char *driver = cpd_storage_get_driver (engine->storage);
  const char *program = cpd_storage_get_mount_program (engine->storage);

  if (refusal == NULL)
    return;
  if (program != NULL)
    {
      g_message ("storage.options.overlay.mount_program: %s makes overlays, because the kernel does not: %s", program,
                 refusal);
      return;
    }
  if (strcmp (driver, "overlay") == 0)
    {
      g_message ("storage.driver: overlay does not work: %s", refusal);
      cpd_health_add (engine->health, "storage", FALSE, "storage.driver: overlay does not work: %s", refusal);
      return;
    }
  g_message ("storage.driver: '%s' is taken, because overlay does not work: %s", driver, refusal);
  cpd_health_add (engine->health, "storage", FALSE,
                  "storage.driver: '%s' is taken from now on, because overlay does not work: %s. Each container is a copy of "
                  "its image; set it to 'overlay' once that works", driver, refusal);
}

gboolean
cpd_engine_open_storage (CpdEngine *engine, GError **error)
{
  CpdConfig *config = engine->config;
  const CpdStorageSettings settings = {
    .driver = cpd_config_get_string (config, CPD_KEY_GRAPH_DRIVER),
    .mount_options = cpd_config_get_string (config, CPD_KEY_OVERLAY_MOUNTOPT),
    .mount_program = cpd_config_get_string (config, CPD_KEY_OVERLAY_MOUNT_PROGRAM),
  };

  engine->storage = cpd_storage_open (engine->store, config->graph_root, &settings, error);
  if (engine->storage == NULL)
    return FALSE;
  tell_refusal (engine, cpd_storage_get_refusal (engine->storage));
  return TRUE;
}
