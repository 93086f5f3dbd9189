/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-transfer.h"

#include <string.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-process.h"
#include "engine/cpd-engine-private.h"
#include "engine/images/cpd-image-fetch.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-platform.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"
#include "storage/cpd-storage-transfer.h"
#include "transport/cpd-registries.h"
#include "transport/cpd-signature-policy.h"

#define WAIT_MS 100

void
cpd_pulled_clear (CpdPulled *pulled)
{
  g_clear_pointer (&pulled->id, g_free);
  g_clear_pointer (&pulled->name, g_free);
  g_clear_pointer (&pulled->digest, g_free);
}

CpdSkopeo *
cpd_engine_new_skopeo (CpdEngine *engine, const CpdTransfer *transfer, GCancellable *cancellable, GError **error)
{
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (engine);
  g_auto(GStrv) paths = cpd_config_get_list (config, CPD_KEY_SKOPEO_PATH);
  g_autofree char *program = cpd_process_find ((const char *const *) paths);
  const char *registries = cpd_engine_configured_path (config, CPD_KEY_REGISTRIES_CONF_PATH, CPD_REGISTRIES_CONF);
  g_autoptr(CpdSkopeo) skopeo = NULL;

  if (program == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED,
                   "skopeo, which speaks to registries, is not installed: there is no %s", paths[0]);
      return NULL;
    }
  skopeo = cpd_skopeo_new (program, transfer->auth, cancellable, error);
  if (skopeo == NULL)
    return NULL;
  skopeo->tls_verify = transfer->tls_verify;
  skopeo->silence = transfer->timeout;
  if (g_file_test (registries, G_FILE_TEST_EXISTS))
    skopeo->registries_conf = g_strdup (registries);
  skopeo->policy = g_strdup (cpd_engine_configured_path (config, CPD_KEY_SIGNATURE_POLICY_PATH, CPD_SIGNATURE_POLICY));
  return g_steal_pointer (&skopeo);
}

gboolean
cpd_engine_check_transport (CpdTransport transport, const CpdCaller *caller, GError **error)
{
  if (transport == CPD_TRANSPORT_DOCKER || caller->uid == 0 || caller->uid == geteuid ())
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
               "%s names files of the host, which is for root alone", cpd_transport_prefix (transport));
  return FALSE;
}

/* What waits for an image that is being pulled already, and is woken when it is here. */
static gboolean
begin_alone (CpdEngine *engine, const char *key, GCancellable *cancellable, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&engine->mutex);

  while (g_hash_table_contains (engine->pulls, key))
    {
      if (g_cancellable_is_cancelled (cancellable))
        {
          g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
          return FALSE;
        }
      g_cond_wait_until (&engine->changed, &engine->mutex, g_get_monotonic_time () + WAIT_MS * 1000);
    }
  g_hash_table_add (engine->pulls, g_strdup (key));
  return TRUE;
}

static void
end_alone (CpdEngine *engine, const char *key)
{
  g_mutex_lock (&engine->mutex);
  g_hash_table_remove (engine->pulls, key);
  g_cond_broadcast (&engine->changed);
  g_mutex_unlock (&engine->mutex);
}

