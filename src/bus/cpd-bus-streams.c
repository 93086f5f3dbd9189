/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-streams.h"

#include "bus/cpd-bus-policy.h"
#include "bus/cpd-bus-rows.h"
#include "engine/streams/cpd-event-stream.h"
#include "engine/streams/cpd-stats.h"
#include "public/cpod-error.h"

/* How often somebody may be told what containers use. */
#define INTERVAL_MIN_MS 100
#define INTERVAL_MAX_MS (3600 * 1000)
#define INTERVAL_MS 1000

static gboolean
check_range (guint32 number, guint32 least, guint32 most, GError **error)
{
  if (number >= least && number <= most)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "%u is not in the range %u to %u", number, least, most);
  return FALSE;
}

static gboolean
check_event_limit (GVariant *value, GError **error)
{
  return check_range (g_variant_get_uint32 (value), 1, CPD_EVENTS_MAX, error);
}

static gboolean
check_interval (GVariant *value, GError **error)
{
  return check_range (g_variant_get_uint32 (value), INTERVAL_MIN_MS, INTERVAL_MAX_MS, error);
}

#define EVENT_FILTERS \
  { "type", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter }, \
  { "status", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter }, \
  { "id", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter }, \
  { "name", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter }, \
  { "container", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter }, \
  { "image", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter }, \
  { "label", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter }, \
  { "from-time", G_VARIANT_TYPE_UINT64, cpd_bus_check_time }, \
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace }

const CpdBusOption cpd_bus_event_options[] = {
  EVENT_FILTERS,
  { "limit", G_VARIANT_TYPE_UINT32, check_event_limit },
  { "until-time", G_VARIANT_TYPE_UINT64, cpd_bus_check_time },
  { NULL }
};

const CpdBusOption cpd_bus_event_stream_options[] = {
  EVENT_FILTERS,
  { "follow", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

const CpdBusOption cpd_bus_stats_options[] = {
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace },
  { NULL }
};

const CpdBusOption cpd_bus_stats_stream_options[] = {
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace },
  { "interval", G_VARIANT_TYPE_UINT32, check_interval },
  { NULL }
};

static CpdEventQuery *
build_query (CpdBusCall *call)
{
  GVariant *options = cpd_bus_call_get_options (call);
  CpdEventQuery *query = g_new0 (CpdEventQuery, 1);

  query->since = cpd_bus_call_get_uint64 (call, 0);
  query->limit = (guint) cpd_bus_options_get_uint32 (options, "limit", CPD_EVENTS_MAX);
  query->from_time = cpd_bus_options_get_time (options, "from-time");
  query->until_time = cpd_bus_options_get_time (options, "until-time");
  query->types = cpd_bus_options_get_strings (options, "type");
  query->statuses = cpd_bus_options_get_strings (options, "status");
  query->id_prefixes = cpd_bus_options_get_strings (options, "id");
  query->names = cpd_bus_options_get_strings (options, "name");
  query->containers = cpd_bus_options_get_strings (options, "container");
  query->images = cpd_bus_options_get_strings (options, "image");
  query->labels = cpd_bus_options_get_strings (options, "label");
  query->namespace = cpd_bus_options_get_string (options, "namespace");
  return query;
}

GVariant *
cpd_bus_work_get_events (CpdBusCall *call, GError **error)
{
  g_autoptr(CpdEventQuery) query = build_query (call);
  guint64 last = 0;
  gboolean gap = FALSE;
  g_autoptr(GPtrArray) rows = cpd_store_list_events (cpd_engine_get_store (cpd_bus_call_get_engine (call)), query, &last,
                                                     &gap, error);
  GVariantBuilder events;

  if (rows == NULL)
    return NULL;
  g_variant_builder_init (&events, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < rows->len; i++)
    {
      CpdEventRow *row = rows->pdata[i];

      if (!cpd_bus_policy_shows_secrets (call))
        g_clear_pointer (&row->labels, g_variant_unref);
      g_variant_builder_add_value (&events, cpd_bus_event_fields (row));
    }
  return g_variant_new ("(aa{sv}tb)", &events, last, gap);
}

