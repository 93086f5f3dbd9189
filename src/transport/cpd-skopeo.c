/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport/cpd-skopeo.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"

#define AUTH_MAX (1024 * 1024)
#define AUTH_WAIT_US (10 * G_USEC_PER_SEC)
#define MANIFEST_MAX (4 * 1024 * 1024)
#define TAGS_MAX (16 * 1024 * 1024)

/* The descriptors that a child gets. */
#define AUTH_FILE "/proc/self/fd/3"
#define DIGEST_FILE "/proc/self/fd/4"
#define SOCKET_FD "4"

/* What of our own environment is meant for programs that speak to the net. */
static const char *const inherited[] = {
  "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
};

/* The credentials in TEXT. What else may be in such a file names programs to be run, which is not ours to do for a caller. */
static char *
filter_auth (const char *text, GError **error)
{
  g_autoptr(JsonNode) node = cpd_json_parse (text, -1, NULL);
  g_autoptr(JsonObject) filtered = json_object_new ();
  JsonObject *object;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           "authfile: it is no JSON object, as auth.json of podman is");
      return NULL;
    }
  object = json_node_get_object (node);
  if (json_object_has_member (object, "auths"))
    json_object_set_member (filtered, "auths", json_node_copy (json_object_get_member (object, "auths")));
  return cpd_json_print_object (filtered);
}

/* It may be a pipe that nobody writes to, and others may wait for this transfer. */
static gboolean
wait_for_auth (int auth, gint64 deadline, GCancellable *cancellable, GError **error)
{
  GPollFD fds[2] = { { auth, G_IO_IN, 0 } };
  const gboolean both = g_cancellable_make_pollfd (cancellable, &fds[1]);
  const gint64 left = MAX (0, deadline - g_get_monotonic_time ());
  const int ready = g_poll (fds, both ? 2 : 1, (int) (left / 1000));

  if (both)
    g_cancellable_release_fd (cancellable);
  if (ready == 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "authfile: it had no end after %d s",
                 (int) (AUTH_WAIT_US / G_USEC_PER_SEC));
  else if (g_cancellable_is_cancelled (cancellable))
    g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
  return ready != 0 && !g_cancellable_is_cancelled (cancellable);
}

static char *
read_auth (int auth, GCancellable *cancellable, GError **error)
{
  const gint64 deadline = g_get_monotonic_time () + AUTH_WAIT_US;
  g_autoptr(GString) text = g_string_new (NULL);
  char buffer[4096];            /* what a pipe has when it is ready */
  ssize_t n;

  do
    {
      if (!wait_for_auth (auth, deadline, cancellable, error))
        return NULL;
      n = read (auth, buffer, sizeof buffer);
      if (n > 0)
        g_string_append_len (text, buffer, n);
    }
  while ((n > 0 && text->len <= AUTH_MAX) || (n < 0 && (errno == EINTR || errno == EAGAIN)));
  if (n < 0)
    cpd_set_error_errno (error, errno, "authfile: failed to read it");
  else if (n > 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "authfile: it is longer than %d bytes", AUTH_MAX);
  else
    return filter_auth (text->str, error);
  return NULL;
}

static int
make_file (const char *text, GError **error)
{
  cpd_autofd int fd = memfd_create ("cpod", MFD_CLOEXEC);

  if (fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make a file in memory");
      return -1;
    }
  if (!cpd_fs_write_all (fd, text, strlen (text), error))
    return -1;
  return g_steal_fd (&fd);
}

CpdSkopeo *
cpd_skopeo_new (const char *program, int auth, GCancellable *cancellable, GError **error)
{
  g_autoptr(CpdSkopeo) skopeo = g_new0 (CpdSkopeo, 1);
  g_autofree char *text = NULL;

  skopeo->auth = -1;
  skopeo->tls_verify = -1;
  skopeo->program = g_strdup (program);
  skopeo->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  /* Without credentials of the caller there are none: the service's own are nobody else's to use. */
  text = auth >= 0 ? read_auth (auth, cancellable, error) : g_strdup ("{}");
  skopeo->auth = text != NULL ? make_file (text, error) : -1;
  return skopeo->auth >= 0 ? g_steal_pointer (&skopeo) : NULL;
}

