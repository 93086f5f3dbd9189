/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-container-query.h"

#include "bus/cpd-bus-container-list.h"
#include "bus/cpd-bus-files.h"
#include "bus/cpd-bus-policy.h"
#include "public/cpod-error.h"

/* ListContainers(): what is asked for. */

static gboolean
check_states (GVariant *value, GError **error)
{
  g_autofree const char **states = g_variant_get_strv (value, NULL);
  CpdContainerState state;

  for (const char **s = states; *s != NULL; s++)
    if (!cpd_container_state_from_string (*s, &state))
      {
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                     "'%s' is no state of a container", *s);
        return FALSE;
      }
  return TRUE;
}

static gboolean
check_fields (GVariant *value, GError **error)
{
  g_autofree const char **fields = g_variant_get_strv (value, NULL);

  for (const char **f = fields; *f != NULL; f++)
    if (!cpd_bus_container_list_has_field (*f))
      {
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no known key", *f);
        return FALSE;
      }
  return TRUE;
}

static gboolean
check_patterns (GVariant *value, GError **error)
{
  g_autofree const char **patterns = g_variant_get_strv (value, NULL);

  for (const char **p = patterns; *p != NULL; p++)
    if (!cpd_container_pattern_check (*p, error))
      return FALSE;
  return cpd_bus_check_filter (value, error);
}

const CpdBusOption cpd_bus_list_options[] = {
  { "id", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "containers", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "name", G_VARIANT_TYPE_STRING_ARRAY, check_patterns },
  { "state", G_VARIANT_TYPE_STRING_ARRAY, check_states },
  { "image", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "label", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "exited", (const GVariantType *) "ai", cpd_bus_check_filter },
  { "restart-policy", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "depends", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "before", G_VARIANT_TYPE_STRING },
  { "since", G_VARIANT_TYPE_STRING },
  { "until", G_VARIANT_TYPE_UINT64, cpd_bus_check_time },
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace },
  { "all", G_VARIANT_TYPE_BOOLEAN },
  { "limit", G_VARIANT_TYPE_UINT32 },
  { "after", G_VARIANT_TYPE_STRING },
  { "fields", G_VARIANT_TYPE_STRING_ARRAY, check_fields },
  { "size", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

/* All that a query points to. */
typedef struct
{
  CpdContainerQuery query;
  char *before;
  char *since;
  char *namespace;
} Query;

static void
query_clear (Query *self)
{
  g_free (self->query.after);
  g_strfreev (self->query.ids);
  g_strfreev (self->query.id_prefixes);
  g_strfreev (self->query.names);
  g_strfreev (self->query.states);
  g_strfreev (self->query.images);
  g_strfreev (self->query.labels);
  g_strfreev (self->query.exit_codes);
  g_strfreev (self->query.depends);
  g_strfreev (self->query.restart_policies);
  g_free (self->before);
  g_free (self->since);
  g_free (self->namespace);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Query, query_clear)

static char **
get_exit_codes (GVariant *options)
{
  g_autoptr(GStrvBuilder) codes = g_strv_builder_new ();
  g_autoptr(GVariant) given = g_variant_lookup_value (options, "exited", G_VARIANT_TYPE ("ai"));

  for (gsize i = 0; given != NULL && i < g_variant_n_children (given); i++)
    {
      g_autofree char *code = NULL;
      gint32 number;

      g_variant_get_child (given, i, "i", &number);
      code = g_strdup_printf ("%d", number);
      g_strv_builder_add (codes, code);
    }
  return g_strv_builder_end (codes);
}

/* Containers that filters name are found as they are everywhere. */
static gboolean
find_one (CpdEngine *engine, const char *option, const char *name, const char *namespace, char **id,
          GError **error)
{
  *id = cpd_engine_find_container (engine, name, namespace, error);
  if (*id != NULL)
    return TRUE;
  g_prefix_error (error, "option '%s': ", option);
  return FALSE;
}

/* Puts ids in the place of NAMES; all that no container fits are told at once. */
static gboolean
find_all (CpdEngine *engine, const char *option, char **names, const char *namespace, GError **error)
{
  g_autoptr(GString) texts = g_string_new (NULL);
  int code = 0;

  for (char **name = names; name != NULL && *name != NULL; name++)
    {
      g_autoptr(GError) failure = NULL;
      char *id = cpd_engine_find_container (engine, *name, namespace, &failure);

      if (id == NULL)
        {
          g_string_append_printf (texts, "%s%s", texts->len > 0 ? "; " : "", failure->message);
          code = code != 0 ? code : failure->code;
          continue;
        }
      g_free (*name);
      *name = id;
    }
  if (texts->len == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, code, "option '%s': %s", option, texts->str);
  return FALSE;
}

static gboolean
find_containers (CpdEngine *engine, GVariant *options, Query *self, GError **error)
{
  g_autofree char *before = cpd_bus_options_get_string (options, "before");
  g_autofree char *since = cpd_bus_options_get_string (options, "since");

  if (!find_all (engine, "containers", self->query.ids, self->namespace, error)
      || !find_all (engine, "depends", self->query.depends, self->namespace, error)
      || (before != NULL && !find_one (engine, "before", before, self->namespace, &self->before, error))
      || (since != NULL && !find_one (engine, "since", since, self->namespace, &self->since, error)))
    return FALSE;
  self->query.before = self->before;
  self->query.since = self->since;
  return TRUE;
}

static void
read_filters (CpdEngine *engine, GVariant *options, Query *self)
{
  CpdContainerQuery *query = &self->query;

  self->namespace = cpd_engine_choose_namespace (engine, options);
  query->namespace = self->namespace;
  query->all = cpd_bus_options_get_boolean (options, "all", TRUE);
  query->limit = (guint) cpd_bus_options_get_uint32 (options, "limit", 0);
  query->after = cpd_bus_options_get_string (options, "after");
  query->ids = cpd_bus_options_get_strings (options, "containers");
  query->id_prefixes = cpd_bus_options_get_strings (options, "id");
  query->names = cpd_bus_options_get_strings (options, "name");
  query->states = cpd_bus_options_get_strings (options, "state");
  query->images = cpd_bus_options_get_strings (options, "image");
  query->labels = cpd_bus_options_get_strings (options, "label");
  query->depends = cpd_bus_options_get_strings (options, "depends");
  query->restart_policies = cpd_bus_options_get_strings (options, "restart-policy");
  query->exit_codes = get_exit_codes (options);
  query->until = cpd_bus_options_get_time (options, "until");
}

GVariant *
cpd_bus_work_list (CpdBusCall *call, GError **error)
{
  CpdEngine *engine = cpd_bus_call_get_engine (call);
  GVariant *options = cpd_bus_call_get_options (call);
  g_auto(GStrv) strings = cpd_bus_options_get_strings (options, "fields");
  const char *const *fields = (const char *const *) strings;
  g_auto(Query) self = { 0 };
  g_autoptr(GPtrArray) rows = NULL;
  GVariant *columns;

  read_filters (engine, options, &self);
  self.query.with_config = cpd_bus_policy_shows_secrets (call) && fields != NULL
                           && (g_strv_contains (fields, "command") || g_strv_contains (fields, "labels"));
  if (!find_containers (engine, options, &self, error))
    return NULL;
  rows = cpd_store_list_containers (cpd_engine_get_store (engine), &self.query, error);
  if (rows == NULL)
    return NULL;
  columns = cpd_bus_container_list (rows, fields);
  if (cpd_bus_options_get_boolean (options, "size", FALSE))
    columns = cpd_bus_add_sizes (engine, columns, rows);
  return g_variant_new ("(@a{sv})", columns);
}