static void
cancel_fetch (GCancellable *cancellable, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

static gboolean
begin_fetch (CpdFetch *fetch, CpdEngine *engine, const CpdPullOptions *options, const CpdTransfer *transfer,
             GError **error)
{
  fetch->transfer = transfer;
  fetch->platform = (CpdPlatform) { options->os, options->architecture, options->variant };
  g_mutex_init (&fetch->lock);
  fetch->cancellable = g_cancellable_new ();
  if (transfer->cancellable != NULL)
    fetch->cancelled_id = g_cancellable_connect (transfer->cancellable, G_CALLBACK (cancel_fetch), fetch->cancellable,
                                                 NULL);
  fetch->skopeo = cpd_engine_new_skopeo (engine, transfer, fetch->cancellable, error);
  if (fetch->skopeo == NULL)
    return FALSE;
  fetch->skopeo->os = g_strdup (options->os);
  fetch->skopeo->architecture = g_strdup (options->architecture);
  fetch->skopeo->variant = g_strdup (options->variant);
  return TRUE;
}

static char *
digest_name (const CpdFetch *fetch, const char *digest)
{
  g_autofree char *repository = cpd_reference_repository (fetch->name);

  return g_strconcat (repository, "@", digest, NULL);
}

/* What the image is to be called: its name, unless that has a digest, and where it was found. */
static char **
list_names (const CpdFetch *fetch)
{
  g_autoptr(GStrvBuilder) names = g_strv_builder_new ();

  if (fetch->name != NULL && strchr (fetch->name, '@') == NULL)
    g_strv_builder_add (names, fetch->name);
  if (fetch->name != NULL && cpd_transport_is_exact (fetch->transport))
    {
      g_autofree char *top = digest_name (fetch, fetch->top_digest);
      g_autofree char *own = fetch->text_digest != NULL ? digest_name (fetch, fetch->text_digest) : NULL;

      g_strv_builder_add (names, top);
      if (own != NULL && fetch->is_raw && strcmp (own, top) != 0)
        g_strv_builder_add (names, own);
    }
  return g_strv_builder_end (names);
}

/* The image that the digest of the answer leads to, if it is here and for the wanted platform. */
static CpdImageRow *
find_unchanged (CpdEngine *engine, const CpdFetch *fetch)
{
  g_autofree char *name = NULL;
  g_autoptr(CpdImageRow) row = NULL;
  g_autoptr(CpdImageInfo) info = NULL;

  if (fetch->name == NULL || fetch->platform.variant != NULL || !cpd_transport_is_exact (fetch->transport))
    return NULL;
  name = digest_name (fetch, fetch->top_digest);
  row = cpd_store_get_image_by_name (engine->store, name, NULL);
  info = row != NULL ? cpd_image_info_parse (row->config, NULL) : NULL;
  return info != NULL && cpd_image_info_fits (info, &fetch->platform) ? g_steal_pointer (&row) : NULL;
}

static void
set_pulled (CpdPulled *pulled, char *id, const char *name, const char *digest)
{
  cpd_pulled_clear (pulled);
  pulled->id = id;
  pulled->name = g_strdup (name != NULL ? name : "");
  pulled->digest = g_strdup (digest != NULL ? digest : "");
}

/* For messages and events. */
static const char *
shown_name (const CpdFetch *fetch)
{
  return fetch->name != NULL ? fetch->name : fetch->reference;
}

static gboolean
commit (CpdFetch *fetch, CpdPulled *pulled, GError **error)
{
  g_auto(GStrv) names = list_names (fetch);
  gboolean keep = fetch->name != NULL && cpd_transport_is_exact (fetch->transport);
  const char *texts[] = { keep ? fetch->top : NULL, fetch->is_raw ? fetch->text : NULL, NULL };
  CpdImageContents contents = {
    .config = fetch->config,
    .created = fetch->info->created,
    .manifest = cpd_transport_is_exact (fetch->transport) && fetch->is_raw && fetch->manifest->is_oci ? fetch->text : NULL,
    .texts = texts,
    .names = (const char *const *) names,
    .event = "pull",
    .event_name = shown_name (fetch),
  };
  char *id = cpd_image_writer_commit (fetch->writer, &contents, fetch->transfer->caller, error);

  if (id != NULL)
    set_pulled (pulled, id, fetch->name, keep ? fetch->top_digest : NULL);
  return id != NULL;
}

/* The signature policy's word on the image; VERIFY is set where it wants to see signatures. */
static gboolean
ask_policy (const CpdFetch *fetch, gboolean *verify, GError **error)
{
  CpdPolicyVerdict verdict;

  if (!cpd_signature_policy_judge (fetch->skopeo->policy, fetch->transport, shown_name (fetch), &verdict, error))
    return FALSE;
  *verify = verdict == CPD_POLICY_VERIFY;
  if (verdict != CPD_POLICY_REJECT)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_IMAGE_REJECTED, "the policy in %s rejects it", fetch->skopeo->policy);
  return FALSE;
}