void
cpd_skopeo_free (CpdSkopeo *skopeo)
{
  if (skopeo == NULL)
    return;
  cpd_close_fd (&skopeo->auth);
  g_clear_object (&skopeo->cancellable);
  g_free (skopeo->program);
  g_free (skopeo->registries_conf);
  g_free (skopeo->policy);
  g_free (skopeo->tmp_dir);
  g_free (skopeo->os);
  g_free (skopeo->architecture);
  g_free (skopeo->variant);
  g_free (skopeo);
}

/* It reads only what it is told of: no files of a home directory. */
char **
cpd_skopeo_make_environment (const CpdSkopeo *skopeo)
{
  const char *tmp_dir = skopeo->tmp_dir != NULL ? skopeo->tmp_dir : "/var/tmp";
  char **env = g_environ_setenv (NULL, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin", TRUE);

  env = g_environ_setenv (env, "HOME", tmp_dir, TRUE);
  env = g_environ_setenv (env, "TMPDIR", tmp_dir, TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (inherited); i++)
    if (g_getenv (inherited[i]) != NULL)
      env = g_environ_setenv (env, inherited[i], g_getenv (inherited[i]), TRUE);
  return env;
}

/* OPTION ("--name=", or "") with VALUE, unless that is NULL. */
static void
add (GPtrArray *argv, const char *option, const char *value)
{
  if (value != NULL)
    g_ptr_array_add (argv, g_strconcat (option, value, NULL));
}

static GPtrArray *
begin_command (const CpdSkopeo *skopeo)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (argv, g_strdup (skopeo->program));
  add (argv, "--registries-conf=", skopeo->registries_conf != NULL ? skopeo->registries_conf : "/dev/null");
  add (argv, "--tmpdir=", skopeo->tmp_dir);
  add (argv, "--override-os=", skopeo->os);
  add (argv, "--override-arch=", skopeo->architecture);
  add (argv, "--override-variant=", skopeo->variant);
  return argv;
}

static void
add_tls_verify (const CpdSkopeo *skopeo, GPtrArray *argv, const char *option)
{
  if (skopeo->tls_verify >= 0)
    add (argv, option, skopeo->tls_verify ? "true" : "false");
}

/* OTHER is one more descriptor for it, or -1. */
static CpdChild *
run (const CpdSkopeo *skopeo, GPtrArray *argv, int other, gboolean with_output, GError **error)
{
  g_auto(GStrv) env = cpd_skopeo_make_environment (skopeo);
  int fds[] = { skopeo->auth, other };

  g_ptr_array_add (argv, NULL);
  return cpd_child_new ((const char *const *) argv->pdata, (const char *const *) env, fds, other >= 0 ? 2 : 1,
                        with_output, error);
}

/* How an error is to be told by what is found in its text; the first that fits counts. */
static const struct
{
  const char *words;
  CpodError code;
} meanings[] = {
  { "is blocked in", CPOD_ERROR_IMAGE_REJECTED },
  { "is rejected by policy", CPOD_ERROR_IMAGE_REJECTED },
  { "A signature was required", CPOD_ERROR_IMAGE_REJECTED },
  { "Source image rejected", CPOD_ERROR_IMAGE_REJECTED },
  { "invalid policy in", CPOD_ERROR_BAD_CONFIG },
  { "no space left on device", CPOD_ERROR_DISK_FULL },
  { "toomanyrequests", CPOD_ERROR_REGISTRY_FAILED },
  { "too many requests", CPOD_ERROR_REGISTRY_FAILED },
  { "unauthorized", CPOD_ERROR_REGISTRY_DENIED },
  { "authentication required", CPOD_ERROR_REGISTRY_DENIED },
  { "invalid username/password", CPOD_ERROR_REGISTRY_DENIED },
  { "unable to retrieve auth token", CPOD_ERROR_REGISTRY_DENIED },
  { "401 (Unauthorized)", CPOD_ERROR_REGISTRY_DENIED },
  { "StatusCode: 401", CPOD_ERROR_REGISTRY_DENIED },
  { "StatusCode: 403", CPOD_ERROR_REGISTRY_DENIED },
  { "denied", CPOD_ERROR_REGISTRY_DENIED },
  { "403 (Forbidden)", CPOD_ERROR_REGISTRY_DENIED },
  { "Forbidden", CPOD_ERROR_REGISTRY_DENIED },
  { "manifest unknown", CPOD_ERROR_NO_SUCH_IMAGE },
  { "name unknown", CPOD_ERROR_NO_SUCH_IMAGE },
  { "fetching tags list: invalid status code from registry 404", CPOD_ERROR_NO_SUCH_IMAGE },
  { "repository name not known to registry", CPOD_ERROR_NO_SUCH_IMAGE },
  { "does not resolve to an image", CPOD_ERROR_NO_SUCH_IMAGE },
  { "identifier is not an image", CPOD_ERROR_NO_SUCH_IMAGE },
  { "no descriptor found for reference", CPOD_ERROR_NO_SUCH_IMAGE },
  { "not found in archive", CPOD_ERROR_NO_SUCH_IMAGE },
  { "corrupted blob", CPOD_ERROR_INVALID_IMAGE },
  { "bytes in blob, got", CPOD_ERROR_INVALID_IMAGE },
  { "unsupported legacy manifest", CPOD_ERROR_INVALID_IMAGE },
  { "no image found in", CPOD_ERROR_NO_SUCH_IMAGE },
  { "invalid character", CPOD_ERROR_INVALID_IMAGE },
  { "nsupported manifest", CPOD_ERROR_INVALID_IMAGE },
  { "nsupported schema version", CPOD_ERROR_INVALID_IMAGE },
};

