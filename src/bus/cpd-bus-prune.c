/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-prune.h"

#include "bus/cpd-bus-jobs.h"

const CpdBusOption cpd_bus_prune_options[] = {
  { "label", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "until", G_VARIANT_TYPE_UINT64, cpd_bus_check_time },
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace },
  CPD_BUS_JOB_OPTIONS,
  { NULL }
};

const CpdBusOption cpd_bus_preview_options[] = {
  { "label", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "until", G_VARIANT_TYPE_UINT64, cpd_bus_check_time },
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace },
  { NULL }
};

/* All that a prune needs once its call is answered. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  CpdBusPeer *peer;             /* (owned) */
  CpdPruneFilter filter;
} Prune;

static void
prune_free (Prune *prune)
{
  g_strfreev (prune->filter.labels);
  g_free (prune->filter.namespace);
  cpd_bus_peer_unref (prune->peer);
  g_object_unref (prune->engine);
  g_free (prune);
}

GVariant *
cpd_bus_prune_build_result (GPtrArray *pruned)
{
  GVariantBuilder result = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantBuilder removed = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_STRING_ARRAY);
  GVariantBuilder errors = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  guint64 bytes = 0;

  for (guint i = 0; i < pruned->len; i++)
    {
      const CpdPruned *one = pruned->pdata[i];

      if (one->error != NULL)
        g_variant_builder_add (&errors, "{ss}", one->id, one->error->message);
      else
        {
          g_variant_builder_add (&removed, "s", one->id);
          bytes += (guint64) one->bytes;
        }
    }
  g_variant_builder_add (&result, "{sv}", "removed", g_variant_builder_end (&removed));
  g_variant_builder_add (&result, "{sv}", "bytes", g_variant_new_uint64 (bytes));
  g_variant_builder_add (&result, "{sv}", "errors", g_variant_builder_end (&errors));
  return g_variant_builder_end (&result);
}

GVariant *
cpd_bus_prune_build_preview (GPtrArray *found)
{
  GVariantBuilder ids = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_STRING_ARRAY);
  guint64 bytes = 0;

  for (guint i = 0; i < found->len; i++)
    {
      const CpdPruned *one = found->pdata[i];

      g_variant_builder_add (&ids, "s", one->id);
      bytes += (guint64) one->bytes;
    }
  return g_variant_new ("(ast)", &ids, bytes);
}

/* In the job's thread. */
static GVariant *
run_prune (CpdJob *job, gpointer user_data, GError **error)
{
  Prune *prune = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (prune->peer);
  g_autoptr(GPtrArray) pruned =
    cpd_engine_prune_containers (prune->engine, &prune->filter, FALSE, &caller,
                                 cpd_job_get_cancellable (job), error);

  return pruned != NULL ? cpd_bus_prune_build_result (pruned) : NULL;
}

void
cpd_bus_start_prune (CpdBusCall *call)
{
  GVariant *options = cpd_bus_call_get_options (call);
  Prune *prune = g_new0 (Prune, 1);

  prune->engine = g_object_ref (cpd_bus_call_get_engine (call));
  prune->peer = cpd_bus_peer_ref (cpd_bus_call_get_peer (call));
  prune->filter.labels = cpd_bus_options_get_strings (options, "label");
  prune->filter.until = cpd_bus_options_get_time (options, "until");
  prune->filter.namespace = cpd_engine_choose_namespace (prune->engine, options);
  cpd_bus_jobs_start (call, cpd_job_new ("prune", run_prune, prune, (GDestroyNotify) prune_free));
}

GVariant *
cpd_bus_work_preview (CpdBusCall *call, GError **error)
{
  GVariant *options = cpd_bus_call_get_options (call);
  g_auto(GStrv) labels = cpd_bus_options_get_strings (options, "label");
  g_autofree char *namespace = cpd_engine_choose_namespace (cpd_bus_call_get_engine (call), options);
  CpdPruneFilter filter = { labels, cpd_bus_options_get_time (options, "until"), namespace };
  g_autoptr(GPtrArray) found =
    cpd_engine_prune_containers (cpd_bus_call_get_engine (call), &filter, TRUE,
                                 cpd_bus_call_get_caller (call),
                                 cpd_bus_call_get_cancellable (call), error);

  return found != NULL ? cpd_bus_prune_build_preview (found) : NULL;
}
