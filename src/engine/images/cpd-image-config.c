/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-config.h"

#include <string.h>

#include "common/cpd-json.h"
#include "common/cpd-names.h"
#include "public/cpod-error.h"

static gboolean
all_strings (JsonArray *array)
{
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
        return FALSE;
    }
  return TRUE;
}

/* CMD and ENTRYPOINT: a JSON list of words, or a command line for the shell. */
static gboolean
set_words (JsonObject *config, const char *key, const char *value, GError **error)
{
  g_autoptr(JsonNode) node = NULL;
  g_autoptr(GError) cause = NULL;
  const char *shell[] = { "/bin/sh", "-c", value, NULL };

  if (*value != '[')
    {
      cpd_json_set_strv (config, key, shell);
      return TRUE;
    }
  node = cpd_json_parse (value, -1, &cause);
  if (node == NULL || !all_strings (json_node_get_array (node)))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no JSON list of strings",
                   value);
      return FALSE;
    }
  json_object_set_array_member (config, key, json_array_ref (json_node_get_array (node)));
  return TRUE;
}

/* "KEY=value KEY2="a b"", words quoted as in a shell; or the old form "KEY value". */
static char **
split_pairs (const char *value, GError **error)
{
  g_auto(GStrv) words = NULL;
  g_autoptr(GError) cause = NULL;

  if (!g_shell_parse_argv (value, NULL, &words, &cause))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "%s", cause->message);
      return NULL;
    }
  if (strchr (words[0], '=') == NULL && words[1] != NULL)
    {
      g_autofree char *rest = g_strjoinv (" ", words + 1);
      char **pair = g_new0 (char *, 2);

      pair[0] = g_strconcat (words[0], "=", rest, NULL);
      return pair;
    }
  for (char **word = words; *word != NULL; word++)
    if (strchr (*word, '=') == NULL || **word == '=')
      {
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no KEY=value", *word);
        return NULL;
      }
  return g_steal_pointer (&words);
}

/* Takes the variable that PAIR sets out of LIST. */
static void
drop_variable (JsonArray *list, const char *pair)
{
  const gsize length = (gsize) (strchr (pair, '=') - pair) + 1;

  for (guint i = json_array_get_length (list); i > 0; i--)
    {
      JsonNode *node = json_array_get_element (list, i - 1);
      const char *old = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;

      if (old != NULL && strncmp (old, pair, length) == 0)
        json_array_remove_element (list, i - 1);
    }
}

static gboolean
set_env (JsonObject *config, const char *key, const char *value, GError **error)
{
  g_auto(GStrv) pairs = split_pairs (value, error);
  JsonArray *list = cpd_json_get_array (config, key);

  if (pairs == NULL)
    return FALSE;
  if (list == NULL)
    {
      list = json_array_new ();
      json_object_set_array_member (config, key, list);
    }
  for (char **pair = pairs; *pair != NULL; pair++)
    {
      drop_variable (list, *pair);
      json_array_add_string_element (list, *pair);
    }
  return TRUE;
}

static gboolean
set_labels (JsonObject *config, const char *key, const char *value, GError **error)
{
  g_auto(GStrv) pairs = split_pairs (value, error);
  JsonObject *labels = cpd_json_get_object (config, key);

  if (pairs == NULL)
    return FALSE;
  if (labels == NULL)
    {
      labels = json_object_new ();
      json_object_set_object_member (config, key, labels);
    }
  for (char **pair = pairs; *pair != NULL; pair++)
    {
      char *equals = strchr (*pair, '=');
      g_autofree char *name = g_strndup (*pair, (gsize) (equals - *pair));

      json_object_set_string_member (labels, name, equals + 1);
    }
  return TRUE;
}

static gboolean
set_text (JsonObject *config, const char *key, const char *value, GError **error)
{
  json_object_set_string_member (config, key, value);
  return TRUE;
}

static gboolean
set_path (JsonObject *config, const char *key, const char *value, GError **error)
{
  if (*value == '/')
    return set_text (config, key, value, error);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no absolute path", value);
  return FALSE;
}

static gboolean
set_signal (JsonObject *config, const char *key, const char *value, GError **error)
{
  return cpd_signal_parse (value, error) != 0 && set_text (config, key, value, error);
}

