/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-migrate.h"

#include "bus/cpd-bus-jobs.h"

const CpdBusOption cpd_bus_migrate_options[] = {
  { "oci-runtime", G_VARIANT_TYPE_STRING },
  { "containers", G_VARIANT_TYPE_STRING_ARRAY },
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace },
  CPD_BUS_JOB_OPTIONS,
  { NULL }
};

/* All that a migration needs once its call is answered. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  CpdBusPeer *peer;             /* (owned) */
  char *oci_runtime;            /* (owned) (nullable) */
  char **containers;            /* (owned) (nullable) */
  char *namespace;              /* (owned) */
} Migration;

static void
migration_free (Migration *migration)
{
  g_strfreev (migration->containers);
  g_free (migration->oci_runtime);
  g_free (migration->namespace);
  cpd_bus_peer_unref (migration->peer);
  g_object_unref (migration->engine);
  g_free (migration);
}

static GVariant *
build_result (GPtrArray *results)
{
  GVariantBuilder result = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantBuilder migrated = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_STRING_ARRAY);
  GVariantBuilder errors = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));

  for (guint i = 0; i < results->len; i++)
    {
      const CpdMigrated *one = results->pdata[i];

      if (one->error != NULL)
        g_variant_builder_add (&errors, "{ss}", one->id, one->error->message);
      else
        g_variant_builder_add (&migrated, "s", one->id);
    }
  g_variant_builder_add (&result, "{sv}", "migrated", g_variant_builder_end (&migrated));
  g_variant_builder_add (&result, "{sv}", "errors", g_variant_builder_end (&errors));
  return g_variant_builder_end (&result);
}

/* In the job's thread. */
static GVariant *
run_migration (CpdJob *job, gpointer user_data, GError **error)
{
  Migration *migration = user_data;
  CpdCaller caller = cpd_bus_peer_get_caller (migration->peer);
  g_autoptr(GPtrArray) results =
    cpd_engine_migrate_containers (migration->engine, migration->oci_runtime,
                                   (const char *const *) migration->containers, migration->namespace, &caller,
                                   cpd_job_get_cancellable (job), error);

  return results != NULL ? build_result (results) : NULL;
}

void
cpd_bus_start_migrate (CpdBusCall *call)
{
  GVariant *options = cpd_bus_call_get_options (call);
  Migration *migration = g_new0 (Migration, 1);

  migration->engine = g_object_ref (cpd_bus_call_get_engine (call));
  migration->peer = cpd_bus_peer_ref (cpd_bus_call_get_peer (call));
  migration->oci_runtime = cpd_bus_options_get_string (options, "oci-runtime");
  migration->containers = cpd_bus_options_get_strings (options, "containers");
  migration->namespace = cpd_engine_choose_namespace (migration->engine, options);
  cpd_bus_jobs_start (call, cpd_job_new ("migrate", run_migration, migration, (GDestroyNotify) migration_free));
}
