/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-commit-config.h"

#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-json.h"
#include "engine/images/cpd-image-config.h"
#include "public/cpod-error.h"

/* What tells where a variable is from, and not what it is to be in other containers. */
static const char *const own_variables[] = { "container=", "HOSTNAME=", NULL };

/* The member KEY, which is made if there is none. */
static JsonObject *
get_object (JsonObject *parent, const char *key)
{
  JsonObject *object = cpd_json_get_object (parent, key);

  if (object != NULL)
    return object;
  object = json_object_new ();
  json_object_set_object_member (parent, key, object);
  return object;
}

static JsonArray *
get_array (JsonObject *parent, const char *key)
{
  JsonArray *array = cpd_json_get_array (parent, key);

  if (array != NULL)
    return array;
  array = json_array_new ();
  json_object_set_array_member (parent, key, array);
  return array;
}

static void
set_env (JsonObject *object, char **env)
{
  JsonArray *list = json_array_new ();

  for (char **entry = env; entry != NULL && *entry != NULL; entry++)
    {
      gboolean own = FALSE;

      for (gsize i = 0; own_variables[i] != NULL; i++)
        own = own || g_str_has_prefix (*entry, own_variables[i]);
      if (!own)
        json_array_add_string_element (list, *entry);
    }
  json_object_set_array_member (object, "Env", list);
}

/* How many of the words are the entrypoint; older containers do not tell, but their image may. */
static guint
count_entrypoint (JsonObject *object, const CpdContainerConfig *config)
{
  g_auto(GStrv) entrypoint = NULL;
  guint i;

  if (config->n_entrypoint >= 0)
    return MIN ((guint) config->n_entrypoint, g_strv_length (config->args));
  entrypoint = cpd_json_get_strv (object, "Entrypoint");
  for (i = 0; entrypoint != NULL && entrypoint[i] != NULL; i++)
    if (g_strcmp0 (entrypoint[i], config->args[i]) != 0)
      return 0;
  return i;
}

static void
set_command (JsonObject *object, const CpdContainerConfig *config)
{
  const guint n_entrypoint = count_entrypoint (object, config);
  JsonArray *entrypoint = json_array_new (), *command = json_array_new ();

  for (guint i = 0; config->args[i] != NULL; i++)
    json_array_add_string_element (i < n_entrypoint ? entrypoint : command, config->args[i]);
  json_object_set_array_member (object, "Cmd", command);
  if (n_entrypoint > 0)
    {
      json_object_set_array_member (object, "Entrypoint", entrypoint);
      return;
    }
  json_object_remove_member (object, "Entrypoint");
  json_array_unref (entrypoint);
}

static void
set_container (JsonObject *object, const CpdContainerConfig *config)
{
  set_env (object, config->env);
  set_command (object, config);
  /* The default of a container is nothing to tell of. */
  if (config->user != NULL && *config->user != '\0'
      && (strcmp (config->user, "0") != 0 || json_object_has_member (object, "User")))
    json_object_set_string_member (object, "User", config->user);
  if (config->workdir != NULL && *config->workdir != '\0')
    json_object_set_string_member (object, "WorkingDir", config->workdir);
  for (char **label = config->labels; label != NULL && *label != NULL; label += 2)
    json_object_set_string_member (get_object (object, "Labels"), label[0], label[1]);
}

static void
add_history (JsonObject *image, const CpdCommitOptions *options, const char *created)
{
  JsonObject *entry = json_object_new ();

  if (options->squash)
    json_object_set_array_member (image, "history", json_array_new ());
  json_object_set_string_member (entry, "created", created);
  json_object_set_string_member (entry, "created_by", "cpod commit");
  cpd_json_set_string (entry, "author", options->author);
  cpd_json_set_string (entry, "comment", options->message);
  json_array_add_object_element (get_array (image, "history"), entry);
}

static void
add_layer (JsonObject *image, const CpdCommitOptions *options, const char *diff_id)
{
  JsonObject *rootfs = get_object (image, "rootfs");

  json_object_set_string_member (rootfs, "type", "layers");
  if (options->squash)
    json_object_set_array_member (rootfs, "diff_ids", json_array_new ());
  json_array_add_string_element (get_array (rootfs, "diff_ids"), diff_id);
}

char *
cpd_commit_config_new (const CpdImageRow *base, const CpdContainerConfig *config, const CpdCommitOptions *options,
                       const char *diff_id, gint64 created, GError **error)
{
  g_autoptr(JsonNode) node = cpd_json_parse (base->config, -1, error);
  g_autofree char *when = cpd_clock_format (created);
  JsonObject *image;

  if (node == NULL)
    return NULL;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "the configuration of image %s is no object", base->id);
      return NULL;
    }
  image = json_node_get_object (node);
  set_container (get_object (image, "config"), config);
  if (!cpd_image_config_apply_changes (get_object (image, "config"), options->changes, error))
    return NULL;
  if (options->docker)          /* docker tells of the container, too */
    json_object_set_member (image, "container_config", json_node_copy (json_object_get_member (image, "config")));
  else
    json_object_remove_member (image, "container_config");
  json_object_set_string_member (image, "created", when);
  if (options->author != NULL && *options->author != '\0')
    json_object_set_string_member (image, "author", options->author);
  add_layer (image, options, diff_id);
  add_history (image, options, when);
  return cpd_json_print_object (image);
}
