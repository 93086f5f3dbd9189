/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport/cpd-signature-policy.h"

#include <string.h>

#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"

#define FILE_MAX (16 * 1024 * 1024)

/* What a name of a registry belongs to, the narrowest first: the image, its repository and what that is in, the host,
 * and wildcards for its domain. */
static GPtrArray *
list_scopes (const char *name)
{
  GPtrArray *scopes = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *scope = cpd_reference_repository (name);
  char *slash, *dot;

  g_ptr_array_add (scopes, cpd_reference_pullable (name));
  g_ptr_array_add (scopes, g_strdup (scope));
  while ((slash = strrchr (scope, '/')) != NULL)
    {
      *slash = '\0';
      g_ptr_array_add (scopes, g_strdup (scope));
    }
  dot = strchr (scope, ':');    /* wildcards are of domains, without ports */
  if (dot != NULL)
    *dot = '\0';
  for (dot = strchr (scope, '.'); dot != NULL; dot = strchr (dot + 1, '.'))
    g_ptr_array_add (scopes, g_strconcat ("*", dot, NULL));
  return scopes;
}

/* The requirements for an image, NULL where only skopeo can tell which they are. */
static JsonArray *
find_requirements (JsonObject *policy, CpdTransport transport, const char *name)
{
  JsonObject *transports = cpd_json_get_object (policy, "transports");
  JsonObject *scopes = transports != NULL ? cpd_json_get_object (transports, cpd_transport_name (transport)) : NULL;
  g_autoptr(GPtrArray) wanted = NULL;

  if (scopes == NULL)
    return cpd_json_get_array (policy, "default");
  if (transport != CPD_TRANSPORT_DOCKER && json_object_get_size (scopes) > (json_object_has_member (scopes, "") ? 1u : 0u))
    return NULL;
  wanted = transport == CPD_TRANSPORT_DOCKER ? list_scopes (name) : g_ptr_array_new ();
  for (guint i = 0; i < wanted->len; i++)
    if (json_object_has_member (scopes, wanted->pdata[i]))
      return cpd_json_get_array (scopes, wanted->pdata[i]);
  return json_object_has_member (scopes, "") ? cpd_json_get_array (scopes, "") : cpd_json_get_array (policy, "default");
}

/* All requirements have to be met. What is of no known kind is left to skopeo, which refuses it. */
static CpdPolicyVerdict
judge (JsonArray *requirements)
{
  CpdPolicyVerdict verdict = CPD_POLICY_ACCEPT;

  if (requirements == NULL || json_array_get_length (requirements) == 0)
    return CPD_POLICY_VERIFY;
  for (guint i = 0; i < json_array_get_length (requirements); i++)
    {
      JsonNode *node = json_array_get_element (requirements, i);
      const char *type = JSON_NODE_HOLDS_OBJECT (node) ? cpd_json_get_string (json_node_get_object (node), "type") : NULL;

      if (g_strcmp0 (type, "reject") == 0)
        return CPD_POLICY_REJECT;
      if (g_strcmp0 (type, "insecureAcceptAnything") != 0)
        verdict = CPD_POLICY_VERIFY;
    }
  return verdict;
}

gboolean
cpd_signature_policy_judge (const char *path, CpdTransport transport, const char *name, CpdPolicyVerdict *verdict,
                            GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr(JsonNode) node = NULL;
  g_autoptr(GError) cause = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_IMAGE_REJECTED,
                   "there is no policy of signatures: the file %s is missing", path);
      return FALSE;
    }
  text = cpd_fs_read_file (path, FILE_MAX, error);
  if (text == NULL)
    return FALSE;
  node = cpd_json_parse (text, -1, &cause);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node)
      || cpd_json_get_array (json_node_get_object (node), "default") == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG, "%s: it is no policy of signatures: %s", path,
                   cause != NULL ? cause->message : "\"default\" is missing");
      return FALSE;
    }
  *verdict = judge (find_requirements (json_node_get_object (node), transport, name));
  return TRUE;
}
