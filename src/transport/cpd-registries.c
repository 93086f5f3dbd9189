/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport/cpd-registries.h"

#include <string.h>

#include "common/cpd-fs.h"
#include "common/cpd-toml.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"

#define FILE_MAX (16 * 1024 * 1024)

static gboolean
fail (const char *path, const CpdTomlNode *node, const char *expected, GError **error)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG, "%s:%u: %s: expected %s, found %s", path, node->line,
               node->key, expected, cpd_toml_type_name (node->type));
  return FALSE;
}

static gboolean
read_search (CpdRegistries *registries, const char *path, const CpdTomlNode *node, GError **error)
{
  g_autoptr(GStrvBuilder) names = g_strv_builder_new ();

  if (node->type != CPD_TOML_ARRAY)
    return fail (path, node, "a list of registries", error);
  for (guint i = 0; node->children != NULL && i < node->children->len; i++)
    {
      const CpdTomlNode *item = node->children->pdata[i];

      if (item->type != CPD_TOML_STRING)
        return fail (path, node, "a list of registries", error);
      g_strv_builder_add (names, g_variant_get_string (item->value, NULL));
    }
  g_strfreev (registries->search);
  registries->search = g_strv_builder_end (names);
  return TRUE;
}

static gboolean
read_mode (CpdRegistries *registries, const char *path, const CpdTomlNode *node, GError **error)
{
  const char *mode = node->type == CPD_TOML_STRING ? g_variant_get_string (node->value, NULL) : "";

  if (strcmp (mode, "enforcing") != 0 && strcmp (mode, "permissive") != 0 && strcmp (mode, "disabled") != 0)
    return fail (path, node, "\"enforcing\", \"permissive\" or \"disabled\"", error);
  registries->enforcing = strcmp (mode, "enforcing") == 0;
  return TRUE;
}

static gboolean
read_aliases (CpdRegistries *registries, const char *path, const CpdTomlNode *node, GError **error)
{
  if (node->type != CPD_TOML_TABLE)
    return fail (path, node, "a table", error);
  for (guint i = 0; node->children != NULL && i < node->children->len; i++)
    {
      const CpdTomlNode *alias = node->children->pdata[i];

      if (alias->type != CPD_TOML_STRING)
        return fail (path, alias, "a string", error);
      /* An empty one takes an alias away that a file before has set. */
      g_hash_table_replace (registries->aliases, g_strdup (alias->key),
                            g_strdup (g_variant_get_string (alias->value, NULL)));
    }
  return TRUE;
}

static void
entry_free (gpointer data)
{
  CpdRegistryEntry *entry = data;

  g_free (entry->prefix);
  g_free (entry->location);
  g_free (entry);
}

/* The string KEY of a table; NULL without an error when it has none. */
static gboolean
read_string (const char *path, const CpdTomlNode *table, const char *key, const char **value, GError **error)
{
  const CpdTomlNode *node = cpd_toml_get (table, key);

  *value = NULL;
  if (node == NULL)
    return TRUE;
  if (node->type != CPD_TOML_STRING)
    return fail (path, node, "a string", error);
  *value = g_variant_get_string (node->value, NULL);
  return TRUE;
}

static gboolean
read_boolean (const char *path, const CpdTomlNode *table, const char *key, gboolean *value, GError **error)
{
  const CpdTomlNode *node = cpd_toml_get (table, key);

  *value = FALSE;
  if (node == NULL)
    return TRUE;
  if (node->type != CPD_TOML_BOOLEAN)
    return fail (path, node, "a boolean", error);
  *value = g_variant_get_boolean (node->value);
  return TRUE;
}

static gboolean
read_entry (CpdRegistries *registries, const char *path, const CpdTomlNode *table, GError **error)
{
  const char *prefix, *location;
  gboolean insecure, blocked;
  CpdRegistryEntry *entry;

  if (table->type != CPD_TOML_TABLE)
    return fail (path, table, "a table", error);
  if (!read_string (path, table, "prefix", &prefix, error) || !read_string (path, table, "location", &location, error)
      || !read_boolean (path, table, "insecure", &insecure, error)
      || !read_boolean (path, table, "blocked", &blocked, error))
    return FALSE;
  prefix = prefix != NULL ? prefix : location;
  if (prefix == NULL || strchr (prefix, '/') != NULL)
    return TRUE;
  entry = g_new0 (CpdRegistryEntry, 1);
  entry->prefix = g_strdup (prefix);
  entry->location = location != NULL ? g_strndup (location, strcspn (location, "/")) : NULL;
  entry->insecure = insecure;
  entry->blocked = blocked;
  g_ptr_array_add (registries->entries, entry);
  return TRUE;
}

