/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registry/cpd-registry-http.h"

#include <curl/curl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "public/cpod-error.h"
#include "registry/cpd-registry-challenge.h"

#define ANSWER_MAX (16 * 1024 * 1024)
#define FILE_MAX (1024 * 1024)
#define REDIRECTS_MAX 5L

struct _CpdRegistryHttp
{
  CURL *curl;                   /* (owned) */
  char *host;                   /* (owned) */
  char *origin;                 /* (owned) "https://HOST" */
  char *login;                  /* (owned) (nullable) "user:password" */
  char *scope;                  /* (owned) */
  gboolean insecure;
  CpdRegistryChallenge challenge;
  gboolean challenged;
  char *token;                  /* (owned) (nullable) */
  int anchors;                  /* (owned) a file in memory of certificates, or -1 */
};

/* Where containers' tools look for certificates of registries, see containers-certs.d(5). */
static const char *const certificate_dirs[] = { "/etc/containers/certs.d", "/etc/docker/certs.d", NULL };

static size_t
on_data (char *data, size_t size, size_t n, void *user_data)
{
  GString *answer = user_data;

  if (answer->len + size * n > ANSWER_MAX)
    return 0;
  g_string_append_len (answer, data, (gssize) (size * n));
  return size * n;
}

/* Sends a GET. GIVEN is the answer's status, 0 when there is none. */
static CURLcode
perform (CpdRegistryHttp *http, const char *url, const char *login, const char *token, GString *answer, long *given)
{
  CURLcode code;

  g_string_truncate (answer, 0);
  curl_easy_setopt (http->curl, CURLOPT_URL, url);
  curl_easy_setopt (http->curl, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt (http->curl, CURLOPT_WRITEDATA, answer);
  curl_easy_setopt (http->curl, CURLOPT_HTTPAUTH, token != NULL ? CURLAUTH_BEARER : CURLAUTH_BASIC);
  curl_easy_setopt (http->curl, CURLOPT_XOAUTH2_BEARER, token);
  curl_easy_setopt (http->curl, CURLOPT_USERPWD, token == NULL ? login : NULL);
  code = curl_easy_perform (http->curl);
  *given = 0;
  curl_easy_getinfo (http->curl, CURLINFO_RESPONSE_CODE, given);
  return code;
}

static gboolean
fail_transport (CpdRegistryHttp *http, CURLcode code, GError **error)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED, "%s: %s", http->host,
               code == CURLE_WRITE_ERROR ? "it answers with more than there may be" : curl_easy_strerror (code));
  return FALSE;
}

/* The message of the first error in an answer, as the distribution specification has them; or "". */
static char *
find_message (const char *answer)
{
  g_autoptr(JsonNode) node = cpd_json_parse (answer, -1, NULL);
  JsonArray *errors = node != NULL && JSON_NODE_HOLDS_OBJECT (node)
                      ? cpd_json_get_array (json_node_get_object (node), "errors") : NULL;
  JsonNode *first = errors != NULL && json_array_get_length (errors) > 0 ? json_array_get_element (errors, 0) : NULL;
  const char *message = first != NULL && JSON_NODE_HOLDS_OBJECT (first)
                        ? cpd_json_get_string (json_node_get_object (first), "message") : NULL;

  return message != NULL ? g_strconcat (": ", message, NULL) : g_strdup ("");
}

static gboolean
check_status (CpdRegistryHttp *http, long status, const char *answer, GError **error)
{
  g_autofree char *message = NULL;

  if (status == 200)
    return TRUE;
  message = find_message (answer);
  g_set_error (error, CPOD_ERROR,
               status == 401 || status == 403 ? CPOD_ERROR_REGISTRY_DENIED
               : status == 404 ? CPOD_ERROR_NO_SUCH_IMAGE : CPOD_ERROR_REGISTRY_FAILED,
               "%s: it answers with status %ld%s", http->host, status, message);
  return FALSE;
}

static void
note_challenge (CpdRegistryHttp *http)
{
  struct curl_header *header = NULL;

  cpd_registry_challenge_clear (&http->challenge);
  curl_easy_header (http->curl, "WWW-Authenticate", 0, CURLH_HEADER, -1, &header);
  http->challenged = header != NULL && cpd_registry_challenge_parse (&http->challenge, header->value);
}

