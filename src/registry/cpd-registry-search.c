/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registry/cpd-registry-search.h"

#include <string.h>

#include "common/cpd-json.h"
#include "public/cpod-error.h"

#define CATALOG "/v2/_catalog?n=1000"
/* A registry that always has another page is to be left at some point. */
#define PAGES_MAX 1000

static gboolean
fail_answer (const char *what, GError **error)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED, "its answer is no %s", what);
  return FALSE;
}

/* The object that ANSWER is, or NULL. */
static JsonObject *
parse (const char *answer, JsonNode **node)
{
  *node = cpd_json_parse (answer, -1, NULL);
  return *node != NULL && JSON_NODE_HOLDS_OBJECT (*node) ? json_node_get_object (*node) : NULL;
}

static void
add_found (JsonArray *found, const char *name, JsonObject *result)
{
  JsonObject *row = json_object_new ();

  json_object_set_string_member (row, "name", name);
  if (result != NULL)
    {
      const char *description = cpd_json_get_string (result, "description");

      json_object_set_string_member (row, "description", description != NULL ? description : "");
      json_object_set_int_member (row, "stars", cpd_json_get_int (result, "star_count"));
      json_object_set_boolean_member (row, "official", cpd_json_get_boolean (result, "is_official"));
      json_object_set_boolean_member (row, "automated", cpd_json_get_boolean (result, "is_automated"));
    }
  json_array_add_object_element (found, row);
}

/* FALSE without an error when the registry has no such search. */
static gboolean
search_index (CpdRegistryHttp *http, const char *term, guint limit, JsonArray *found, GError **error)
{
  g_autofree char *escaped = g_uri_escape_string (term, NULL, FALSE);
  g_autofree char *path = g_strdup_printf ("/v1/search?q=%s&n=%u", escaped, limit);
  g_autofree char *answer = cpd_registry_http_get (http, path, NULL, NULL);
  g_autoptr(JsonNode) node = NULL;
  JsonObject *object = answer != NULL ? parse (answer, &node) : NULL;
  JsonArray *results = object != NULL ? cpd_json_get_array (object, "results") : NULL;

  if (results == NULL)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (results) && json_array_get_length (found) < limit; i++)
    {
      JsonNode *item = json_array_get_element (results, i);
      JsonObject *result = JSON_NODE_HOLDS_OBJECT (item) ? json_node_get_object (item) : NULL;
      const char *name = result != NULL ? cpd_json_get_string (result, "name") : NULL;

      if (name == NULL)
        return fail_answer ("list of repositories", error);
      add_found (found, name, result);
    }
  return TRUE;
}

static gboolean
read_page (const char *answer, const char *term, guint limit, JsonArray *found, GError **error)
{
  g_autoptr(JsonNode) node = NULL;
  JsonObject *object = parse (answer, &node);
  JsonArray *names = object != NULL ? cpd_json_get_array (object, "repositories") : NULL;

  /* Some say null for none. */
  if (object == NULL || (names == NULL && !(json_object_has_member (object, "repositories")
                                            && json_object_get_null_member (object, "repositories"))))
    return fail_answer ("list of repositories", error);
  for (guint i = 0; names != NULL && i < json_array_get_length (names) && json_array_get_length (found) < limit; i++)
    {
      JsonNode *item = json_array_get_element (names, i);

      if (!JSON_NODE_HOLDS_VALUE (item) || json_node_get_value_type (item) != G_TYPE_STRING)
        return fail_answer ("list of repositories", error);
      if (strstr (json_node_get_string (item), term) != NULL)
        add_found (found, json_node_get_string (item), NULL);
    }
  return TRUE;
}

static gboolean
search_catalog (CpdRegistryHttp *http, const char *term, guint limit, JsonArray *found, GError **error)
{
  g_autofree char *path = g_strdup (CATALOG);

  for (guint i = 0; path != NULL && i < PAGES_MAX && json_array_get_length (found) < limit; i++)
    {
      g_autofree char *next = NULL;
      g_autofree char *answer = cpd_registry_http_get (http, path, &next, error);

      if (answer == NULL || !read_page (answer, term, limit, found, error))
        return FALSE;
      g_free (path);
      path = g_steal_pointer (&next);
    }
  return TRUE;
}

char *
cpd_registry_search (CpdRegistryHttp *http, const char *term, guint limit, GError **error)
{
  g_autoptr(JsonArray) found = json_array_new ();
  g_autoptr(JsonNode) node = NULL;
  g_autoptr(GError) failure = NULL;

  if (!search_index (http, term, limit, found, &failure) && failure == NULL)
    search_catalog (http, term, limit, found, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  node = json_node_init_array (json_node_alloc (), found);
  return cpd_json_print (node);
}