static gboolean
read_entries (CpdRegistries *registries, const char *path, const CpdTomlNode *node, GError **error)
{
  if (node->type != CPD_TOML_ARRAY)
    return fail (path, node, "a list of tables", error);
  for (guint i = 0; node->children != NULL && i < node->children->len; i++)
    if (!read_entry (registries, path, node->children->pdata[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
read_file (CpdRegistries *registries, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr(CpdTomlNode) root = NULL;
  g_autoptr(GError) cause = NULL;
  const CpdTomlNode *search, *mode, *aliases, *entries, *old;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  text = cpd_fs_read_file (path, FILE_MAX, error);
  if (text == NULL)
    return FALSE;
  root = cpd_toml_parse (text, -1, path, &cause);
  if (root == NULL)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG, cause->message);
      return FALSE;
    }
  search = cpd_toml_get (root, "unqualified-search-registries");
  mode = cpd_toml_get (root, "short-name-mode");
  aliases = cpd_toml_get (root, "aliases");
  entries = cpd_toml_get (root, "registry");
  /* The form that it had before: [registries.search] registries = [...] */
  old = cpd_toml_get (root, "registries");
  old = old != NULL && old->type == CPD_TOML_TABLE ? cpd_toml_get (old, "search") : NULL;
  old = old != NULL && old->type == CPD_TOML_TABLE ? cpd_toml_get (old, "registries") : NULL;
  if (search == NULL)
    search = old;
  return (search == NULL || read_search (registries, path, search, error))
         && (mode == NULL || read_mode (registries, path, mode, error))
         && (aliases == NULL || read_aliases (registries, path, aliases, error))
         && (entries == NULL || read_entries (registries, path, entries, error));
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static gboolean
read_directory (CpdRegistries *registries, const char *directory, GError **error)
{
  g_autoptr(GPtrArray) names = NULL;

  if (!g_file_test (directory, G_FILE_TEST_IS_DIR))
    return TRUE;
  names = cpd_fs_list_dir (directory, error);
  if (names == NULL)
    return FALSE;
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *path = g_build_filename (directory, names->pdata[i], NULL);

      if (g_str_has_suffix (path, ".conf") && !read_file (registries, path, error))
        return FALSE;
    }
  return TRUE;
}

CpdRegistries *
cpd_registries_load (const char *path, const char *directory, GError **error)
{
  g_autoptr(CpdRegistries) registries = g_new0 (CpdRegistries, 1);

  registries->path = g_strdup (path);
  registries->search = g_new0 (char *, 1);
  registries->entries = g_ptr_array_new_with_free_func (entry_free);
  registries->aliases = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (!read_file (registries, path, error) || !read_directory (registries, directory, error))
    return NULL;
  return g_steal_pointer (&registries);
}

void
cpd_registries_free (CpdRegistries *registries)
{
  if (registries == NULL)
    return;
  g_free (registries->path);
  g_strfreev (registries->search);
  g_hash_table_unref (registries->aliases);
  g_ptr_array_unref (registries->entries);
  g_free (registries);
}

/* The full name that the alias of NAME gives, or NULL when it has none. */
static char *
resolve_alias (const CpdRegistries *registries, const char *name)
{
  g_autofree char *repository = cpd_reference_repository (name);
  const char *target = g_hash_table_lookup (registries->aliases, repository);
  g_autofree char *full = NULL;

  if (target == NULL || *target == '\0')
    return NULL;
  full = g_strconcat (target, name + strlen (repository), NULL);
  return cpd_reference_normalize (full, NULL);
}

/* It is known that NAME is short and has no alias. */
static char **
resolve_by_search (const CpdRegistries *registries, const char *name, GError **error)
{
  g_autoptr(GStrvBuilder) names = g_strv_builder_new ();
  guint n = g_strv_length (registries->search);

  if (n == 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                   "'%s' has no registry: give one, or name some in %s (unqualified-search-registries), or an alias",
                   name, registries->path);
      return NULL;
    }
  if (n > 1 && registries->enforcing)
    {
      g_autofree char *all = g_strjoinv (", ", registries->search);

      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                   "'%s' has no registry, and %s says not to guess which of several is meant: %s", name,
                   registries->path, all);
      return NULL;
    }
  for (char **registry = registries->search; *registry != NULL; registry++)
    {
      g_autofree char *whole = g_strconcat (*registry, "/", name, NULL);
      g_autofree char *full = cpd_reference_normalize (whole, error);

      if (full == NULL)
        return NULL;
      g_strv_builder_add (names, full);
    }
  return g_strv_builder_end (names);
}

char **
cpd_registries_resolve (const CpdRegistries *registries, const char *name, GError **error)
{
  g_autofree char *full = cpd_reference_normalize (name, error);
  char **names;

  if (full == NULL)
    return NULL;
  if (cpd_reference_is_short (name))
    {
      g_autofree char *alias = resolve_alias (registries, name);

      if (alias == NULL)
        return resolve_by_search (registries, name, error);
      g_free (full);
      full = g_steal_pointer (&alias);
    }
  names = g_new0 (char *, 2);
  names[0] = g_steal_pointer (&full);
  return names;
}

static gboolean
entry_fits (const CpdRegistryEntry *entry, const char *host)
{
  return strcmp (entry->prefix, host) == 0
         || (g_str_has_prefix (entry->prefix, "*.") && g_str_has_suffix (host, entry->prefix + 1));
}

char *
cpd_registries_locate (const CpdRegistries *registries, const char *host, gboolean *insecure, GError **error)
{
  const CpdRegistryEntry *found = NULL;

  *insecure = FALSE;
  /* The longest prefix counts, and of equal ones the last: a file that comes later has the last word. */
  for (guint i = 0; i < registries->entries->len; i++)
    {
      const CpdRegistryEntry *entry = registries->entries->pdata[i];

      if (entry_fits (entry, host) && (found == NULL || strlen (entry->prefix) >= strlen (found->prefix)))
        found = entry;
    }
  if (found == NULL)
    return g_strdup (host);
  if (found->blocked)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_IMAGE_REJECTED, "registry %s is blocked in %s", host, registries->path);
      return NULL;
    }
  *insecure = found->insecure;
  return g_strdup (found->location != NULL ? found->location : host);
}