/* Gets a token where the registry says that there are some. */
static gboolean
fetch_token (CpdRegistryHttp *http, GError **error)
{
  g_autoptr(GString) answer = g_string_new (NULL);
  g_autofree char *service = g_uri_escape_string (http->challenge.service != NULL ? http->challenge.service : "", NULL, FALSE);
  g_autofree char *scope = g_uri_escape_string (http->scope, NULL, FALSE);
  g_autofree char *url = g_strdup_printf ("%s%cservice=%s&scope=%s", http->challenge.realm,
                                          strchr (http->challenge.realm, '?') != NULL ? '&' : '?', service, scope);
  g_autoptr(JsonNode) node = NULL;
  const char *token = NULL;
  CURLcode code;
  long status;

  if (!http->insecure && !g_str_has_prefix (http->challenge.realm, "https://"))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED, "%s: it sends to %s, which is not safe, for a token",
                   http->host, http->challenge.realm);
      return FALSE;
    }
  code = perform (http, url, http->login, NULL, answer, &status);
  if (code != CURLE_OK)
    return fail_transport (http, code, error);
  if (!check_status (http, status, answer->str, error))
    return FALSE;
  node = cpd_json_parse (answer->str, (gssize) answer->len, NULL);
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    {
      token = cpd_json_get_string (json_node_get_object (node), "token");
      if (token == NULL)
        token = cpd_json_get_string (json_node_get_object (node), "access_token");
    }
  if (token == NULL)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED, "%s: the answer of %s has no token", http->host,
                 http->challenge.realm);
  g_free (http->token);
  http->token = g_strdup (token);
  return token != NULL;
}

static gboolean
may_answer (CpdRegistryHttp *http, GError **error)
{
  if (!http->challenged)
    return FALSE;
  return http->challenge.bearer ? fetch_token (http, error) : http->login != NULL;
}

char *
cpd_registry_http_get (CpdRegistryHttp *http, const char *path, char **next, GError **error)
{
  g_autofree char *url = g_strconcat (http->origin, path, NULL);
  g_autoptr(GString) answer = g_string_new (NULL);
  g_autoptr(GError) failure = NULL;
  const char *login = http->challenged && !http->challenge.bearer ? http->login : NULL;
  struct curl_header *link = NULL;
  CURLcode code;
  long status;

  code = perform (http, url, login, http->token, answer, &status);
  if (code == CURLE_OK && status == 401 && login == NULL && http->token == NULL)
    {
      note_challenge (http);
      if (may_answer (http, &failure))
        code = perform (http, url, http->login, http->token, answer, &status);
    }
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  if (code != CURLE_OK)
    fail_transport (http, code, error);
  if (code != CURLE_OK || !check_status (http, status, answer->str, error))
    return NULL;
  if (next != NULL && curl_easy_header (http->curl, "Link", 0, CURLH_HEADER, -1, &link) == CURLHE_OK)
    *next = cpd_registry_next_page (link->value, http->host);
  return g_string_free (g_steal_pointer (&answer), FALSE);
}

/* Adds the certificates in the file PATH to those that are trusted. */
static gboolean
add_anchors (CpdRegistryHttp *http, const char *path, GError **error)
{
  g_autofree char *text = cpd_fs_read_file (path, FILE_MAX, error);

  return text != NULL && cpd_fs_write_all (http->anchors, text, strlen (text), error)
         && cpd_fs_write_all (http->anchors, "\n", 1, error);
}

/* What DIRECTORY, of the certificates of one registry, has: authorities, and what this host proves itself by. */
static gboolean
read_certificates (CpdRegistryHttp *http, const char *directory, GError **error)
{
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (directory, error);

  for (guint i = 0; names != NULL && i < names->len; i++)
    {
      g_autofree char *path = g_build_filename (directory, names->pdata[i], NULL);

      if (g_str_has_suffix (path, ".crt") && !add_anchors (http, path, error))
        return FALSE;
      if (g_str_has_suffix (path, ".cert"))
        {
          g_autofree char *stem = g_strndup (path, strlen (path) - strlen (".cert"));
          g_autofree char *key = g_strconcat (stem, ".key", NULL);

          curl_easy_setopt (http->curl, CURLOPT_SSLCERT, path);
          curl_easy_setopt (http->curl, CURLOPT_SSLKEY, key);
        }
    }
  return names != NULL;
}

