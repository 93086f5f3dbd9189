/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/conmon/cpd-conmon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "public/cpod-error.h"

/* As long as podman gives an OCI runtime to create a container. */
#define CREATE_TIMEOUT_MS (240 * 1000)

/* Pipes to conmon, and the descriptors that it finds its ends of them at. */
enum { SYNC, START, ATTACH, N_PIPES };
#define FIRST_FD 3

static const char *const pipe_names[N_PIPES] = { "_OCI_SYNCPIPE", "_OCI_STARTPIPE", "_OCI_ATTACHPIPE" };

/* How long conmon may take to make room for one more client. */
#define CONNECT_WAIT_SECONDS 2

/* How long conmon may take to read what it was told before. */
#define CONTROL_WAIT_MS 200

/* The messages of the runtimes are Go's and C's; these parts of them have not changed in years. Not all say that there
 * was no space where they keep their state, as OCI_LOG is. */
static CpodError
classify (const char *message, const char *oci_log)
{
  g_autofree char *lower = g_ascii_strdown (message, -1);

  if (strstr (lower, "executable file not found") != NULL
      || strstr (lower, "no such file or directory") != NULL)
    return CPOD_ERROR_EXECUTABLE_NOT_FOUND;
  if (strstr (lower, "permission denied") != NULL || strstr (lower, "exec format error") != NULL)
    return CPOD_ERROR_NOT_EXECUTABLE;
  if (strstr (lower, "exec in a stopped container") != NULL || strstr (lower, "exec in a paused container") != NULL)
    return CPOD_ERROR_INVALID_STATE;
  if (strstr (lower, "no space left") != NULL || cpd_fs_is_full (oci_log))
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

/* One line from conmon, of which there may be more; NULL at the end of file, or when it takes too long. */
static char *
read_line (int fd)
{
  g_autoptr(GString) line = g_string_new (NULL);
  gint64 deadline = g_get_monotonic_time () + (gint64) CREATE_TIMEOUT_MS * 1000;
  char buffer[4096];
  const char *end;

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
      end = memchr (line->str, '\n', line->len);
      if (end == NULL)
        continue;
      g_string_truncate (line, (gsize) (end - line->str));
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
    g_set_error (error, CPOD_ERROR, classify (logged, oci_log), "OCI runtime: %s", logged);
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
  g_set_error (error, CPOD_ERROR, classify (message, oci_log), "OCI runtime: %s", message);
  g_strchomp ((*error)->message);
  return FALSE;
}

/* One conmon that is being started. */
typedef struct
{
  int ours[N_PIPES];            /* (owned): our ends of the pipes, -1 for none */
  int theirs[N_PIPES];          /* (owned) */
  int messages;                 /* (owned): its standard error */
} CpdConmon;

static void
conmon_clear (CpdConmon *conmon)
{
  for (int i = 0; i < N_PIPES; i++)
    {
      cpd_close_fd (&conmon->ours[i]);
      cpd_close_fd (&conmon->theirs[i]);
    }
  cpd_close_fd (&conmon->messages);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdConmon, conmon_clear)

#define CPD_CONMON_INIT { .ours = { -1, -1, -1 }, .theirs = { -1, -1, -1 }, .messages = -1 }

/* Conmon reads from START and writes to the other pipes. */
static gboolean
open_pipes (CpdConmon *conmon, int n_pipes, GError **error)
{
  conmon->messages = memfd_create ("conmon-stderr", MFD_CLOEXEC);
  for (int i = 0; i < n_pipes; i++)
    {
      int ends[2];

      if (conmon->messages < 0 || pipe2 (ends, O_CLOEXEC) < 0)
        {
          cpd_set_error_errno (error, errno, "failed to make a pipe to conmon");
          return FALSE;
        }
      conmon->ours[i] = ends[i == START ? 1 : 0];
      conmon->theirs[i] = ends[i == START ? 0 : 1];
    }
  return TRUE;
}

/* Standard input is nothing by itself. */
static GSpawnFlags
null_flags (const int *fd)
{
  return (fd[1] < 0 ? G_SPAWN_STDOUT_TO_DEV_NULL : G_SPAWN_DEFAULT)
         | (fd[2] < 0 ? G_SPAWN_STDERR_TO_DEV_NULL : G_SPAWN_DEFAULT);
}

static gboolean
spawn (CpdConmon *conmon, const char *const *argv, const char *const *env, const char *directory,
       const CpdStreams *streams, GPid *child, GError **error)
{
  const CpdStreams own = { { -1, -1, conmon->messages } };
  const int *fd = streams != NULL ? streams->fd : own.fd;
  g_auto(GStrv) environment = g_strdupv ((char **) env);
  int target[N_PIPES];
  gsize n = 0;
  g_autoptr(GError) cause = NULL;

  for (; n < N_PIPES && conmon->theirs[n] >= 0; n++)
    {
      g_autofree char *number = g_strdup_printf ("%d", FIRST_FD + (int) n);

      environment = g_environ_setenv (environment, pipe_names[n], number, TRUE);
      target[n] = FIRST_FD + (int) n;
    }
  if (!g_spawn_async_with_pipes_and_fds (directory, argv, (const char *const *) environment,
                                         G_SPAWN_DO_NOT_REAP_CHILD | null_flags (fd), NULL, NULL, fd[0], fd[1],
                                         fd[2], conmon->theirs, target, n, child, NULL, NULL, NULL, &cause))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONMON_FAILED, "failed to run %s: %s", argv[0],
                   cause->message);
      return FALSE;
    }
  for (n = 0; n < N_PIPES; n++)
    cpd_close_fd (&conmon->theirs[n]);  /* or the ends of file would never be seen */
  return TRUE;
}

