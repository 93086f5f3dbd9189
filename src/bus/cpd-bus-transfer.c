/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-transfer.h"

#include <string.h>

#include "bus/cpd-bus-jobs.h"
#include "bus/cpd-bus-rows.h"
#include "common/cpd-fs.h"
#include "engine/images/cpd-image-transfer.h"
#include "public/cpod-error.h"

#define DEFAULT_TIMEOUT 120
/* podman's. */
#define SEARCH_LIMIT 25
#define TIMEOUT_MAX (24 * 60 * 60)

/* By CpdPullPolicy. */
static const char *const policies[] = { "always", "missing", "newer", "never" };

static int
find_policy (const char *text)
{
  for (gsize i = 0; i < G_N_ELEMENTS (policies); i++)
    if (strcmp (policies[i], text) == 0)
      return (int) i;
  return -1;
}

static gboolean
check_policy (GVariant *value, GError **error)
{
  if (find_policy (g_variant_get_string (value, NULL)) >= 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%s' is no policy: there are always, missing, newer and never", g_variant_get_string (value, NULL));
  return FALSE;
}

static gboolean
check_format (GVariant *value, GError **error)
{
  const char *format = g_variant_get_string (value, NULL);

  if (strcmp (format, "oci") == 0 || strcmp (format, "v2s2") == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no format: there are oci and v2s2", format);
  return FALSE;
}

/* They become arguments of a program. */
static gboolean
check_word (GVariant *value, GError **error)
{
  const char *word = g_variant_get_string (value, NULL);
  gsize length = strspn (word, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.");

  if (length > 0 && length <= 64 && word[length] == '\0')
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' names no part of a platform", word);
  return FALSE;
}

static gboolean
check_timeout (GVariant *value, GError **error)
{
  if (g_variant_get_uint32 (value) <= TIMEOUT_MAX)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "it is longer than %d seconds", TIMEOUT_MAX);
  return FALSE;
}

const CpdBusOption cpd_bus_pull_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { "policy", G_VARIANT_TYPE_STRING, check_policy },
  { "os", G_VARIANT_TYPE_STRING, check_word },
  { "arch", G_VARIANT_TYPE_STRING, check_word },
  { "variant", G_VARIANT_TYPE_STRING, check_word },
  { "name", G_VARIANT_TYPE_STRING },
  { "tls-verify", G_VARIANT_TYPE_BOOLEAN },
  { "authfile", G_VARIANT_TYPE_HANDLE },
  { "timeout", G_VARIANT_TYPE_UINT32, check_timeout },
  { NULL }
};

const CpdBusOption cpd_bus_push_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { "format", G_VARIANT_TYPE_STRING, check_format },
  { "tls-verify", G_VARIANT_TYPE_BOOLEAN },
  { "authfile", G_VARIANT_TYPE_HANDLE },
  { "timeout", G_VARIANT_TYPE_UINT32, check_timeout },
  { NULL }
};

const CpdBusOption cpd_bus_list_tags_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { "tls-verify", G_VARIANT_TYPE_BOOLEAN },
  { "authfile", G_VARIANT_TYPE_HANDLE },
  { "timeout", G_VARIANT_TYPE_UINT32, check_timeout },
  { NULL }
};

static gboolean
check_limit (GVariant *value, GError **error)
{
  if (g_variant_get_uint32 (value) > 0)
    return TRUE;
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "it must be above 0");
  return FALSE;
}

const CpdBusOption cpd_bus_search_options[] = {
  CPD_BUS_JOB_OPTIONS,
  { "limit", G_VARIANT_TYPE_UINT32, check_limit },
  { "tls-verify", G_VARIANT_TYPE_BOOLEAN },
  { "authfile", G_VARIANT_TYPE_HANDLE },
  { "timeout", G_VARIANT_TYPE_UINT32, check_timeout },
  { NULL }
};