/* The system's authorities, or those of SSL_CERT_FILE, which skopeo takes, too; and those of the registry. */
static gboolean
set_up_tls (CpdRegistryHttp *http, GError **error)
{
  const char *system = g_getenv ("SSL_CERT_FILE");
  g_autofree char *bundle = NULL;

  http->anchors = memfd_create ("anchors", MFD_CLOEXEC);
  if (system == NULL)
    system = curl_version_info (CURLVERSION_NOW)->cainfo;
  if (system != NULL && g_file_test (system, G_FILE_TEST_EXISTS) && !add_anchors (http, system, error))
    return FALSE;
  for (const char *const *directory = certificate_dirs; *directory != NULL; directory++)
    {
      g_autofree char *path = g_build_filename (*directory, http->host, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR) && !read_certificates (http, path, error))
        return FALSE;
    }
  bundle = g_strdup_printf ("/proc/self/fd/%d", http->anchors);
  curl_easy_setopt (http->curl, CURLOPT_CAINFO, bundle);
  if (http->insecure)
    {
      curl_easy_setopt (http->curl, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt (http->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
  return TRUE;
}

static gboolean
read_login (CpdRegistryHttp *http, const char *path, GError **error)
{
  g_autofree char *text = path != NULL ? cpd_fs_read_file (path, FILE_MAX, error) : NULL;

  if (text != NULL)
    http->login = cpd_registry_find_login (text, http->host);
  return path == NULL || text != NULL;
}

/* Whether it speaks TLS, and what it wants to be told first. */
static gboolean
try_scheme (CpdRegistryHttp *http, const char *scheme, GError **error)
{
  g_autoptr(GString) answer = g_string_new (NULL);
  g_autofree char *url = g_strconcat (scheme, "://", http->host, "/v2/", NULL);
  CURLcode code;
  long status;

  code = perform (http, url, NULL, NULL, answer, &status);
  if (code != CURLE_OK)
    return fail_transport (http, code, error);
  if (status == 401)
    note_challenge (http);
  http->origin = g_strconcat (scheme, "://", http->host, NULL);
  return TRUE;
}

CpdRegistryHttp *
cpd_registry_http_new (const CpdRegistryServer *server, GError **error)
{
  g_autoptr(CpdRegistryHttp) http = g_new0 (CpdRegistryHttp, 1);
  g_autoptr(GError) failure = NULL;

  http->curl = curl_easy_init ();
  http->host = g_strdup (server->host);
  http->scope = g_strdup (server->scope);
  http->insecure = server->insecure;
  http->anchors = -1;
  curl_easy_setopt (http->curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (http->curl, CURLOPT_USERAGENT, "cpod/" CPD_VERSION);
  curl_easy_setopt (http->curl, CURLOPT_PROTOCOLS_STR, http->insecure ? "https,http" : "https");
  curl_easy_setopt (http->curl, CURLOPT_REDIR_PROTOCOLS_STR, http->insecure ? "https,http" : "https");
  curl_easy_setopt (http->curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt (http->curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
  if (!read_login (http, server->auth, error) || !set_up_tls (http, error))
    return NULL;
  if (try_scheme (http, "https", &failure)
      || (http->insecure && try_scheme (http, "http", error)))
    return g_steal_pointer (&http);
  if (!http->insecure)
    g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

void
cpd_registry_http_free (CpdRegistryHttp *http)
{
  if (http == NULL)
    return;
  if (http->curl != NULL)
    curl_easy_cleanup (http->curl);
  cpd_registry_challenge_clear (&http->challenge);
  cpd_close_fd (&http->anchors);
  g_free (http->host);
  g_free (http->origin);
  g_free (http->login);
  g_free (http->scope);
  g_free (http->token);
  g_free (http);
}