/* Conmon goes to the background by itself; what was started ends at once. */
static void
reap (GPid child)
{
  while (waitpid (child, NULL, 0) < 0 && errno == EINTR)
    continue;
}

/* What conmon says of the OCI runtime. */
static gboolean
read_reply (CpdConmon *conmon, const char *oci_log, pid_t *pid, GError **error)
{
  g_autofree char *line = read_line (conmon->ours[SYNC]);

  if (line != NULL)
    return parse_reply (line, oci_log, pid, error);
  set_silent_error (conmon->messages, oci_log, error);
  return FALSE;
}

static gboolean
spawn_unattached (const char *const *argv, const char *const *env, const char *directory, const char *oci_log,
                  const CpdStreams *streams, pid_t *pid, GError **error)
{
  g_auto(CpdConmon) conmon = CPD_CONMON_INIT;
  GPid child;

  if (!open_pipes (&conmon, 1, error) || !spawn (&conmon, argv, env, directory, streams, &child, error))
    return FALSE;
  reap (child);
  return read_reply (&conmon, oci_log, pid, error);
}

gboolean
cpd_conmon_spawn (const char *const *argv, const char *const *env, const char *directory,
                  const char *oci_log, pid_t *pid, GError **error)
{
  return spawn_unattached (argv, env, directory, oci_log, NULL, pid, error);
}

/* It waits for a word before it begins, and again once it listens for clients. */
static gboolean
connect_first_client (CpdConmon *conmon, const char *directory, const char *oci_log, GPid child, int *stream,
                      GError **error)
{
  g_autofree char *line = NULL;
  gboolean told = cpd_fs_write_all (conmon->ours[START], "1", 1, error);

  if (!told)
    cpd_close_fd (&conmon->ours[START]);        /* or it would wait for ever */
  reap (child);
  if (!told)
    return FALSE;
  line = read_line (conmon->ours[ATTACH]);
  if (line == NULL)
    {
      set_silent_error (conmon->messages, oci_log, error);
      return FALSE;
    }
  *stream = cpd_conmon_connect (directory, error);
  return *stream >= 0 && cpd_fs_write_all (conmon->ours[START], "2", 1, error);
}

gboolean
cpd_conmon_exec (const char *const *argv, const char *const *env, const char *directory,
                 const char *oci_log, const CpdStreams *streams, int *stream, pid_t *pid, GError **error)
{
  g_auto(CpdConmon) conmon = CPD_CONMON_INIT;
  cpd_autofd int client = -1;
  GPid child;

  if (stream == NULL)
    return spawn_unattached (argv, env, directory, oci_log, streams, pid, error);
  if (!open_pipes (&conmon, N_PIPES, error)
      || !spawn (&conmon, argv, env, directory, NULL, &child, error)
      || !connect_first_client (&conmon, directory, oci_log, child, &client, error)
      || !read_reply (&conmon, oci_log, pid, error))
    return FALSE;
  *stream = g_steal_fd (&client);
  return TRUE;
}

/* A monitor that a client holds up accepts nobody, and then its queue is full: that must not hold up who asks. */
static gboolean
connect_in_time (int fd, const struct sockaddr_un *address)
{
  const struct timeval limit = { .tv_sec = CONNECT_WAIT_SECONDS }, none = { 0 };

  return setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0
         && connect (fd, (const struct sockaddr *) address, sizeof *address) == 0
         && setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none) == 0;
}

/* A socket's address has room for 108 bytes, so its directory is named by a descriptor. */
int
cpd_conmon_connect (const char *directory, GError **error)
{
  cpd_autofd int parent = open (directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  cpd_autofd int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/attach", parent);
  if (parent < 0 || fd < 0 || !connect_in_time (fd, &address))
    {
      if (errno == EAGAIN)
        {
          g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
                               "its monitor takes no clients: one that is attached does not read");
          return -1;
        }
      cpd_set_error_errno (error, errno, "failed to connect to the streams in %s", directory);
      return -1;
    }
  return g_steal_fd (&fd);
}

/* Of two lines that conmon finds at once it loses the second. */
static void
wait_until_read (int fd)
{
  int left = 0;

  for (int ms = 0; ms < CONTROL_WAIT_MS && ioctl (fd, FIONREAD, &left) == 0 && left > 0; ms++)
    g_usleep (1000);
}

gboolean
cpd_conmon_resize (const char *directory, guint rows, guint columns, GError **error)
{
  g_autofree char *path = g_build_filename (directory, "ctl", NULL);
  g_autofree char *line = g_strdup_printf ("1 %u %u\n", rows, columns);
  /* Without a reader this fails, where it would block otherwise. */
  cpd_autofd int fd = open (path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

  if (fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to open %s", path);
      return FALSE;
    }
  wait_until_read (fd);
  if (!cpd_fs_write_all (fd, line, strlen (line), error))
    return FALSE;
  wait_until_read (fd);         /* what is started after this finds the size */
  return TRUE;
}
