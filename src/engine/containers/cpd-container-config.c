/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-container-config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/cpd-json.h"
#include "common/cpd-names.h"
#include "oci/cpd-runtime-spec.h"
#include "public/cpod-error.h"

void
cpd_container_config_free (CpdContainerConfig *config)
{
  g_strfreev (config->args);
  g_strfreev (config->env);
  g_strfreev (config->labels);
  g_free (config->workdir);
  g_free (config->user);
  g_free (config->hostname);
  g_free (config->network);
  g_strfreev (config->capabilities);
  g_strfreev (config->added_capabilities);
  cpd_container_limits_clear (&config->limits);
  cpd_cgroup_config_clear (&config->cgroup);
  g_free (config->oci_runtime);
  g_free (config);
}

static gboolean
bad_option (GError **error, const char *key, const char *value, const char *expected)
{
  g_autofree char *shown = g_utf8_make_valid (value, -1);

  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "option '%s': '%s' is no %s", key,
               shown, expected);
  return FALSE;
}

/* The option's string list, or NULL when it was not given. */
static char **
lookup_strv (GVariant *options, const char *key)
{
  char **strings = NULL;

  g_variant_lookup (options, key, "^as", &strings);
  return strings;
}

/*
 * An entrypoint that is given replaces the image's and its command as well,
 * since that command was meant as arguments of the image's entrypoint.
 */
static gboolean
set_args (CpdContainerConfig *config, JsonObject *image, GVariant *options, GError **error)
{
  g_autoptr(GStrvBuilder) args = g_strv_builder_new ();
  g_auto(GStrv) entrypoint = lookup_strv (options, "entrypoint");
  g_auto(GStrv) command = lookup_strv (options, "command");

  if (command == NULL || *command == NULL)
    {
      g_strfreev (command);
      command = entrypoint == NULL ? cpd_json_get_strv (image, "Cmd") : NULL;
    }
  if (entrypoint == NULL)
    entrypoint = cpd_json_get_strv (image, "Entrypoint");

  g_strv_builder_addv (args, (const char **) entrypoint);
  config->n_entrypoint = entrypoint != NULL ? (int) g_strv_length (entrypoint) : 0;
  if (command != NULL)
    g_strv_builder_addv (args, (const char **) command);
  config->args = g_strv_builder_end (args);
  if (config->args[0] == NULL || config->args[0][0] == '\0')
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           "option 'command': nothing to run: neither the image nor the options name"
                           " a command");
      return FALSE;
    }
  return TRUE;
}

/* Adds "KEY=value", over an earlier value of the same key. */
static void
set_variable (GPtrArray *env, const char *entry)
{
  gsize length = (gsize) (strchr (entry, '=') - entry) + 1;

  for (guint i = 0; i < env->len; i++)
    if (strncmp (env->pdata[i], entry, length) == 0)
      {
        g_free (env->pdata[i]);
        env->pdata[i] = g_strdup (entry);
        return;
      }
  g_ptr_array_add (env, g_strdup (entry));
}

static gboolean
set_env (CpdContainerConfig *config, JsonObject *image, GVariant *options, const CpdConfig *defaults,
         GError **error)
{
  g_autoptr(GPtrArray) env = g_ptr_array_new_with_free_func (g_free);
  g_auto(GStrv) from_image = cpd_json_get_strv (image, "Env");
  g_auto(GStrv) given = lookup_strv (options, "env");
  g_autofree char *hostname = g_strconcat ("HOSTNAME=", config->hostname, NULL);

  if (config->tty)
    set_variable (env, "TERM=xterm");
  for (char **entry = defaults->env; *entry != NULL; entry++)
    if (strchr (*entry, '=') != NULL)
      set_variable (env, *entry);
  set_variable (env, "container=cpod");
  set_variable (env, hostname);
  for (char **entry = from_image; *entry != NULL; entry++)
    if (strchr (*entry, '=') != NULL)
      set_variable (env, *entry);
  for (char **entry = given; entry != NULL && *entry != NULL; entry++)
    {
      if (strchr (*entry, '=') == NULL || **entry == '=')
        return bad_option (error, "env", *entry, "KEY=value");
      set_variable (env, *entry);
    }
  g_ptr_array_add (env, NULL);
  config->env = (char **) g_ptr_array_steal (env, NULL);
  return TRUE;
}

