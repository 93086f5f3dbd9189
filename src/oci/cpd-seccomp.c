/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-seccomp.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "oci/cpd-platform.h"
#include "public/cpod-error.h"

#define PROFILE_MAX_SIZE (4 * 1024 * 1024)
#define ERRNO_MAX 4095

static const char *const actions[] = {
  "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", NULL
};

static const char *const operators[] = {
  "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ", NULL
};

static gboolean
fail (GError **error, const char *what, const char *value)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "%s '%s' is not known",
               what, value != NULL ? value : "");
  return FALSE;
}

/* "EPERM" → 1. The C library knows the names, so no table of ours can be wrong. */
static int
errno_from_name (const char *name)
{
  for (int number = 1; number <= ERRNO_MAX; number++)
    {
      const char *known = strerrorname_np (number);

      if (known != NULL && strcmp (known, name) == 0)
        return number;
    }
  return 0;
}

/* Sets KEY to the number that a rule gives by name or number; a name goes first. */
static gboolean
set_errno (JsonObject *to, const char *key, JsonObject *from, const char *name_key, const char *number_key,
           GError **error)
{
  const char *name = cpd_json_get_string (from, name_key);

  if (name != NULL && *name != '\0')
    {
      int number = errno_from_name (name);

      if (number == 0)
        return fail (error, "error", name);
      json_object_set_int_member (to, key, number);
    }
  else if (json_object_has_member (from, number_key) && !json_object_get_null_member (from, number_key))
    json_object_set_int_member (to, key, cpd_json_get_int (from, number_key));
  return TRUE;
}

static gboolean
list_has (JsonObject *object, const char *key, const char *value)
{
  g_auto(GStrv) list = cpd_json_get_strv (object, key);

  return g_strv_contains ((const char *const *) list, value);
}

/* Whether this kernel is at least VERSION ("5.4"). */
static gboolean
kernel_is_at_least (const char *version)
{
  unsigned want_major = 0, want_minor = 0, major = 0, minor = 0;
  struct utsname name;

  if (sscanf (version, "%u.%u", &want_major, &want_minor) < 1 || uname (&name) < 0
      || sscanf (name.release, "%u.%u", &major, &minor) < 1)
    return FALSE;
  return major > want_major || (major == want_major && minor >= want_minor);
}

/* Whether a rule is for this architecture, kernel and these capabilities. */
static gboolean
applies (JsonObject *rule, const char *const *bounding)
{
  JsonObject *includes = cpd_json_get_object (rule, "includes");
  JsonObject *excludes = cpd_json_get_object (rule, "excludes");
  g_auto(GStrv) only_caps = cpd_json_get_strv (includes, "caps");
  g_auto(GStrv) not_caps = cpd_json_get_strv (excludes, "caps");
  JsonArray *only_arches = cpd_json_get_array (includes, "arches");
  const char *kernel = cpd_json_get_string (includes, "minKernel");
  const char *architecture = cpd_platform_architecture ();

  if (list_has (excludes, "arches", architecture))
    return FALSE;
  if (only_arches != NULL && json_array_get_length (only_arches) > 0
      && !list_has (includes, "arches", architecture))
    return FALSE;
  if (kernel != NULL && !kernel_is_at_least (kernel))
    return FALSE;
  for (char **cap = only_caps; *cap != NULL; cap++)
    if (!g_strv_contains (bounding, *cap))
      return FALSE;
  for (char **cap = not_caps; *cap != NULL; cap++)
    if (g_strv_contains (bounding, *cap))
      return FALSE;
  return TRUE;
}

static gboolean
add_arguments (JsonObject *to, JsonObject *rule, GError **error)
{
  JsonArray *from = cpd_json_get_array (rule, "args");
  JsonArray *list;

  if (from == NULL || json_array_get_length (from) == 0)
    return TRUE;
  list = json_array_new ();
  json_object_set_array_member (to, "args", list);
  for (guint i = 0; i < json_array_get_length (from); i++)
    {
      JsonNode *node = json_array_get_element (from, i);
      JsonObject *argument = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      const char *operator = cpd_json_get_string (argument, "op");
      JsonObject *object;

      if (operator == NULL || !g_strv_contains (operators, operator))
        return fail (error, "operator", operator);
      object = json_object_new ();
      json_object_set_int_member (object, "index", cpd_json_get_int (argument, "index"));
      json_object_set_int_member (object, "value", cpd_json_get_int (argument, "value"));
      if (cpd_json_get_int (argument, "valueTwo") != 0)
        json_object_set_int_member (object, "valueTwo", cpd_json_get_int (argument, "valueTwo"));
      json_object_set_string_member (object, "op", operator);
      json_array_add_object_element (list, object);
    }
  return TRUE;
}