/* The message of a line of skopeo's log: the value of msg="...", or all of it. */
static char *
extract_message (const char *said)
{
  const char *fatal = g_strrstr (said, "level=fatal msg=");
  const char *begin = fatal != NULL ? strchr (fatal, '"') : NULL, *end;

  if (begin == NULL)
    return g_strdup (said);
  for (end = begin + 1; *end != '\0' && *end != '"'; end++)
    if (*end == '\\' && end[1] != '\0')
      end++;
  {
    g_autofree char *quoted = g_strndup (begin + 1, (gsize) (end - begin - 1));

    return g_strcompress (quoted);
  }
}

/* Without the words that name what we name ourselves. */
static const char *
skip_preamble (const char *message, const char *reference)
{
  g_autofree char *parsing = g_strdup_printf ("Error parsing image name \"%s\": ", reference);
  g_autofree char *initializing = g_strdup_printf ("initializing source %s: ", reference);
  const char *preambles[] = { parsing, initializing, "Error retrieving manifest for image: " };

  for (gsize i = 0; i < G_N_ELEMENTS (preambles); i++)
    if (g_str_has_prefix (message, preambles[i]))
      message += strlen (preambles[i]);
  return message;
}

void
cpd_skopeo_set_error (const char *reference, const char *said, GError **error)
{
  gboolean remote = g_str_has_prefix (reference, "docker://");
  CpodError code = remote ? CPOD_ERROR_REGISTRY_FAILED : CPOD_ERROR_FAILED;
  g_autofree char *message = extract_message (said);

  if (!remote && strstr (message, "no such file or directory") != NULL)
    code = CPOD_ERROR_NO_SUCH_IMAGE;
  for (gsize i = 0; i < G_N_ELEMENTS (meanings); i++)
    if (strstr (message, meanings[i].words) != NULL)
      {
        code = meanings[i].code;
        break;
      }
  g_set_error (error, CPOD_ERROR, code, "%s: %s", reference, skip_preamble (message, reference));
}

/* Gives FAILURE, which came from a run of skopeo, on: its words are in what the child said. */
static void
propagate (CpdChild *child, const char *reference, GError *failure, GError **error)
{
  g_autoptr(GError) cause = failure;
  g_autofree char *said = NULL;

  if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED, "%s: %s", reference, cause->message);
      return;
    }
  if (!g_error_matches (cause, CPOD_ERROR, CPOD_ERROR_FAILED))
    {
      g_propagate_error (error, g_steal_pointer (&cause));
      return;
    }
  said = cpd_child_said (child);
  cpd_skopeo_set_error (reference, *said != '\0' ? said : cause->message, error);
}

/* What it writes when it is run with the words of COMMAND; MAX bytes at most. */
static GString *
ask (const CpdSkopeo *skopeo, const char *const *command, const char *reference, gsize max, GError **error)
{
  g_autoptr(GPtrArray) argv = begin_command (skopeo);
  g_autoptr(GString) output = g_string_new (NULL);
  g_autoptr(CpdChild) child = NULL;
  g_autoptr(GError) failure = NULL;

  for (; *command != NULL; command++)
    add (argv, "", *command);
  add (argv, "--authfile=", AUTH_FILE);
  add_tls_verify (skopeo, argv, "--tls-verify=");
  add (argv, "", reference);
  child = run (skopeo, argv, -1, TRUE, error);
  if (child == NULL)
    return NULL;
  if (cpd_child_wait (child, output, max, skopeo->silence, NULL, NULL, skopeo->cancellable, &failure))
    return g_steal_pointer (&output);
  propagate (child, reference, g_steal_pointer (&failure), error);
  return NULL;
}

