/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-files.h"

#include <string.h>

#include "bus/cpd-bus-jobs.h"
#include "bus/cpd-bus-rows.h"
#include "common/cpd-fs.h"
#include "engine/containers/cpd-container-copy.h"
#include "engine/containers/cpd-container-diff.h"
#include "engine/images/cpd-container-commit.h"
#include "public/cpod-error.h"

#define DOCKER "docker"

static gboolean
check_format (GVariant *value, GError **error)
{
  const char *format = g_variant_get_string (value, NULL);

  if (strcmp (format, "oci") == 0 || strcmp (format, DOCKER) == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no format: there are oci and docker", format);
  return FALSE;
}

const CpdBusOption cpd_bus_commit_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { "changes", G_VARIANT_TYPE_STRING_ARRAY },
  { "author", G_VARIANT_TYPE_STRING },
  { "message", G_VARIANT_TYPE_STRING },
  { "pause", G_VARIANT_TYPE_BOOLEAN },
  { "squash", G_VARIANT_TYPE_BOOLEAN },
  { "format", G_VARIANT_TYPE_STRING, check_format },
  { NULL }
};

const CpdBusOption cpd_bus_copy_out_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { "name", G_VARIANT_TYPE_BYTESTRING },
  { NULL }
};

const CpdBusOption cpd_bus_copy_in_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { "chown", G_VARIANT_TYPE_BOOLEAN },
  { "overwrite", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

static GVariant *
build_changes (GPtrArray *changes)
{
  static const char *const kinds[] = { "added", "changed", "deleted" };
  GVariantBuilder list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(say)"));

  for (guint i = 0; i < changes->len; i++)
    {
      const CpdChange *change = changes->pdata[i];

      g_variant_builder_add (&list, "(s@ay)", kinds[change->kind], g_variant_new_bytestring (change->path));
    }
  return g_variant_new ("(a(say))", &list);
}

GVariant *
cpd_bus_work_diff_container (CpdBusCall *call, GError **error)
{
  g_autoptr(GPtrArray) changes = cpd_engine_diff_container (cpd_bus_call_get_engine (call),
                                                            cpd_bus_call_get_object (call), error);

  return changes != NULL ? build_changes (changes) : NULL;
}

GVariant *
cpd_bus_work_diff_image (CpdBusCall *call, GError **error)
{
  g_autoptr(GPtrArray) changes = cpd_engine_diff_image (cpd_bus_call_get_engine (call),
                                                        cpd_bus_call_get_object (call), error);

  return changes != NULL ? build_changes (changes) : NULL;
}

/* One that is removed meanwhile has none. */
GVariant *
cpd_bus_add_sizes (CpdEngine *engine, GVariant *columns, GPtrArray *rows)
{
  g_autoptr(GVariant) taken = g_variant_ref_sink (columns);
  g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT (taken);
  GVariantBuilder rw = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("at"));
  GVariantBuilder root = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("at"));

  for (guint i = 0; i < rows->len; i++)
    {
      gint64 rw_size = 0, root_size = 0;

      cpd_engine_measure (engine, rows->pdata[i], &rw_size, &root_size, NULL);
      g_variant_builder_add (&rw, "t", (guint64) rw_size);
      g_variant_builder_add (&root, "t", (guint64) root_size);
    }
  g_variant_dict_insert_value (&dict, "size-rw", g_variant_builder_end (&rw));
  g_variant_dict_insert_value (&dict, "size-root", g_variant_builder_end (&root));
  return g_variant_dict_end (&dict);
}

GVariant *
cpd_bus_work_stat_path (CpdBusCall *call, GError **error)
{
  const char *path = cpd_bus_call_get_bytes (call, 0, error);
  g_autofree char *resolved = NULL;
  GVariantBuilder dict;
  struct stat info;

  if (path == NULL || !cpd_engine_stat_path (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call), path, &info,
                                             &resolved, error))
    return NULL;
  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&dict, "{sv}", "path", g_variant_new_bytestring (resolved));
  g_variant_builder_add (&dict, "{sv}", "mode", g_variant_new_uint32 (info.st_mode));
  g_variant_builder_add (&dict, "{sv}", "size", g_variant_new_uint64 ((guint64) info.st_size));
  g_variant_builder_add (&dict, "{sv}", "uid", g_variant_new_uint32 (info.st_uid));
  g_variant_builder_add (&dict, "{sv}", "gid", g_variant_new_uint32 (info.st_gid));
  g_variant_builder_add (&dict, "{sv}", "modified", g_variant_new_uint64 (
                           (guint64) MAX (0, info.st_mtim.tv_sec * G_USEC_PER_SEC + info.st_mtim.tv_nsec / 1000)));
  return g_variant_new ("(a{sv})", &dict);
}

/* All that a job on the files of a container needs once its call is answered. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  CpdBusPeer *peer;             /* (owned) */
  GVariant *options;            /* (owned) */
  char *id;                     /* (owned) of the container */
  char *text;                   /* (owned) the first argument */
  int fd;                       /* (owned) of an archive, or -1 */
} FilesJob;

static void
files_job_free (FilesJob *files)
{
  cpd_close_fd (&files->fd);
  g_free (files->text);
  g_free (files->id);
  g_variant_unref (files->options);
  cpd_bus_peer_unref (files->peer);
  g_object_unref (files->engine);
  g_free (files);
}