static void
set_labels (CpdContainerConfig *config, JsonObject *image, GVariant *options)
{
  g_autoptr(GTree) sorted = g_tree_new_full ((GCompareDataFunc) (void (*) (void)) strcmp, NULL,
                                             g_free, g_free);
  g_autoptr(GStrvBuilder) labels = g_strv_builder_new ();
  JsonObject *from_image = cpd_json_get_object (image, "Labels");
  g_autoptr(GVariant) given = g_variant_lookup_value (options, "labels", G_VARIANT_TYPE ("a{ss}"));
  JsonObjectIter members;
  GVariantIter entries;
  const char *key, *value;

  if (from_image != NULL)
    {
      json_object_iter_init (&members, from_image);
      while (json_object_iter_next (&members, &key, NULL))
        {
          value = cpd_json_get_string (from_image, key);
          g_tree_replace (sorted, g_strdup (key), g_strdup (value != NULL ? value : ""));
        }
    }
  if (given != NULL)
    {
      g_variant_iter_init (&entries, given);
      while (g_variant_iter_next (&entries, "{&s&s}", &key, &value))
        g_tree_replace (sorted, g_strdup (key), g_strdup (value));
    }
  for (GTreeNode *node = g_tree_node_first (sorted); node != NULL; node = g_tree_node_next (node))
    {
      g_strv_builder_add (labels, g_tree_node_key (node));
      g_strv_builder_add (labels, g_tree_node_value (node));
    }
  config->labels = g_strv_builder_end (labels);
}

/* The option, or else what the image says, or else the default. */
static char *
choose (GVariant *options, const char *key, JsonObject *image, const char *image_key,
        const char *otherwise)
{
  const char *text = NULL;

  if (g_variant_lookup (options, key, "&s", &text))
    return g_strdup (text);
  if (image_key != NULL)
    text = cpd_json_get_string (image, image_key);
  return g_strdup (text != NULL && *text != '\0' ? text : otherwise);
}

/* What the kernel and hosts files bear; RFC 1123 has no underscore, but many hosts do. */
static gboolean
is_hostname (const char *text)
{
  gsize length = strlen (text);

  if (length == 0 || length > 64 || text[0] == '-' || text[0] == '.')
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '-' && text[i] != '.' && text[i] != '_')
      return FALSE;
  return TRUE;
}

static gboolean
set_texts (CpdContainerConfig *config, const char *id, JsonObject *image, GVariant *options,
           GError **error)
{
  g_autofree char *short_id = g_strndup (id, CPD_ID_SHORT);

  config->workdir = choose (options, "workdir", image, "WorkingDir", "/");
  if (config->workdir[0] != '/')
    return bad_option (error, "workdir", config->workdir, "absolute path");
  config->user = choose (options, "user", image, "User", "0");
  config->network = choose (options, "network", image, NULL, "none");
  if (strcmp (config->network, "none") != 0 && strcmp (config->network, "host") != 0)
    return bad_option (error, "network", config->network, "network: give \"none\" or \"host\"");
  config->hostname = choose (options, "hostname", image, NULL,
                             strcmp (config->network, "host") == 0 ? g_get_host_name () : short_id);
  if (!is_hostname (config->hostname))
    return bad_option (error, "hostname", config->hostname, "host name");
  return TRUE;
}

static gboolean
set_stop (CpdContainerConfig *config, JsonObject *image, GVariant *options, const CpdConfig *defaults,
          GError **error)
{
  g_autofree char *signal_name = choose (options, "stop-signal", image, "StopSignal", "SIGTERM");

  config->stop_signal = cpd_signal_parse (signal_name, error);
  if (config->stop_signal == 0)
    {
      g_prefix_error (error, "option 'stop-signal': ");
      return FALSE;
    }
  config->stop_timeout = defaults->stop_timeout;
  g_variant_lookup (options, "stop-timeout", "u", &config->stop_timeout);
  return TRUE;
}

static gboolean
set_restart (CpdContainerConfig *config, GVariant *options, GError **error)
{
  const char *text = "no";
  gboolean auto_remove = FALSE;

  g_variant_lookup (options, "restart-policy", "&s", &text);
  g_variant_lookup (options, "auto-remove", "b", &auto_remove);
  if (!cpd_restart_policy_parse (text, &config->restart, error))
    {
      g_prefix_error_literal (error, "option 'restart-policy': ");
      return FALSE;
    }
  if (auto_remove && config->restart.mode != CPD_RESTART_NO)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                   "options 'restart-policy' and 'auto-remove': a container that is removed when it"
                   " ends cannot be started again");
      return FALSE;
    }
  return TRUE;
}

/* The full names of those in ADD alone: a user other than root gets these and no others. */
static char **
expand_added (char **add, char **capabilities, GError **error)
{
  const char *const everything[] = { "all", NULL };

  if (add == NULL || *add == NULL)
    return g_new0 (char *, 1);
  for (char **name = add; *name != NULL; name++)
    if (g_ascii_strcasecmp (*name, "all") == 0)
      return g_strdupv (capabilities);
  return cpd_capabilities_merge ((const char *const *) add, everything, FALSE, error);
}