/* Members of an object that have no value. */
static gboolean
set_members (JsonObject *config, const char *key, char **names, GError **error)
{
  JsonObject *object = cpd_json_get_object (config, key);

  if (object == NULL)
    {
      object = json_object_new ();
      json_object_set_object_member (config, key, object);
    }
  for (char **name = names; *name != NULL; name++)
    json_object_set_object_member (object, *name, json_object_new ());
  return TRUE;
}

/* "80 53/udp" */
static gboolean
set_ports (JsonObject *config, const char *key, const char *value, GError **error)
{
  g_auto(GStrv) ports = g_regex_split_simple ("[ \t]+", value, 0, 0);

  for (char **port = ports; *port != NULL; port++)
    {
      if (!g_regex_match_simple ("^[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp))?$", *port, 0, 0))
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no port", *port);
          return FALSE;
        }
      if (strchr (*port, '/') == NULL)
        {
          char *full = g_strconcat (*port, "/tcp", NULL);

          g_free (*port);
          *port = full;
        }
    }
  return set_members (config, key, ports, error);
}

/* Paths as words, or as a JSON list. */
static gboolean
set_volumes (JsonObject *config, const char *key, const char *value, GError **error)
{
  g_auto(GStrv) paths = NULL;

  if (*value == '[')
    {
      g_autoptr(JsonObject) list = json_object_new ();

      if (!set_words (list, "list", value, error))
        return FALSE;
      paths = cpd_json_get_strv (list, "list");
    }
  else
    paths = g_regex_split_simple ("[ \t]+", value, 0, 0);
  for (char **path = paths; path != NULL && *path != NULL; path++)
    if (**path != '/')
      {
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no absolute path", *path);
        return FALSE;
      }
  return paths == NULL || set_members (config, key, paths, error);
}

static gboolean
add_trigger (JsonObject *config, const char *key, const char *value, GError **error)
{
  JsonArray *list = cpd_json_get_array (config, key);

  if (list == NULL)
    {
      list = json_array_new ();
      json_object_set_array_member (config, key, list);
    }
  json_array_add_string_element (list, value);
  return TRUE;
}

static const struct
{
  const char *instruction;
  const char *key;
  gboolean (*set) (JsonObject *config, const char *key, const char *value, GError **error);
} instructions[] = {
  { "CMD", "Cmd", set_words },
  { "ENTRYPOINT", "Entrypoint", set_words },
  { "ENV", "Env", set_env },
  { "EXPOSE", "ExposedPorts", set_ports },
  { "LABEL", "Labels", set_labels },
  { "ONBUILD", "OnBuild", add_trigger },
  { "VOLUME", "Volumes", set_volumes },
  { "USER", "User", set_text },
  { "WORKDIR", "WorkingDir", set_path },
  { "STOPSIGNAL", "StopSignal", set_signal },
};

/* "INSTRUCTION value" or, as podman takes it too, "INSTRUCTION=value". */
static gboolean
apply (JsonObject *config, const char *change, GError **error)
{
  gsize length = strcspn (change, " \t=");
  g_autofree char *value = g_strstrip (g_strdup (change + length + (change[length] != '\0')));

  for (gsize i = 0; i < G_N_ELEMENTS (instructions); i++)
    if (strlen (instructions[i].instruction) == length
        && g_ascii_strncasecmp (instructions[i].instruction, change, length) == 0)
      {
        if (*value == '\0')
          break;
        return instructions[i].set (config, instructions[i].key, value, error);
      }
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                       "only CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR"
                       " with a value are known");
  return FALSE;
}

gboolean
cpd_image_config_apply_changes (JsonObject *config, const char *const *changes, GError **error)
{
  for (; changes != NULL && *changes != NULL; changes++)
    if (!apply (config, *changes, error))
      {
        g_prefix_error (error, "option 'changes': '%s': ", *changes);
        return FALSE;
      }
  return TRUE;
}

char *
cpd_image_config_from_changes (const char *const *changes, GError **error)
{
  g_autoptr(JsonObject) config = json_object_new ();

  return cpd_image_config_apply_changes (config, changes, error) ? cpd_json_print_object (config) : NULL;
}
