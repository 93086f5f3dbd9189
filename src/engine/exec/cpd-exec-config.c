/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/exec/cpd-exec-config.h"

#include "common/cpd-json.h"
#include "public/cpod-error.h"

void
cpd_exec_config_free (CpdExecConfig *config)
{
  g_strfreev (config->args);
  g_strfreev (config->env);
  g_free (config->workdir);
  g_free (config->user);
  g_free (config->foreground);
  g_free (config);
}

CpdExecConfig *
cpd_exec_config_new (const char *const *command, GVariant *options, GError **error)
{
  g_autoptr(CpdExecConfig) config = g_new0 (CpdExecConfig, 1);

  if (command[0] == NULL || command[0][0] == '\0')
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "argument 'command': nothing to run");
      return NULL;
    }
  config->args = g_strdupv ((char **) command);
  if (!g_variant_lookup (options, "env", "^as", &config->env))
    config->env = g_new0 (char *, 1);
  g_variant_lookup (options, "workdir", "s", &config->workdir);
  g_variant_lookup (options, "user", "s", &config->user);
  g_variant_lookup (options, "privileged", "b", &config->privileged);
  g_variant_lookup (options, "tty", "b", &config->tty);
  g_variant_lookup (options, "size", "(uu)", &config->rows, &config->columns);
  g_variant_lookup (options, "stdin", "b", &config->keep_stdin);
  return g_steal_pointer (&config);
}

char *
cpd_exec_config_to_json (const CpdExecConfig *config)
{
  g_autoptr(JsonObject) object = json_object_new ();

  cpd_json_set_strv (object, "args", (const char *const *) config->args);
  cpd_json_set_strv (object, "env", (const char *const *) config->env);
  cpd_json_set_string (object, "workdir", config->workdir);
  cpd_json_set_string (object, "user", config->user);
  json_object_set_boolean_member (object, "privileged", config->privileged);
  json_object_set_boolean_member (object, "tty", config->tty);
  json_object_set_int_member (object, "rows", config->rows);
  json_object_set_int_member (object, "columns", config->columns);
  json_object_set_boolean_member (object, "stdin", config->keep_stdin);
  cpd_json_set_string (object, "foreground", config->foreground);
  return cpd_json_print_object (object);
}

static CpdExecConfig *
fail_damaged (GError **error)
{
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED,
                       "stored exec session: it is no JSON object with a command");
  return NULL;
}

CpdExecConfig *
cpd_exec_config_parse (const char *json, GError **error)
{
  g_autoptr(CpdExecConfig) config = NULL;
  g_autoptr(JsonNode) node = cpd_json_parse (json, -1, error);
  JsonObject *object;

  if (node == NULL)
    {
      g_prefix_error (error, "stored exec session: ");
      return NULL;
    }
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fail_damaged (error);
  object = json_node_get_object (node);
  config = g_new0 (CpdExecConfig, 1);
  config->args = cpd_json_get_strv (object, "args");
  if (config->args[0] == NULL)
    return fail_damaged (error);
  config->env = cpd_json_get_strv (object, "env");
  config->workdir = g_strdup (cpd_json_get_string (object, "workdir"));
  config->user = g_strdup (cpd_json_get_string (object, "user"));
  config->privileged = cpd_json_get_boolean (object, "privileged");
  config->tty = cpd_json_get_boolean (object, "tty");
  config->rows = (guint) cpd_json_get_int (object, "rows");
  config->columns = (guint) cpd_json_get_int (object, "columns");
  config->keep_stdin = cpd_json_get_boolean (object, "stdin");
  config->foreground = g_strdup (cpd_json_get_string (object, "foreground"));
  return g_steal_pointer (&config);
}

char **
cpd_exec_config_build_env (const CpdExecConfig *config, char **container_env, const char *home)
{
  g_auto(GStrv) env = g_strdupv (container_env);

  for (char **entry = config->env; *entry != NULL; entry++)
    {
      g_auto(GStrv) parts = g_strsplit (*entry, "=", 2);

      env = g_environ_setenv (env, parts[0], parts[1] != NULL ? parts[1] : "", TRUE);
    }
  env = g_environ_setenv (env, "HOME", home, FALSE);
  if (config->tty)
    env = g_environ_setenv (env, "TERM", "xterm", FALSE);
  return g_steal_pointer (&env);
}