static gboolean
set_capabilities (CpdContainerConfig *config, GVariant *options, const CpdConfig *defaults,
                  GError **error)
{
  g_auto(GStrv) add = lookup_strv (options, "cap-add");
  g_auto(GStrv) drop = lookup_strv (options, "cap-drop");

  g_variant_lookup (options, "privileged", "b", &config->privileged);
  config->capabilities = cpd_capabilities_merge_from ((const char *const *) defaults->capabilities,
                                                      (const char *const *) add,
                                                      (const char *const *) drop,
                                                      config->privileged, error);
  if (config->capabilities != NULL)
    config->added_capabilities = expand_added (add, config->capabilities, error);
  if (config->added_capabilities != NULL)
    return TRUE;
  g_prefix_error_literal (error, "options 'cap-add' and 'cap-drop': ");
  return FALSE;
}

/* The one to be recorded; a default that is missing may be there when the container starts. */
static gboolean
set_oci_runtime (CpdContainerConfig *config, GVariant *options, const CpdConfig *settings, GError **error)
{
  const CpdOciRuntime *runtime;
  const char *name = NULL;

  g_variant_lookup (options, "oci-runtime", "&s", &name);
  runtime = cpd_oci_runtimes_find (settings->runtimes, name, name != NULL ? error : NULL);
  if (runtime == NULL)
    {
      g_prefix_error (error, "option 'oci-runtime': ");
      return name == NULL;
    }
  config->oci_runtime = g_strdup (runtime->name);
  if (config->cgroup.mode != CPD_CGROUPS_DISABLED
      || cpd_oci_runtimes_supports_nocgroups (settings->runtimes, runtime))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "option 'cgroups': OCI runtime %s (%s) cannot run a container without a cgroup", runtime->name,
               runtime->path);
  return FALSE;
}

static gboolean
set_cgroup (CpdContainerConfig *config, GVariant *options, const CpdConfig *settings, GError **error)
{
  gboolean disabled;

  if (!cpd_cgroup_config_set (&config->cgroup, options, settings, error))
    return FALSE;
  disabled = config->cgroup.mode == CPD_CGROUPS_DISABLED;
  return cpd_container_limits_set (&config->limits, options, disabled, settings, error)
         && set_oci_runtime (config, options, settings, error);
}

CpdContainerConfig *
cpd_container_config_new (const char *id, const CpdImageRow *image, GVariant *options,
                          const CpdConfig *settings, GError **error)
{
  g_autoptr(CpdContainerConfig) config = g_new0 (CpdContainerConfig, 1);
  g_autoptr(JsonNode) node = cpd_json_parse (image->config, -1, error);
  JsonObject *defaults;

  if (node == NULL)
    {
      g_prefix_error (error, "configuration of image %s: ", image->id);
      return NULL;
    }
  defaults = JSON_NODE_HOLDS_OBJECT (node)
             ? cpd_json_get_object (json_node_get_object (node), "config") : NULL;

  g_variant_lookup (options, "read-only", "b", &config->read_only);
  g_variant_lookup (options, "stdin", "b", &config->keep_stdin);
  g_variant_lookup (options, "tty", "b", &config->tty);
  set_labels (config, defaults, options);
  if (!set_texts (config, id, defaults, options, error)
      || !set_args (config, defaults, options, error)
      || !set_env (config, defaults, options, settings, error)
      || !set_stop (config, defaults, options, settings, error)
      || !set_restart (config, options, error)
      || !set_capabilities (config, options, settings, error)
      || !set_cgroup (config, options, settings, error))
    return NULL;
  return g_steal_pointer (&config);
}