char *
cpd_skopeo_inspect_raw (const CpdSkopeo *skopeo, const char *reference, GError **error)
{
  static const char *const command[] = { "inspect", "--raw", NULL };
  g_autoptr(GString) output = ask (skopeo, command, reference, MANIFEST_MAX, error);

  if (output == NULL)
    return NULL;
  if (strlen (output->str) != output->len)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "%s: its manifest is no text", reference);
      return NULL;
    }
  return g_string_free (g_steal_pointer (&output), FALSE);
}

char **
cpd_skopeo_list_tags (const CpdSkopeo *skopeo, const char *reference, GError **error)
{
  static const char *const command[] = { "list-tags", NULL };
  g_autoptr(GString) output = ask (skopeo, command, reference, TAGS_MAX, error);
  g_autoptr(JsonNode) node = output != NULL ? cpd_json_parse (output->str, (gssize) output->len, NULL) : NULL;

  if (output == NULL)
    return NULL;
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED, "%s: its list of tags makes no sense", reference);
      return NULL;
    }
  return cpd_json_get_strv (json_node_get_object (node), "Tags");
}

static GPtrArray *
make_copy_command (const CpdSkopeo *skopeo, const char *from, const char *to, CpdSkopeoCopyFlags flags,
                   const char *format)
{
  GPtrArray *argv = begin_command (skopeo);

  if ((flags & CPD_SKOPEO_COPY_VERIFY) == 0)
    add (argv, "", "--insecure-policy");
  else
    add (argv, "--policy=", skopeo->policy);
  add (argv, "", "copy");
  add (argv, "", "--quiet");
  add (argv, "--authfile=", AUTH_FILE);
  add_tls_verify (skopeo, argv, g_str_has_prefix (from, "docker://") ? "--src-tls-verify=" : "--dest-tls-verify=");
  add (argv, "--digestfile=", DIGEST_FILE);
  add (argv, "--format=", format);
  if (flags & CPD_SKOPEO_COPY_KEEP_DIGESTS)
    add (argv, "", "--preserve-digests");
  add (argv, "", from);
  add (argv, "", to);
  return argv;
}

gboolean
cpd_skopeo_copy (const CpdSkopeo *skopeo, const char *from, const char *to, CpdSkopeoCopyFlags flags,
                 const char *format, char **digest, CpdChildProgress progress, gpointer user_data, GError **error)
{
  g_autoptr(GPtrArray) argv = make_copy_command (skopeo, from, to, flags, format);
  cpd_autofd int digest_file = make_file ("", error);
  g_autoptr(CpdChild) child = NULL;
  g_autoptr(GError) failure = NULL;
  char text[128] = "";

  child = digest_file >= 0 ? run (skopeo, argv, digest_file, FALSE, error) : NULL;
  if (child == NULL)
    return FALSE;
  if (!cpd_child_wait (child, NULL, 0, skopeo->silence, progress, user_data, skopeo->cancellable, &failure))
    {
      propagate (child, flags & CPD_SKOPEO_COPY_VERIFY ? from : to, g_steal_pointer (&failure), error);
      return FALSE;
    }
  if (digest == NULL)
    return TRUE;
  if (pread (digest_file, text, sizeof text - 1, 0) <= 0 || !cpd_digest_check (text, NULL))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s: skopeo does not tell the digest", to);
      return FALSE;
    }
  *digest = g_strdup (text);
  return TRUE;
}

CpdChild *
cpd_skopeo_run_proxy (const CpdSkopeo *skopeo, int socket, GError **error)
{
  g_autoptr(GPtrArray) argv = begin_command (skopeo);

  add (argv, "", "experimental-image-proxy");
  add (argv, "--sockfd=", SOCKET_FD);
  add (argv, "--authfile=", AUTH_FILE);
  add_tls_verify (skopeo, argv, "--tls-verify=");
  return run (skopeo, argv, socket, FALSE, error);
}