/* All that a transfer needs once its call is answered. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  CpdBusPeer *peer;             /* (owned) */
  GVariant *options;            /* (owned) */
  char *image;                  /* (owned) */
  char *destination;            /* (owned) (nullable) */
  int auth;                     /* (owned) */
} Transfer;

static void
transfer_free (Transfer *transfer)
{
  cpd_close_fd (&transfer->auth);
  g_free (transfer->image);
  g_free (transfer->destination);
  g_variant_unref (transfer->options);
  cpd_bus_peer_unref (transfer->peer);
  g_object_unref (transfer->engine);
  g_free (transfer);
}

void
cpd_bus_transfer_progress (guint64 bytes_done, guint64 bytes_total, guint layers_done, guint layers_total, gpointer user_data)
{
  cpd_job_set_items (user_data, layers_done, layers_total);
  cpd_job_set_progress (user_data, bytes_done, bytes_total);
}

static CpdTransfer
describe (CpdJob *job, const Transfer *transfer, const CpdCaller *caller)
{
  gboolean verify = FALSE;
  gboolean is_given = g_variant_lookup (transfer->options, "tls-verify", "b", &verify);

  return (CpdTransfer) {
    .auth = transfer->auth,
    .tls_verify = is_given ? verify : -1,
    .timeout = (guint) cpd_bus_options_get_uint32 (transfer->options, "timeout", DEFAULT_TIMEOUT),
    .caller = caller,
    .progress = cpd_bus_transfer_progress,
    .user_data = job,
    .cancellable = cpd_job_get_cancellable (job),
  };
}

/* In the job's thread. */
static GVariant *
run_pull (CpdJob *job, gpointer user_data, GError **error)
{
  Transfer *transfer = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (transfer->peer);
  CpdTransfer how = describe (job, transfer, &caller);
  g_autofree char *policy = cpd_bus_options_get_string (transfer->options, "policy");
  g_autofree char *name = cpd_bus_options_get_string (transfer->options, "name");
  g_autofree char *os = cpd_bus_options_get_string (transfer->options, "os");
  g_autofree char *architecture = cpd_bus_options_get_string (transfer->options, "arch");
  g_autofree char *variant = cpd_bus_options_get_string (transfer->options, "variant");
  CpdPullOptions options = {
    .policy = policy != NULL ? (CpdPullPolicy) find_policy (policy) : CPD_PULL_ALWAYS,
    .name = name, .os = os, .architecture = architecture, .variant = variant,
  };
  g_auto(CpdPulled) pulled = { NULL };
  GVariantBuilder result = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *path = NULL;

  if (!cpd_engine_pull_image (transfer->engine, transfer->image, &options, &how, &pulled, error))
    {
      g_variant_builder_clear (&result);
      return NULL;
    }
  path = cpd_bus_image_path (pulled.id);
  g_variant_builder_add (&result, "{sv}", "id", g_variant_new_string (pulled.id));
  g_variant_builder_add (&result, "{sv}", "image", g_variant_new_object_path (path));
  g_variant_builder_add (&result, "{sv}", "name", g_variant_new_string (pulled.name));
  g_variant_builder_add (&result, "{sv}", "digest", g_variant_new_string (pulled.digest));
  return g_variant_builder_end (&result);
}

/* In the job's thread. */
static GVariant *
run_push (CpdJob *job, gpointer user_data, GError **error)
{
  Transfer *transfer = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (transfer->peer);
  CpdTransfer how = describe (job, transfer, &caller);
  g_autofree char *format = cpd_bus_options_get_string (transfer->options, "format");
  g_autofree char *digest = cpd_engine_push_image (transfer->engine, transfer->image, transfer->destination, format,
                                                   &how, error);
  GVariantBuilder result = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (digest == NULL)
    {
      g_variant_builder_clear (&result);
      return NULL;
    }
  g_variant_builder_add (&result, "{sv}", "digest", g_variant_new_string (digest));
  return g_variant_builder_end (&result);
}

