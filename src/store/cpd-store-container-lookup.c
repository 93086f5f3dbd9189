/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-names.h"
#include "public/cpod-error.h"
#include "store/cpd-statement.h"
#include "store/cpd-store-containers.h"

/* From what somebody calls a container to its id. */

/* How many of those that a name fits an error lists. */
#define CANDIDATES_MAX 10

#define BY_NAME "SELECT id, name, namespace FROM container WHERE name = ?1"
#define BY_PREFIX "SELECT id, name, namespace FROM container WHERE id >= ?1 AND id < ?1 || 'g'"
#define IN_NAMESPACE " AND (?2 = '' OR namespace = ?2) ORDER BY number DESC LIMIT %d"

/* What was found, from no one to CANDIDATES_MAX and one more. */
typedef struct
{
  GPtrArray *ids;               /* (owned) */
  GPtrArray *descriptions;      /* (owned): of each, for an error */
  GPtrArray *namespaces;        /* (owned) */
} Found;

static void
found_clear (Found *found)
{
  g_clear_pointer (&found->ids, g_ptr_array_unref);
  g_clear_pointer (&found->descriptions, g_ptr_array_unref);
  g_clear_pointer (&found->namespaces, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

static void
add_found (Found *found, CpdStatement *statement)
{
  char *id = cpd_statement_text (statement, 0);
  g_autofree char *name = cpd_statement_text (statement, 1);
  char *namespace = cpd_statement_text (statement, 2);

  g_ptr_array_add (found->ids, id);
  g_ptr_array_add (found->namespaces, namespace);
  g_ptr_array_add (found->descriptions,
                   *namespace == '\0' ? g_strdup_printf ("%.*s (%s)", CPD_ID_SHORT, id, name)
                                      : g_strdup_printf ("%.*s (%s in the namespace '%s')", CPD_ID_SHORT, id, name,
                                                         namespace));
}

static gboolean
look (CpdStore *store, const char *sql, const char *value, const char *namespace, Found *found, GError **error)
{
  g_autofree char *limit = g_strdup_printf (IN_NAMESPACE, CANDIDATES_MAX + 1);
  g_autofree char *whole = g_strconcat (sql, limit, NULL);
  g_autoptr(CpdStatement) statement = cpd_store_prepare (store, whole, error);

  if (statement == NULL)
    return FALSE;
  found_clear (found);
  found->ids = g_ptr_array_new_with_free_func (g_free);
  found->descriptions = g_ptr_array_new_with_free_func (g_free);
  found->namespaces = g_ptr_array_new_with_free_func (g_free);
  cpd_statement_bind (statement, "ss", value, namespace);
  while (cpd_statement_next (statement, error))
    add_found (found, statement);
  return !cpd_statement_failed (statement);
}

static void
set_ambiguous (const Found *found, const char *value, gboolean is_name, GError **error)
{
  g_autoptr(GString) list = g_string_new (NULL);

  for (guint i = 0; i < MIN (found->descriptions->len, CANDIDATES_MAX); i++)
    g_string_append_printf (list, "%s%s", i > 0 ? ", " : "", (char *) found->descriptions->pdata[i]);
  if (found->descriptions->len > CANDIDATES_MAX)
    g_string_append (list, ", ...");
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_AMBIGUOUS_NAME,
               is_name ? "several containers have the name '%s': %s: give the namespace, or an id"
                       : "the ids of several containers begin with '%s': %s: give more of it",
               value, list->str);
}

/* Nothing of that kind is in the namespace; an id may be in another one. */
static void
set_not_found (CpdStore *store, const char *value, const char *namespace, GError **error)
{
  g_auto(Found) found = { 0 };

  if (*namespace == '\0')
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with name or id '%s'", value);
      return;
    }
  if (cpd_id_is_prefix (value) && look (store, BY_PREFIX, value, "", &found, NULL) && found.ids->len == 1)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NAMESPACE_MISMATCH,
                 "container %s is in the namespace '%s', not in '%s'", (char *) found.ids->pdata[0],
                 (char *) found.namespaces->pdata[0], namespace);
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER,
                 "no container with name or id '%s' in the namespace '%s'", value, namespace);
}

char *
cpd_store_find_container (CpdStore *store, const char *name_or_id, const char *namespace, GError **error)
{
  const char *scope = namespace != NULL ? namespace : "";
  g_auto(Found) found = { 0 };
  gboolean is_name;

  if (!look (store, BY_NAME, name_or_id, scope, &found, error))
    return NULL;
  is_name = found.ids->len > 0;
  if (!is_name && cpd_id_is_prefix (name_or_id)
      && !look (store, BY_PREFIX, name_or_id, scope, &found, error))
    return NULL;
  if (found.ids->len == 1)
    return g_strdup (found.ids->pdata[0]);
  if (found.ids->len > 1)
    set_ambiguous (&found, name_or_id, is_name, error);
  else
    set_not_found (store, name_or_id, scope, error);
  return NULL;
}

gboolean
cpd_store_has_name (CpdStore *store, const char *name)
{
  g_autoptr(CpdStatement) statement = cpd_store_prepare (store, "SELECT 1 FROM name WHERE name = ?", NULL);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "s", name);
  return cpd_statement_next (statement, NULL);
}