/* TEXT is what the job is about; takes FD. */
static void
start (CpdBusCall *call, const char *kind, CpdJobFunc func, const char *text, int fd)
{
  FilesJob *files = g_new0 (FilesJob, 1);

  files->engine = g_object_ref (cpd_bus_call_get_engine (call));
  files->peer = cpd_bus_peer_ref (cpd_bus_call_get_peer (call));
  files->options = g_variant_ref (cpd_bus_call_get_options (call));
  files->id = g_strdup (cpd_bus_call_get_object (call));
  files->text = g_strdup (text);
  files->fd = fd;
  cpd_bus_jobs_start (call, cpd_job_new (kind, func, files, (GDestroyNotify) files_job_free));
}

static void
on_progress (guint64 bytes_done, guint64 bytes_total, gpointer user_data)
{
  cpd_job_set_progress (user_data, bytes_done, bytes_total);
}

/* In the job's thread. */
static GVariant *
run_commit (CpdJob *job, gpointer user_data, GError **error)
{
  const FilesJob *files = user_data;
  const CpdCaller caller = cpd_bus_peer_get_caller (files->peer);
  g_auto(GStrv) changes = cpd_bus_options_get_strings (files->options, "changes");
  g_autofree char *author = cpd_bus_options_get_string (files->options, "author");
  g_autofree char *message = cpd_bus_options_get_string (files->options, "message");
  g_autofree char *format = cpd_bus_options_get_string (files->options, "format");
  const CpdCommitOptions options = {
    .reference = files->text, .changes = (const char *const *) changes, .author = author, .message = message,
    .pause = cpd_bus_options_get_boolean (files->options, "pause", FALSE),
    .squash = cpd_bus_options_get_boolean (files->options, "squash", FALSE),
    .docker = g_strcmp0 (format, DOCKER) == 0,
  };
  g_autofree char *id = cpd_engine_commit_container (files->engine, files->id, &options, &caller, on_progress, job,
                                                     cpd_job_get_cancellable (job), error);
  g_autofree char *path = id != NULL ? cpd_bus_image_path (id) : NULL;
  GVariantBuilder result;

  if (id == NULL)
    return NULL;
  g_variant_builder_init (&result, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&result, "{sv}", "id", g_variant_new_string (id));
  g_variant_builder_add (&result, "{sv}", "image", g_variant_new_object_path (path));
  return g_variant_builder_end (&result);
}

void
cpd_bus_commit_start (CpdBusCall *call)
{
  start (call, "commit", run_commit, cpd_bus_call_get_string (call, 0), -1);
}

static GVariant *
build_copied (const CpdCopied *copied)
{
  GVariantBuilder result = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (&result, "{sv}", "bytes", g_variant_new_uint64 (copied->size));
  g_variant_builder_add (&result, "{sv}", "entries", g_variant_new_uint64 (copied->entries));
  return g_variant_builder_end (&result);
}

/* In the job's thread. The descriptor is closed at once: who has the other end waits for that. */
static GVariant *
run_copy_out (CpdJob *job, gpointer user_data, GError **error)
{
  FilesJob *files = user_data;
  CpdCopy copy = {
    .path = files->text, .fd = files->fd, .progress = on_progress, .user_data = job,
    .cancellable = cpd_job_get_cancellable (job),
  };
  CpdCopied copied;
  gboolean done;

  g_variant_lookup (files->options, "name", "^&ay", &copy.name);
  done = cpd_engine_copy_out (files->engine, files->id, &copy, &copied, error);
  cpd_close_fd (&files->fd);
  return done ? build_copied (&copied) : NULL;
}

/* Likewise. */
static GVariant *
run_copy_in (CpdJob *job, gpointer user_data, GError **error)
{
  FilesJob *files = user_data;
  const CpdCaller caller = cpd_bus_peer_get_caller (files->peer);
  const CpdCopy copy = {
    .path = files->text, .fd = files->fd, .progress = on_progress, .user_data = job,
    .chown = cpd_bus_options_get_boolean (files->options, "chown", FALSE),
    .overwrite = cpd_bus_options_get_boolean (files->options, "overwrite", FALSE),
    .cancellable = cpd_job_get_cancellable (job),
  };
  CpdCopied copied;
  gboolean done = cpd_engine_copy_in (files->engine, files->id, &copy, &caller, &copied, error);

  cpd_close_fd (&files->fd);
  return done ? build_copied (&copied) : NULL;
}

static void
start_copy (CpdBusCall *call, const char *kind, CpdJobFunc func)
{
  GError *error = NULL;
  const char *path = cpd_bus_call_get_bytes (call, 0, &error);
  int fd = path != NULL ? cpd_bus_call_get_fd (call, 1, &error) : -1;

  if (fd < 0)
    cpd_bus_call_return (call, NULL, error);
  else
    start (call, kind, func, path, fd);
}

void
cpd_bus_copy_out_start (CpdBusCall *call)
{
  start_copy (call, "copy-out", run_copy_out);
}

void
cpd_bus_copy_in_start (CpdBusCall *call)
{
  start_copy (call, "copy-in", run_copy_in);
}