/* In the job's thread. */
static GVariant *
run_list_tags (CpdJob *job, gpointer user_data, GError **error)
{
  Transfer *transfer = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (transfer->peer);
  CpdTransfer how = describe (job, transfer, &caller);
  g_autofree char *name = NULL;
  g_auto(GStrv) tags = cpd_engine_list_tags (transfer->engine, transfer->image, &how, &name, error);
  GVariantBuilder result = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (tags == NULL)
    {
      g_variant_builder_clear (&result);
      return NULL;
    }
  g_variant_builder_add (&result, "{sv}", "name", g_variant_new_string (name));
  g_variant_builder_add (&result, "{sv}", "tags", g_variant_new_strv ((const char *const *) tags, -1));
  return g_variant_builder_end (&result);
}

static GVariant *
repository_fields (const CpdFoundRepository *found)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (&dict, "{sv}", "index", g_variant_new_string (found->index));
  g_variant_builder_add (&dict, "{sv}", "name", g_variant_new_string (found->name));
  g_variant_builder_add (&dict, "{sv}", "description", g_variant_new_string (found->description));
  g_variant_builder_add (&dict, "{sv}", "stars", g_variant_new_int64 (found->stars));
  g_variant_builder_add (&dict, "{sv}", "official", g_variant_new_boolean (found->official));
  g_variant_builder_add (&dict, "{sv}", "automated", g_variant_new_boolean (found->automated));
  return g_variant_builder_end (&dict);
}

/* In the job's thread. */
static GVariant *
run_search (CpdJob *job, gpointer user_data, GError **error)
{
  Transfer *transfer = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (transfer->peer);
  CpdTransfer how = describe (job, transfer, &caller);
  guint limit = (guint) cpd_bus_options_get_uint32 (transfer->options, "limit", SEARCH_LIMIT);
  g_auto(GStrv) failures = NULL;
  g_autoptr(GPtrArray) found = cpd_engine_search_images (transfer->engine, transfer->image, limit, &how, &failures, error);
  GVariantBuilder result = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantBuilder rows = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  if (found == NULL)
    {
      g_variant_builder_clear (&result);
      g_variant_builder_clear (&rows);
      return NULL;
    }
  for (guint i = 0; i < found->len; i++)
    g_variant_builder_add_value (&rows, repository_fields (found->pdata[i]));
  g_variant_builder_add (&result, "{sv}", "repositories", g_variant_builder_end (&rows));
  g_variant_builder_add (&result, "{sv}", "failures", g_variant_new_strv ((const char *const *) failures, -1));
  return g_variant_builder_end (&result);
}

static void
start (CpdBusCall *call, const char *kind, CpdJobFunc func, const char *destination)
{
  Transfer *transfer;
  GError *error = NULL;
  int auth;

  if (!cpd_bus_call_get_fd_option (call, "authfile", &auth, &error))
    {
      cpd_bus_call_return (call, NULL, error);
      return;
    }
  transfer = g_new0 (Transfer, 1);
  transfer->engine = g_object_ref (cpd_bus_call_get_engine (call));
  transfer->peer = cpd_bus_peer_ref (cpd_bus_call_get_peer (call));
  transfer->options = g_variant_ref (cpd_bus_call_get_options (call));
  transfer->image = g_strdup (cpd_bus_call_get_string (call, 0));
  transfer->destination = g_strdup (destination);
  transfer->auth = auth;
  cpd_bus_jobs_start (call, cpd_job_new (kind, func, transfer, (GDestroyNotify) transfer_free));
}

void
cpd_bus_pull_start (CpdBusCall *call)
{
  start (call, "pull", run_pull, NULL);
}

void
cpd_bus_push_start (CpdBusCall *call)
{
  start (call, "push", run_push, cpd_bus_call_get_string (call, 1));
}

void
cpd_bus_list_tags_start (CpdBusCall *call)
{
  start (call, "list-tags", run_list_tags, NULL);
}

void
cpd_bus_search_start (CpdBusCall *call)
{
  start (call, "search", run_search, NULL);
}
