/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-archives.h"
#include "bus/cpd-bus-image-list.h"
#include "bus/cpd-bus-image-prune.h"
#include "bus/cpd-bus-interface.h"
#include "bus/cpd-bus-jobs.h"
#include "bus/cpd-bus-rows.h"
#include "bus/cpd-bus-storage.h"
#include "bus/cpd-bus-transfer.h"
#include "common/cpd-fs.h"
#include "cpod-generated.h"
#include "public/cpod-error.h"

static const CpdBusOption import_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { "message", G_VARIANT_TYPE_STRING },
  { "changes", G_VARIANT_TYPE_STRING_ARRAY },
  { NULL }
};

static const CpdBusOption remove_options[] = {
  { "force", G_VARIANT_TYPE_BOOLEAN },
  { "all-names", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

/* All that an import needs once its call is answered. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  CpdBusPeer *peer;             /* (owned) */
  int archive;
  char *reference;              /* (owned) */
  char *message;                /* (owned) (nullable) */
  char **changes;               /* (owned) (nullable) */
} Import;

static void
import_free (Import *import)
{
  cpd_close_fd (&import->archive);
  g_strfreev (import->changes);
  g_free (import->message);
  g_free (import->reference);
  cpd_bus_peer_unref (import->peer);
  g_object_unref (import->engine);
  g_free (import);
}

static void
on_import_progress (guint64 bytes_done, guint64 bytes_total, gpointer user_data)
{
  cpd_job_set_progress (user_data, bytes_done, bytes_total);
}

/* In the job's thread. */
static GVariant *
run_import (CpdJob *job, gpointer user_data, GError **error)
{
  Import *import = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (import->peer);
  GVariantBuilder result = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  cpd_autofd int archive = g_steal_fd (&import->archive);       /* the job's object stays for a while */
  g_autofree char *id = NULL, *path = NULL;

  id = cpd_engine_import_image (import->engine, archive, import->reference,
                                (const char *const *) import->changes, import->message, &caller,
                                on_import_progress, job, cpd_job_get_cancellable (job), error);
  if (id == NULL)
    {
      g_variant_builder_clear (&result);
      return NULL;
    }
  path = cpd_bus_image_path (id);
  g_variant_builder_add (&result, "{sv}", "id", g_variant_new_string (id));
  g_variant_builder_add (&result, "{sv}", "image", g_variant_new_object_path (path));
  return g_variant_builder_end (&result);
}

static Import *
import_new (CpdBusCall *call, int archive)
{
  GVariant *options = cpd_bus_call_get_options (call);
  Import *import = g_new0 (Import, 1);

  import->engine = g_object_ref (cpd_bus_call_get_engine (call));
  import->peer = cpd_bus_peer_ref (cpd_bus_call_get_peer (call));
  import->archive = archive;
  import->reference = g_strdup (cpd_bus_call_get_string (call, 1));
  import->message = cpd_bus_options_get_string (options, "message");
  import->changes = cpd_bus_options_get_strings (options, "changes");
  return import;
}

static void
start_import (CpdBusCall *call)
{
  GError *error = NULL;
  int archive = cpd_bus_call_get_fd (call, 0, &error);

  if (archive < 0)
    {
      cpd_bus_call_return (call, NULL, error);
      return;
    }
  cpd_bus_jobs_start (call, cpd_job_new ("import", run_import, import_new (call, archive), (GDestroyNotify) import_free));
}

static GVariant *
work_get_image (CpdBusCall *call, GError **error)
{
  CpdStorage *storage = cpd_engine_get_storage (cpd_bus_call_get_engine (call));
  g_autoptr(CpdImageRow) row = cpd_storage_find_image (storage, cpd_bus_call_get_string (call, 0), error);
  g_autofree char *path = row != NULL ? cpd_bus_image_path (row->id) : NULL;

  return path != NULL ? g_variant_new ("(o)", path) : NULL;
}

static GVariant *
work_remove_image (CpdBusCall *call, GError **error)
{
  GVariant *options = cpd_bus_call_get_options (call);
  CpdRemoveImageFlags flags =
    (cpd_bus_options_get_boolean (options, "force", FALSE) ? CPD_REMOVE_IMAGE_FORCE : 0)
    | (cpd_bus_options_get_boolean (options, "all-names", FALSE) ? CPD_REMOVE_IMAGE_ALL_NAMES : 0);
  g_auto(GStrv) untagged = NULL;
  g_autofree char *deleted = NULL;
  static const char *const none[] = { NULL };

  if (!cpd_engine_remove_image (cpd_bus_call_get_engine (call), cpd_bus_call_get_string (call, 0),
                                flags, cpd_bus_call_get_caller (call), &untagged, &deleted, error))
    return NULL;
  return g_variant_new ("(^ass)", untagged != NULL ? (const char *const *) untagged : none,
                        deleted != NULL ? deleted : "");
}

static const CpdBusMethod methods[] = {
  { "Import", import_options, TRUE, NULL, start_import },
  { "Load", cpd_bus_load_options, TRUE, NULL, cpd_bus_load_start },
  { "Pull", cpd_bus_pull_options, TRUE, NULL, cpd_bus_pull_start },
  { "Push", cpd_bus_push_options, TRUE, NULL, cpd_bus_push_start },
  { "ListTags", cpd_bus_list_tags_options, FALSE, NULL, cpd_bus_list_tags_start },
  { "Search", cpd_bus_search_options, FALSE, NULL, cpd_bus_search_start },
  { "Save", cpd_bus_save_options, TRUE, NULL, cpd_bus_save_start },
  { "GetImage", cpd_bus_no_options, FALSE, work_get_image },
  { "ListImages", cpd_bus_list_images_options, FALSE, cpd_bus_work_list_images },
  { "ListMounts", cpd_bus_no_options, FALSE, cpd_bus_work_list_image_mounts },
  { "RemoveImage", remove_options, TRUE, work_remove_image },
  { "PruneImages", cpd_bus_prune_images_options, TRUE, NULL, cpd_bus_start_prune_images },
  { "PrunePreview", cpd_bus_preview_images_options, FALSE, cpd_bus_work_preview_images },
  { NULL }
};

const CpdBusInterface cpd_bus_images_interface = { cpod_images_interface_info, methods };