GVariant *
cpd_bus_work_stream_events (CpdBusCall *call, GError **error)
{
  gboolean follow = cpd_bus_options_get_boolean (cpd_bus_call_get_options (call), "follow", TRUE);
  int fd = cpd_engine_stream_events (cpd_bus_call_get_engine (call), cpd_bus_call_get_caller (call)->uid,
                                     build_query (call), follow, error);

  return cpd_bus_call_reply_fd (call, fd, error);
}

/* The whole ids of those that the first argument names; none, of all, are NULL. */
static gboolean
find_ids (CpdBusCall *call, const char *namespace, char ***ids, GError **error)
{
  CpdEngine *engine = cpd_bus_call_get_engine (call);
  g_auto(GStrv) names = cpd_bus_call_get_strings (call, 0);
  g_autoptr(GStrvBuilder) found = g_strv_builder_new ();

  *ids = NULL;
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *id = cpd_engine_find_container (engine, *name, namespace, error);

      if (id == NULL)
        return FALSE;
      g_strv_builder_add (found, id);
    }
  if (names[0] != NULL)
    *ids = g_strv_builder_end (found);
  return TRUE;
}

static void
add_number (GVariantBuilder *dict, const char *key, guint64 number)
{
  g_variant_builder_add (dict, "{sv}", key, g_variant_new_uint64 (number));
}

static GVariant *
build_stats (const CpdStats *stats)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (&dict, "{sv}", "id", g_variant_new_string (stats->id));
  g_variant_builder_add (&dict, "{sv}", "name", g_variant_new_string (stats->name));
  add_number (&dict, "time", (guint64) stats->time);
  add_number (&dict, "started", (guint64) stats->started);
  g_variant_builder_add (&dict, "{sv}", "cpu", g_variant_new_double (stats->cpu));
  add_number (&dict, "cpu-time", stats->usage.cpu_ns);
  add_number (&dict, "memory", stats->usage.memory);
  add_number (&dict, "memory-limit", stats->usage.memory_limit);
  add_number (&dict, "pids", stats->usage.pids);
  add_number (&dict, "net-input", stats->net_input);
  add_number (&dict, "net-output", stats->net_output);
  add_number (&dict, "block-input", stats->usage.read_bytes);
  add_number (&dict, "block-output", stats->usage.written_bytes);
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_work_get_stats (CpdBusCall *call, GError **error)
{
  CpdEngine *engine = cpd_bus_call_get_engine (call);
  g_autofree char *namespace = cpd_engine_choose_namespace (engine, cpd_bus_call_get_options (call));
  g_autoptr(GPtrArray) all = NULL;
  g_auto(GStrv) ids = NULL;
  GVariantBuilder list;

  if (find_ids (call, namespace, &ids, error))
    all = cpd_engine_get_stats (engine, (const char *const *) ids, namespace, NULL, error);
  if (all == NULL)
    return NULL;
  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < all->len; i++)
    g_variant_builder_add_value (&list, build_stats (all->pdata[i]));
  return g_variant_new ("(aa{sv})", &list);
}

GVariant *
cpd_bus_work_stream_stats (CpdBusCall *call, GError **error)
{
  CpdEngine *engine = cpd_bus_call_get_engine (call);
  GVariant *options = cpd_bus_call_get_options (call);
  g_autofree char *namespace = cpd_engine_choose_namespace (engine, options);
  guint interval = (guint) cpd_bus_options_get_uint32 (options, "interval", INTERVAL_MS);
  g_auto(GStrv) ids = NULL;

  if (!find_ids (call, namespace, &ids, error))
    return NULL;
  return cpd_bus_call_reply_fd (call, cpd_engine_stream_stats (engine, cpd_bus_call_get_caller (call)->uid,
                                                               (const char *const *) ids, namespace, interval, error),
                                error);
}