/* The image as it is now where it comes from. Nothing but layers that are here already is taken from here. */
static gboolean
fetch_image (CpdEngine *engine, CpdFetch *fetch, CpdPulled *pulled, GError **error)
{
  const CpdLayerLimits limits = cpd_engine_get_layer_limits (engine);
  g_autoptr(CpdImageRow) unchanged = NULL;
  gboolean verify;

  if (!ask_policy (fetch, &verify, error))
    return FALSE;
  fetch->writer = cpd_image_writer_new (engine->storage, shown_name (fetch), &limits, error);
  if (fetch->writer == NULL)
    return FALSE;
  fetch->skopeo->tmp_dir = g_strdup (cpd_image_writer_get_directory (fetch->writer));
  if (!cpd_fetch_top (fetch, error))
    return FALSE;
  cpd_fault_point ("pull.answered");
  unchanged = verify ? NULL : find_unchanged (engine, fetch);
  if (unchanged != NULL)
    {
      g_auto(GStrv) names = list_names (fetch);

      if (!cpd_storage_confirm_image (engine->storage, unchanged->id, (const char *const *) names, shown_name (fetch),
                                      fetch->transfer->caller, error))
        return FALSE;
      set_pulled (pulled, g_steal_pointer (&unchanged->id), fetch->name, fetch->top_digest);
      return TRUE;
    }
  if (!cpd_fetch_manifest (fetch, verify, error))
    return FALSE;
  cpd_fault_point ("pull.described");
  return cpd_fetch_layers (fetch, error) && commit (fetch, pulled, error);
}

/* Whether what is asked for is here, and that is good enough. */
static gboolean
find_local (CpdEngine *engine, const char *name, const CpdPullOptions *options, CpdPulled *pulled)
{
  g_autoptr(CpdImageRow) row = NULL;
  g_autoptr(CpdImageInfo) info = NULL;
  CpdPlatform platform = { options->os, options->architecture, options->variant };

  if (options->policy != CPD_PULL_MISSING && options->policy != CPD_PULL_NEVER)
    return FALSE;
  row = name != NULL ? cpd_storage_find_image (engine->storage, name, NULL) : NULL;
  info = row != NULL ? cpd_image_info_parse (row->config, NULL) : NULL;
  if (info != NULL && options->os == NULL && options->architecture == NULL)
    platform = (CpdPlatform) { info->os, info->architecture, NULL };   /* whatever it is */
  if (info == NULL || !cpd_image_info_fits (info, &platform))
    return FALSE;
  set_pulled (pulled, g_strdup (row->id), name, NULL);
  return TRUE;
}

static gboolean
fail_never (const char *name, GError **error)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE, "image %s is not here, and may not be pulled", name);
  return FALSE;
}

/* From one place. NAME is its full name, REFERENCE how skopeo takes it. */
static gboolean
pull_from (CpdEngine *engine, CpdTransport transport, const char *reference, const char *name,
           const CpdPullOptions *options, const CpdTransfer *transfer, CpdPulled *pulled, GError **error)
{
  g_autofree char *key = g_strdup_printf ("%s %s/%s/%s", name != NULL ? name : reference,
                                          options->os != NULL ? options->os : "",
                                          options->architecture != NULL ? options->architecture : "",
                                          options->variant != NULL ? options->variant : "");
  gboolean done;

  if (!begin_alone (engine, key, transfer->cancellable, error))
    return FALSE;
  done = find_local (engine, name, options, pulled);
  if (!done && options->policy == CPD_PULL_NEVER)
    fail_never (name != NULL ? name : reference, error);
  else if (!done)
    {
      g_auto(CpdFetch) fetch = { .transport = transport, .reference = g_strdup (reference), .name = g_strdup (name) };

      done = begin_fetch (&fetch, engine, options, transfer, error) && fetch_image (engine, &fetch, pulled, error);
    }
  end_alone (engine, key);
  if (!done)
    g_prefix_error (error, "failed to pull image %s: ", name != NULL ? name : reference);
  return done;
}

/* Tries all that a short name may stand for; the errors of all are told, with the code of the one that says most. */
static gboolean
pull_candidates (CpdEngine *engine, char **names, const CpdPullOptions *options, const CpdTransfer *transfer,
                 CpdPulled *pulled, GError **error)
{
  g_autoptr(GString) text = g_string_new (NULL);
  CpodError code = CPOD_ERROR_NO_SUCH_IMAGE;

  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *pullable = cpd_reference_pullable (*name);
      g_autofree char *reference = g_strconcat (cpd_transport_prefix (CPD_TRANSPORT_DOCKER), pullable, NULL);
      g_autoptr(GError) failure = NULL;

      if (pull_from (engine, CPD_TRANSPORT_DOCKER, reference, pullable, options, transfer, pulled, &failure))
        return TRUE;
      if (names[1] == NULL || g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_CANCELLED))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      if (code == CPOD_ERROR_NO_SUCH_IMAGE && failure->domain == CPOD_ERROR)
        code = (CpodError) failure->code;
      g_string_append_printf (text, "%s%s", text->len > 0 ? "; " : "", failure->message);
    }
  g_set_error_literal (error, CPOD_ERROR, code, text->str);
  return FALSE;
}