char *
cpd_container_config_to_json (const CpdContainerConfig *config)
{
  g_autoptr(JsonObject) object = json_object_new ();
  JsonObject *labels = json_object_new ();
  g_autofree char *restart = cpd_restart_policy_to_string (&config->restart);

  cpd_json_set_strv (object, "args", (const char *const *) config->args);
  if (config->n_entrypoint >= 0)
    json_object_set_int_member (object, "n_entrypoint", config->n_entrypoint);
  cpd_json_set_strv (object, "env", (const char *const *) config->env);
  for (char **label = config->labels; *label != NULL; label += 2)
    json_object_set_string_member (labels, label[0], label[1]);
  json_object_set_object_member (object, "labels", labels);
  cpd_json_set_string (object, "workdir", config->workdir);
  cpd_json_set_string (object, "user", config->user);
  cpd_json_set_string (object, "hostname", config->hostname);
  cpd_json_set_string (object, "network", config->network);
  json_object_set_boolean_member (object, "readOnly", config->read_only);
  json_object_set_boolean_member (object, "stdin", config->keep_stdin);
  json_object_set_boolean_member (object, "tty", config->tty);
  json_object_set_boolean_member (object, "privileged", config->privileged);
  cpd_json_set_strv (object, "capabilities", (const char *const *) config->capabilities);
  cpd_json_set_strv (object, "addedCapabilities", (const char *const *) config->added_capabilities);
  json_object_set_int_member (object, "stopSignal", config->stop_signal);
  json_object_set_int_member (object, "stopTimeout", config->stop_timeout);
  json_object_set_string_member (object, "restartPolicy", restart);
  cpd_container_limits_add_to_object (&config->limits, object);
  json_object_set_object_member (object, "cgroup", cpd_cgroup_config_to_object (&config->cgroup));
  cpd_json_set_string (object, "ociRuntime", config->oci_runtime);
  return cpd_json_print_object (object);
}

static char **
parse_labels (JsonObject *object)
{
  g_autoptr(GStrvBuilder) labels = g_strv_builder_new ();
  JsonObject *members = cpd_json_get_object (object, "labels");
  JsonObjectIter iter;
  const char *key;

  if (members != NULL)
    {
      json_object_iter_init_ordered (&iter, members);
      while (json_object_iter_next_ordered (&iter, &key, NULL))
        {
          const char *value = cpd_json_get_string (members, key);

          g_strv_builder_add (labels, key);
          g_strv_builder_add (labels, value != NULL ? value : "");
        }
    }
  return g_strv_builder_end (labels);
}

/* What every configuration has: who reads one relies on it. */
static gboolean
check_complete (const CpdContainerConfig *config, GError **error)
{
  const struct { const char *key, *value; } texts[] = {
    { "args", config->args[0] }, { "workdir", config->workdir }, { "user", config->user },
    { "hostname", config->hostname }, { "network", config->network },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    if (texts[i].value == NULL)
      {
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED, "stored configuration: it has no '%s'", texts[i].key);
        return FALSE;
      }
  if (config->stop_signal > 0 && config->stop_signal <= SIGRTMAX)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED, "stored configuration: %d is no signal to stop it with",
               config->stop_signal);
  return FALSE;
}

CpdContainerConfig *
cpd_container_config_parse (const char *json, GError **error)
{
  g_autoptr(CpdContainerConfig) config = NULL;
  g_autoptr(JsonNode) node = cpd_json_parse (json, -1, error);
  JsonObject *object;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    {
      g_prefix_error (error, "stored configuration: ");
      if (node != NULL)
        g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED,
                             "stored configuration: it is no JSON object");
      return NULL;
    }
  object = json_node_get_object (node);
  config = g_new0 (CpdContainerConfig, 1);
  config->args = cpd_json_get_strv (object, "args");
  config->n_entrypoint = json_object_has_member (object, "n_entrypoint")
                         ? (int) cpd_json_get_int (object, "n_entrypoint") : -1;
  config->env = cpd_json_get_strv (object, "env");
  config->labels = parse_labels (object);
  config->workdir = g_strdup (cpd_json_get_string (object, "workdir"));
  config->user = g_strdup (cpd_json_get_string (object, "user"));
  config->hostname = g_strdup (cpd_json_get_string (object, "hostname"));
  config->network = g_strdup (cpd_json_get_string (object, "network"));
  config->read_only = cpd_json_get_boolean (object, "readOnly");
  config->keep_stdin = cpd_json_get_boolean (object, "stdin");
  config->tty = cpd_json_get_boolean (object, "tty");
  config->privileged = cpd_json_get_boolean (object, "privileged");
  config->capabilities = cpd_json_get_strv (object, "capabilities");
  config->added_capabilities = cpd_json_get_strv (object, "addedCapabilities");
  config->stop_signal = (int) cpd_json_get_int (object, "stopSignal");
  config->stop_timeout = (guint) cpd_json_get_int (object, "stopTimeout");
  if (cpd_json_get_string (object, "restartPolicy") != NULL)    /* version 0.1.0 wrote none */
    cpd_restart_policy_parse (cpd_json_get_string (object, "restartPolicy"), &config->restart, NULL);
  cpd_container_limits_from_object (&config->limits, object);
  cpd_cgroup_config_from_object (&config->cgroup, cpd_json_get_object (object, "cgroup"));
  config->oci_runtime = g_strdup (cpd_json_get_string (object, "ociRuntime"));
  return check_complete (config, error) ? g_steal_pointer (&config) : NULL;
}
