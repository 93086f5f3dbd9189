/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registry/cpd-registry-challenge.h"

#include <string.h>

#include "common/cpd-json.h"

#define DOCKER_HUB "index.docker.io"

/* The value of PARAMETER ("realm") in a challenge, in quotes or without. */
static char *
find_parameter (const char *header, const char *parameter)
{
  g_autofree char *pattern = g_strdup_printf ("(?:^|[\\s,])%s\\s*=\\s*(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([^\\s,\"]+))", parameter);
  g_autoptr(GRegex) regex = g_regex_new (pattern, G_REGEX_CASELESS, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  g_autofree char *quoted = NULL;

  if (!g_regex_match (regex, header, 0, &match))
    return NULL;
  quoted = g_match_info_fetch (match, 1);
  return quoted != NULL && *quoted != '\0' ? g_strcompress (quoted) : g_match_info_fetch (match, 2);
}

gboolean
cpd_registry_challenge_parse (CpdRegistryChallenge *challenge, const char *header)
{
  *challenge = (CpdRegistryChallenge) { FALSE };
  if (header == NULL || !g_utf8_validate (header, -1, NULL))
    return FALSE;
  challenge->bearer = g_ascii_strncasecmp (header, "Bearer ", strlen ("Bearer ")) == 0;
  if (!challenge->bearer)
    return g_ascii_strncasecmp (header, "Basic", strlen ("Basic")) == 0;
  challenge->realm = find_parameter (header, "realm");
  challenge->service = find_parameter (header, "service");
  return challenge->realm != NULL;
}

void
cpd_registry_challenge_clear (CpdRegistryChallenge *challenge)
{
  g_clear_pointer (&challenge->realm, g_free);
  g_clear_pointer (&challenge->service, g_free);
}

static char *
decode_login (JsonObject *auths, const char *key)
{
  JsonObject *entry = cpd_json_get_object (auths, key);
  const char *encoded = entry != NULL ? cpd_json_get_string (entry, "auth") : NULL;
  g_autofree guchar *decoded = NULL;
  gsize length = 0;

  if (encoded == NULL)
    return NULL;
  decoded = g_base64_decode (encoded, &length);
  return memchr (decoded, ':', length) != NULL ? g_strndup ((const char *) decoded, length) : NULL;
}

char *
cpd_registry_find_login (const char *auth, const char *host)
{
  const char *const hub_keys[] = { "docker.io", "https://" DOCKER_HUB "/v1/", NULL };
  g_autoptr(JsonNode) node = cpd_json_parse (auth, -1, NULL);
  JsonObject *auths;
  char *login;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return NULL;
  auths = cpd_json_get_object (json_node_get_object (node), "auths");
  login = auths != NULL ? decode_login (auths, host) : NULL;
  for (const char *const *key = hub_keys; auths != NULL && login == NULL && *key != NULL; key++)
    if (strcmp (host, DOCKER_HUB) == 0)
      login = decode_login (auths, *key);
  return login;
}

char *
cpd_registry_next_page (const char *link, const char *host)
{
  g_autoptr(GRegex) regex = g_regex_new ("<([^>]*)>\\s*;[^,]*rel\\s*=\\s*\"?next\\b", G_REGEX_CASELESS, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  g_autoptr(GUri) uri = NULL;
  g_autofree char *target = NULL, *place = NULL;

  if (link == NULL || !g_utf8_validate (link, -1, NULL) || !g_regex_match (regex, link, 0, &match))
    return NULL;
  target = g_match_info_fetch (match, 1);
  if (*target == '/' && target[1] != '/')
    return g_steal_pointer (&target);
  uri = g_uri_parse (target, G_URI_FLAGS_ENCODED, NULL);
  if (uri == NULL || g_uri_get_host (uri) == NULL)
    return NULL;
  place = g_uri_get_port (uri) > 0 ? g_strdup_printf ("%s:%d", g_uri_get_host (uri), g_uri_get_port (uri))
                                   : g_strdup (g_uri_get_host (uri));
  if (strcmp (place, host) != 0)
    return NULL;
  return g_strconcat (g_uri_get_path (uri), g_uri_get_query (uri) != NULL ? "?" : "", g_uri_get_query (uri), NULL);
}
