/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-archives.h"

#include <string.h>

#include "bus/cpd-bus-jobs.h"
#include "bus/cpd-bus-rows.h"
#include "bus/cpd-bus-transfer.h"
#include "common/cpd-fs.h"
#include "engine/containers/cpd-container-export.h"
#include "engine/images/cpd-image-archives.h"
#include "public/cpod-error.h"

#define OCI_ARCHIVE "oci-archive"

const CpdBusOption cpd_bus_export_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { NULL }
};

const CpdBusOption cpd_bus_load_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { NULL }
};

static gboolean
check_format (GVariant *value, GError **error)
{
  const char *format = g_variant_get_string (value, NULL);

  if (strcmp (format, "docker-archive") == 0 || strcmp (format, OCI_ARCHIVE) == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%s' is no format: there are docker-archive and oci-archive", format);
  return FALSE;
}

const CpdBusOption cpd_bus_save_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { "format", G_VARIANT_TYPE_STRING, check_format },
  { "names", G_VARIANT_TYPE_STRING_ARRAY },
  { NULL }
};

/* All that is needed once the call is answered. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  CpdBusPeer *peer;             /* (owned) */
  GVariant *options;            /* (owned) */
  char **objects;               /* (owned) (nullable) names of images, id of a container */
  int archive;                  /* (owned) */
} Work;

static void
work_free (Work *work)
{
  cpd_close_fd (&work->archive);
  g_variant_unref (work->options);
  g_strfreev (work->objects);
  cpd_bus_peer_unref (work->peer);
  g_object_unref (work->engine);
  g_free (work);
}

static CpdTransfer
describe (CpdJob *job, const CpdCaller *caller)
{
  return (CpdTransfer) {
    .auth = -1, .tls_verify = -1, .caller = caller, .progress = cpd_bus_transfer_progress, .user_data = job,
    .cancellable = cpd_job_get_cancellable (job),
  };
}

static GVariant *
make_loaded (const CpdLoaded *loaded)
{
  GVariantBuilder image = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *path = cpd_bus_image_path (loaded->id);

  g_variant_builder_add (&image, "{sv}", "id", g_variant_new_string (loaded->id));
  g_variant_builder_add (&image, "{sv}", "image", g_variant_new_object_path (path));
  g_variant_builder_add (&image, "{sv}", "names", g_variant_new_strv ((const char *const *) loaded->names, -1));
  return g_variant_builder_end (&image);
}

/* In the job's thread. */
static GVariant *
run_load (CpdJob *job, gpointer user_data, GError **error)
{
  Work *work = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (work->peer);
  CpdTransfer how = describe (job, &caller);
  cpd_autofd int archive = g_steal_fd (&work->archive);         /* the job's object stays for a while */
  g_autoptr(GPtrArray) loaded = cpd_engine_load_images (work->engine, archive, &how, error);
  GVariantBuilder images = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));
  GVariantBuilder result = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (guint i = 0; loaded != NULL && i < loaded->len; i++)
    g_variant_builder_add_value (&images, make_loaded (loaded->pdata[i]));
  g_variant_builder_add (&result, "{sv}", "images", g_variant_builder_end (&images));
  if (loaded != NULL)
    return g_variant_builder_end (&result);
  g_variant_builder_clear (&result);
  return NULL;
}

/* In the job's thread. */
static GVariant *
run_save (CpdJob *job, gpointer user_data, GError **error)
{
  Work *work = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (work->peer);
  CpdTransfer how = describe (job, &caller);
  cpd_autofd int archive = g_steal_fd (&work->archive);         /* whoever reads waits for the end of it */
  g_autofree char *format = cpd_bus_options_get_string (work->options, "format");
  g_auto(GStrv) names = cpd_bus_options_get_strings (work->options, "names");
  GVariantBuilder nothing = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (cpd_engine_save_images (work->engine, (const char *const *) work->objects, (const char *const *) names,
                              g_strcmp0 (format, OCI_ARCHIVE) == 0, archive, &how, error))
    return g_variant_builder_end (&nothing);
  g_variant_builder_clear (&nothing);
  return NULL;
}

/* In the job's thread. */
static GVariant *
run_export (CpdJob *job, gpointer user_data, GError **error)
{
  Work *work = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (work->peer);
  CpdTransfer how = describe (job, &caller);
  cpd_autofd int archive = g_steal_fd (&work->archive);         /* whoever reads waits for the end of it */
  GVariantBuilder nothing = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (cpd_engine_export_container (work->engine, work->objects[0], archive, &how, error))
    return g_variant_builder_end (&nothing);
  g_variant_builder_clear (&nothing);
  return NULL;
}

/* Takes OBJECTS. The descriptor is argument ARCHIVE of the call. */
static void
start (CpdBusCall *call, const char *kind, CpdJobFunc func, char **objects, gsize archive)
{
  GError *error = NULL;
  Work *work;
  int fd = cpd_bus_call_get_fd (call, archive, &error);

  if (fd < 0)
    {
      g_strfreev (objects);
      cpd_bus_call_return (call, NULL, error);
      return;
    }
  work = g_new0 (Work, 1);
  work->engine = g_object_ref (cpd_bus_call_get_engine (call));
  work->peer = cpd_bus_peer_ref (cpd_bus_call_get_peer (call));
  work->options = g_variant_ref (cpd_bus_call_get_options (call));
  work->objects = objects;
  work->archive = fd;
  cpd_bus_jobs_start (call, cpd_job_new (kind, func, work, (GDestroyNotify) work_free));
}

void
cpd_bus_load_start (CpdBusCall *call)
{
  start (call, "load", run_load, NULL, 0);
}

void
cpd_bus_save_start (CpdBusCall *call)
{
  start (call, "save", run_save, cpd_bus_call_get_strings (call, 0), 1);
}

void
cpd_bus_export_start (CpdBusCall *call)
{
  const char *const container[] = { cpd_bus_call_get_object (call), NULL };

  start (call, "export", run_export, g_strdupv ((char **) container), 0);
}
