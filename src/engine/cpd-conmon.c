/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-conmon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "public/cpod-error.h"

/* As long as podman gives an OCI runtime to create a container. */
#define CREATE_TIMEOUT_MS (240 * 1000)

/* The descriptor that conmon finds its end of the pipe at. */
#define SYNC_FD 3

/* The messages of the runtimes are Go's and C's; these parts of them have not changed in years. */
static CpodError
classify (const char *message)
{
  g_autofree char *lower = g_ascii_strdown (message, -1);

  if (strstr (lower, "executable file not found") != NULL
      || strstr (lower, "no such file or directory") != NULL)
    return CPOD_ERROR_EXECUTABLE_NOT_FOUND;
  if (strstr (lower, "permission denied") != NULL || strstr (lower, "exec format error") != NULL)
    return CPOD_ERROR_NOT_EXECUTABLE;
  if (strstr (lower, "no space left") != NULL)
    return CPOD_ERROR_DISK_FULL;
  return CPOD_ERROR_OCI_RUNTIME;
}

/* The last "msg" of an OCI runtime's JSON log, NULL when it says nothing. */
static char *
read_oci_log (const char *path)
{
  g_autofree char *text = cpd_fs_read_file (path, 1 << 20, NULL);
  g_auto(GStrv) lines = NULL;
  char *message = NULL;

  if (text == NULL)
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      g_autoptr(JsonNode) node = cpd_json_parse (*line, -1, NULL);
      const char *found = NULL;

      if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
        found = cpd_json_get_string (json_node_get_object (node), "msg");
      if (found != NULL)
        {
          g_free (message);
          message = g_strdup (found);
        }
    }
  return message;
}

/* One line from conmon; NULL at the end of file, or when it takes too long. */
static char *
read_line (int fd)
{
  g_autoptr(GString) line = g_string_new (NULL);
  gint64 deadline = g_get_monotonic_time () + (gint64) CREATE_TIMEOUT_MS * 1000;
  char buffer[4096];

  for (;;)
    {
      struct pollfd item = { .fd = fd, .events = POLLIN };
      gint64 left = (deadline - g_get_monotonic_time ()) / 1000;
      ssize_t n;

      if (left <= 0)
        return NULL;
      if (poll (&item, 1, (int) left) <= 0)
        continue;
      n = read (fd, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return NULL;
      g_string_append_len (line, buffer, n);
      if (memchr (buffer, '\n', (gsize) n) != NULL)
        return g_string_free (g_steal_pointer (&line), FALSE);
    }
}

static char *
read_memfd (int fd)
{
  char buffer[4096];
  ssize_t n = pread (fd, buffer, sizeof buffer - 1, 0);

  buffer[MAX (n, 0)] = '\0';
  return g_strdup (g_strstrip (buffer));
}

/* Conmon said nothing: tell why as well as can be found out. */
static void
set_silent_error (int messages, const char *oci_log, GError **error)
{
  g_autofree char *logged = read_oci_log (oci_log);
  g_autofree char *said = read_memfd (messages);

  if (logged != NULL)
    g_set_error (error, CPOD_ERROR, classify (logged), "OCI runtime: %s", logged);
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONMON_FAILED, "conmon died: %s",
                 *said != '\0' ? said : "it said nothing");
}

static gboolean
parse_reply (const char *line, const char *oci_log, pid_t *pid, GError **error)
{
  g_autoptr(JsonNode) node = cpd_json_parse (line, -1, NULL);
  JsonObject *reply = node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  gint64 data = cpd_json_get_int (reply, "data");
  g_autofree char *logged = NULL;
  const char *message;

  if (data > 0)
    {
      *pid = (pid_t) data;
      return TRUE;
    }
  logged = read_oci_log (oci_log);
  message = logged != NULL ? logged : cpd_json_get_string (reply, "message");
  if (message == NULL)
    message = line;
  g_set_error (error, CPOD_ERROR, classify (message), "OCI runtime: %s", message);
  g_strchomp ((*error)->message);
  return FALSE;
}

static gboolean
spawn (const char *const *argv, const char *const *env, const char *directory, int sync_fd, int messages, GPid *child,
       GError **error)
{
  g_auto(GStrv) environment = g_environ_setenv (g_strdupv ((char **) env), "_OCI_SYNCPIPE",
                                                G_STRINGIFY (SYNC_FD), TRUE);
  const int source[] = { sync_fd };
  const int target[] = { SYNC_FD };
  g_autoptr(GError) cause = NULL;

  if (!g_spawn_async_with_pipes_and_fds (directory, argv, (const char *const *) environment,
                                         G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDIN_FROM_DEV_NULL
                                         | G_SPAWN_STDOUT_TO_DEV_NULL,
                                         NULL, NULL, -1, -1, messages, source, target, 1, child,
                                         NULL, NULL, NULL, &cause))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONMON_FAILED, "failed to run %s: %s", argv[0],
                   cause->message);
      return FALSE;
    }
  return TRUE;
}

/* Conmon goes to the background by itself; what was started ends at once. */
static void
reap (GPid child)
{
  while (waitpid (child, NULL, 0) < 0 && errno == EINTR)
    continue;
}

gboolean
cpd_conmon_spawn (const char *const *argv, const char *const *env, const char *directory,
                  const char *oci_log, pid_t *pid, GError **error)
{
  cpd_autofd int messages = memfd_create ("conmon-stderr", MFD_CLOEXEC);
  cpd_autofd int read_end = -1, write_end = -1;
  g_autofree char *line = NULL;
  int ends[2];
  GPid child;

  if (messages < 0 || pipe2 (ends, O_CLOEXEC) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make a pipe to conmon");
      return FALSE;
    }
  read_end = ends[0];
  write_end = ends[1];
  if (!spawn (argv, env, directory, write_end, messages, &child, error))
    return FALSE;
  cpd_close_fd (&write_end);    /* or its end of file would never be seen */
  reap (child);

  line = read_line (read_end);
  if (line == NULL)
    {
      set_silent_error (messages, oci_log, error);
      return FALSE;
    }
  return parse_reply (line, oci_log, pid, error);
}
