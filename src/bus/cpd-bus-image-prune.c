/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-image-prune.h"

#include "bus/cpd-bus-jobs.h"
#include "bus/cpd-bus-prune.h"
#include "engine/images/cpd-image-prune.h"

const CpdBusOption cpd_bus_prune_images_options[] = {
  { "all", G_VARIANT_TYPE_BOOLEAN },
  { "label", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "label-not", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "until", G_VARIANT_TYPE_UINT64, cpd_bus_check_time },
  CPD_BUS_JOB_OPTIONS,
  { NULL }
};

const CpdBusOption cpd_bus_preview_images_options[] = {
  { "all", G_VARIANT_TYPE_BOOLEAN },
  { "label", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "label-not", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "until", G_VARIANT_TYPE_UINT64, cpd_bus_check_time },
  { NULL }
};

/* All that a prune needs once its call is answered. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  CpdBusPeer *peer;             /* (owned) */
  GVariant *options;            /* (owned) */
} Prune;

static void
prune_free (Prune *prune)
{
  g_variant_unref (prune->options);
  cpd_bus_peer_unref (prune->peer);
  g_object_unref (prune->engine);
  g_free (prune);
}

static GPtrArray *
prune_images (CpdEngine *engine, GVariant *options, gboolean dry_run, const CpdCaller *caller,
              GCancellable *cancellable, GError **error)
{
  g_auto(CpdImageQuery) query = CPD_IMAGE_QUERY_ALL;

  query.labels = cpd_bus_options_get_strings (options, "label");
  query.labels_not = cpd_bus_options_get_strings (options, "label-not");
  query.until = cpd_bus_options_get_time (options, "until");
  return cpd_engine_prune_images (engine, &query, cpd_bus_options_get_boolean (options, "all", FALSE), dry_run, caller,
                                  cancellable, error);
}

/* In the job's thread. */
static GVariant *
run_prune (CpdJob *job, gpointer user_data, GError **error)
{
  Prune *prune = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (prune->peer);
  g_autoptr(GPtrArray) pruned = prune_images (prune->engine, prune->options, FALSE, &caller,
                                              cpd_job_get_cancellable (job), error);

  return pruned != NULL ? cpd_bus_prune_build_result (pruned) : NULL;
}

void
cpd_bus_start_prune_images (CpdBusCall *call)
{
  Prune *prune = g_new0 (Prune, 1);

  prune->engine = g_object_ref (cpd_bus_call_get_engine (call));
  prune->peer = cpd_bus_peer_ref (cpd_bus_call_get_peer (call));
  prune->options = g_variant_ref (cpd_bus_call_get_options (call));
  cpd_bus_jobs_start (call, cpd_job_new ("prune", run_prune, prune, (GDestroyNotify) prune_free));
}

GVariant *
cpd_bus_work_preview_images (CpdBusCall *call, GError **error)
{
  g_autoptr(GPtrArray) found = prune_images (cpd_bus_call_get_engine (call), cpd_bus_call_get_options (call), TRUE,
                                             cpd_bus_call_get_caller (call), cpd_bus_call_get_cancellable (call), error);

  return found != NULL ? cpd_bus_prune_build_preview (found) : NULL;
}