static gboolean
pull_by_name (CpdEngine *engine, const char *name, const CpdPullOptions *options, const CpdTransfer *transfer,
              CpdPulled *pulled, GError **error)
{
  g_autoptr(CpdRegistries) registries = cpd_engine_load_registries (engine, error);
  g_auto(GStrv) names = registries != NULL ? cpd_registries_resolve (registries, name, error) : NULL;

  if (names == NULL)
    {
      g_prefix_error (error, "failed to pull image %s: ", name);
      return FALSE;
    }
  return pull_candidates (engine, names, options, transfer, pulled, error);
}

/* From files of the host. */
static gboolean
pull_from_files (CpdEngine *engine, CpdTransport transport, const char *rest, const CpdPullOptions *options,
                 const CpdTransfer *transfer, CpdPulled *pulled, GError **error)
{
  g_autofree char *given = options->name != NULL ? g_strdup (options->name)
                                                 : cpd_image_source_get_name (transport, rest);
  g_autofree char *reference = g_strconcat (cpd_transport_prefix (transport), rest, NULL);
  g_autofree char *name = NULL;

  if (given != NULL)
    {
      name = cpd_reference_normalize (given, error);
      if (name == NULL)
        return FALSE;
    }
  return pull_from (engine, transport, reference, name, options, transfer, pulled, error);
}

/* One that is here under a name that the policy lets pass, before anybody asks which registry might be meant. */
static gboolean
find_by_given_name (CpdEngine *engine, const char *given, const CpdPullOptions *options, CpdPulled *pulled)
{
  g_auto(GStrv) candidates = cpd_reference_candidates (given, NULL);

  for (char **name = candidates; name != NULL && *name != NULL; name++)
    {
      g_autofree char *pullable = cpd_reference_pullable (*name);

      if (find_local (engine, pullable, options, pulled))
        return TRUE;
    }
  return FALSE;
}

/* From a registry. */
static gboolean
pull_from_registry (CpdEngine *engine, const char *name, const CpdPullOptions *options, const CpdTransfer *transfer,
                    CpdPulled *pulled, GError **error)
{
  CpdPullOptions local = *options;
  g_autoptr(GError) failure = NULL;

  if (find_by_given_name (engine, name, options, pulled)
      || pull_by_name (engine, name, options, transfer, pulled, &failure))
    return TRUE;
  if (options->policy == CPD_PULL_NEVER)
    return fail_never (name, error);
  /* No newer one is to be had: one that is here will do. */
  local.policy = CPD_PULL_MISSING;
  if (options->policy == CPD_PULL_NEWER && !g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_CANCELLED)
      && find_by_given_name (engine, name, &local, pulled))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

gboolean
cpd_engine_pull_image (CpdEngine *engine, const char *reference, const CpdPullOptions *options,
                       const CpdTransfer *transfer, CpdPulled *pulled, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (engine);
  const char *transport_key = cpd_config_get_string (config, CPD_KEY_IMAGE_DEFAULT_TRANSPORT);
  g_autofree char *whole = NULL;
  CpdTransport transport;
  const char *rest;

  if (!cpd_image_source_split (reference, &transport, &rest, error))
    return FALSE;
  if (rest == reference && strcmp (transport_key, cpd_transport_prefix (CPD_TRANSPORT_DOCKER)) != 0)
    {
      whole = g_strconcat (transport_key, reference, NULL);
      if (!cpd_image_source_split (whole, &transport, &rest, error))
        return FALSE;
    }
  if (!cpd_engine_check_transport (transport, transfer->caller, error))
    return FALSE;
  if (transport != CPD_TRANSPORT_DOCKER)
    return pull_from_files (engine, transport, rest, options, transfer, pulled, error);
  return pull_from_registry (engine, rest, options, transfer, pulled, error);
}
