/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-exec-spec.h"

#include "common/cpd-json.h"
#include "oci/cpd-runtime-spec.h"
#include "oci/cpd-terminal-spec.h"
#include "public/cpod-error.h"

static void
set_user (JsonObject *process, const CpdExecSpec *spec)
{
  JsonObject *before = cpd_json_get_object (process, "user");
  JsonObject *user = json_object_new ();
  JsonArray *gids = json_array_new ();

  json_object_set_int_member (user, "uid", spec->uid);
  json_object_set_int_member (user, "gid", spec->gid);
  if (before != NULL && json_object_has_member (before, "umask"))
    json_object_set_int_member (user, "umask", cpd_json_get_int (before, "umask"));
  for (gsize i = 0; i < spec->n_additional_gids; i++)
    json_array_add_int_element (gids, spec->additional_gids[i]);
  json_object_set_array_member (user, "additionalGids", gids);
  json_object_set_object_member (process, "user", user);
}

/* Root has what it is bound to, the container's own user what that was given, another one nothing. */
static gboolean
set_capabilities (JsonObject *process, const CpdExecSpec *spec, GError **error)
{
  JsonObject *before = cpd_json_get_object (process, "capabilities");
  JsonObject *capabilities = json_object_new ();
  g_auto(GStrv) bounding = spec->privileged ? cpd_capabilities_merge (NULL, NULL, TRUE, error)
                                            : cpd_json_get_strv (before, "bounding");
  g_auto(GStrv) given = spec->same_user ? cpd_json_get_strv (before, "effective") : g_new0 (char *, 1);

  if (bounding == NULL)
    {
      json_object_unref (capabilities);
      return FALSE;
    }
  cpd_json_set_strv (capabilities, "bounding", (const char *const *) bounding);
  cpd_json_set_strv (capabilities, "effective", (const char *const *) (spec->uid == 0 ? bounding : given));
  cpd_json_set_strv (capabilities, "permitted", (const char *const *) (spec->uid == 0 ? bounding : given));
  if (spec->uid != 0)
    {
      cpd_json_set_strv (capabilities, "inheritable", (const char *const *) given);
      cpd_json_set_strv (capabilities, "ambient", (const char *const *) given);
    }
  json_object_set_object_member (process, "capabilities", capabilities);
  return TRUE;
}

char *
cpd_exec_spec_to_json (const char *container, const CpdExecSpec *spec, GError **error)
{
  g_autoptr(JsonNode) node = cpd_json_parse (container, -1, error);
  JsonObject *process = NULL;

  if (node == NULL)
    return NULL;
  if (JSON_NODE_HOLDS_OBJECT (node))
    process = cpd_json_get_object (json_node_get_object (node), "process");
  if (process == NULL)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the container's config.json describes no process");
      return NULL;
    }
  cpd_terminal_spec_set (process, spec->terminal, spec->rows, spec->columns);
  set_user (process, spec);
  json_object_set_array_member (process, "args", cpd_json_array_from_strv (spec->args));
  json_object_set_array_member (process, "env", cpd_json_array_from_strv (spec->env));
  if (spec->cwd != NULL)
    json_object_set_string_member (process, "cwd", spec->cwd);
  if (!set_capabilities (process, spec, error))
    return NULL;
  return cpd_json_print_object (process);
}