/* Runtimes pass over names that they do not know, without a word: so say it here. */
static void
check_names (char **names)
{
  for (; *names != NULL; names++)
    if (seccomp_syscall_resolve_name (*names) == __NR_SCMP_ERROR)
      g_debug ("seccomp profile: system call %s is not known here", *names);
}

static char **
get_names (JsonObject *rule, GError **error)
{
  const char *single = cpd_json_get_string (rule, "name");
  g_auto(GStrv) names = cpd_json_get_strv (rule, "names");

  if (single != NULL && *single != '\0')
    {
      const char *list[] = { single, NULL };

      if (names[0] == NULL)
        return g_strdupv ((char **) list);
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           "a rule has both \"name\" and \"names\"");
      return NULL;
    }
  if (names[0] == NULL)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "a rule names no system call");
      return NULL;
    }
  return g_steal_pointer (&names);
}

static JsonObject *
translate_rule (JsonObject *rule, GError **error)
{
  g_autoptr(JsonObject) result = json_object_new ();
  g_auto(GStrv) names = get_names (rule, error);
  const char *action = cpd_json_get_string (rule, "action");

  if (names == NULL)
    return NULL;
  if (action == NULL || !g_strv_contains (actions, action))
    {
      fail (error, "action", action);
      return NULL;
    }
  check_names (names);
  cpd_json_set_strv (result, "names", (const char *const *) names);
  json_object_set_string_member (result, "action", action);
  if (!set_errno (result, "errnoRet", rule, "errno", "errnoRet", error)
      || !add_arguments (result, rule, error))
    return NULL;
  return g_steal_pointer (&result);
}

static gboolean
add_rules (JsonObject *to, JsonObject *profile, const char *const *bounding, GError **error)
{
  JsonArray *from = cpd_json_get_array (profile, "syscalls");
  JsonArray *list = json_array_new ();

  json_object_set_array_member (to, "syscalls", list);
  for (guint i = 0; from != NULL && i < json_array_get_length (from); i++)
    {
      JsonNode *node = json_array_get_element (from, i);
      JsonObject *rule = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      JsonObject *translated;

      if (rule == NULL || !applies (rule, bounding))
        continue;
      translated = translate_rule (rule, error);
      if (translated == NULL)
        return FALSE;
      json_array_add_object_element (list, translated);
    }
  return TRUE;
}

static gboolean
add_architectures (JsonObject *to, JsonObject *profile, GError **error)
{
  g_auto(GStrv) given = cpd_json_get_strv (profile, "architectures");
  JsonArray *map = cpd_json_get_array (profile, "archMap");
  const char *native = cpd_platform_seccomp_arch ();

  if (given[0] != NULL && map != NULL && json_array_get_length (map) > 0)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           "it has both \"architectures\" and \"archMap\"");
      return FALSE;
    }
  cpd_json_set_strv (to, "architectures", (const char *const *) given);
  for (guint i = 0; map != NULL && native != NULL && i < json_array_get_length (map); i++)
    {
      JsonNode *node = json_array_get_element (map, i);
      JsonObject *entry = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      g_auto(GStrv) more = cpd_json_get_strv (entry, "subArchitectures");
      JsonArray *list;

      if (g_strcmp0 (cpd_json_get_string (entry, "architecture"), native) != 0)
        continue;
      list = json_array_new ();
      json_array_add_string_element (list, native);
      for (char **name = more; *name != NULL; name++)
        json_array_add_string_element (list, *name);
      json_object_set_array_member (to, "architectures", list);
      break;
    }
  return TRUE;
}

static JsonObject *
translate (const char *text, const char *const *bounding, GError **error)
{
  g_autoptr(JsonNode) root = cpd_json_parse (text, -1, error);
  g_autoptr(JsonObject) result = json_object_new ();
  JsonObject *profile = root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  const char *action = cpd_json_get_string (profile, "defaultAction");

  if (root == NULL)
    {
      if (error != NULL)
        (*error)->code = CPOD_ERROR_INVALID_ARGUMENT;
      return NULL;
    }
  if (action == NULL || !g_strv_contains (actions, action))
    {
      fail (error, "default action", action);
      return NULL;
    }
  json_object_set_string_member (result, "defaultAction", action);
  if (!set_errno (result, "defaultErrnoRet", profile, "defaultErrno", "defaultErrnoRet", error)
      || !add_architectures (result, profile, error)
      || !add_rules (result, profile, bounding, error))
    return NULL;
  return g_steal_pointer (&result);
}

JsonObject *
cpd_seccomp_translate (const char *profile, const char *const *bounding, GError **error)
{
  g_autofree char *text = cpd_fs_read_file (profile, PROFILE_MAX_SIZE, error);
  JsonObject *result;

  if (text == NULL)
    {
      g_prefix_error (error, "failed to read the seccomp profile: ");
      return NULL;
    }
  result = translate (text, bounding, error);
  if (result == NULL)
    g_prefix_error (error, "seccomp profile %s: ", profile);
  return result;
}
