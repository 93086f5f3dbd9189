/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

#define SAID_MAX (64 * 1024)
#define TICK_MS 250
#define FDS_MAX 8

struct _CpdChild
{
  char *name;                   /* (owned) */
  GPid pid;                     /* 0 once it is reaped */
  int status;
  int pidfd;                    /* (owned) */
  int output;                   /* (owned) -1 for none, or at its end */
  int said;                     /* (owned) a file in memory */
};

/* In the child, where only what is safe in signal handlers may be called. */
static void
die_with_parent (gpointer user_data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static gboolean
spawn (CpdChild *child, const char *const *argv, const char *const *env, const int *fds, gsize n_fds,
       gboolean with_output, GError **error)
{
  int targets[FDS_MAX];
  g_autoptr(GError) cause = NULL;

  g_return_val_if_fail (n_fds <= FDS_MAX, FALSE);
  for (gsize i = 0; i < n_fds; i++)
    targets[i] = 3 + (int) i;
  if (g_spawn_async_with_pipes_and_fds (NULL, argv, env, G_SPAWN_DO_NOT_REAP_CHILD, die_with_parent, NULL, -1,
                                        with_output ? -1 : child->said, child->said, fds, targets, n_fds, &child->pid,
                                        NULL, with_output ? &child->output : NULL, NULL, &cause))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to run %s: %s", argv[0], cause->message);
  return FALSE;
}

CpdChild *
cpd_child_new (const char *const *argv, const char *const *env, const int *fds, gsize n_fds, gboolean with_output,
               GError **error)
{
  g_autoptr(CpdChild) child = g_new0 (CpdChild, 1);

  child->name = g_path_get_basename (argv[0]);
  child->pidfd = child->output = -1;
  child->said = memfd_create ("said", MFD_CLOEXEC);
  if (child->said < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make room for what %s says", child->name);
      return NULL;
    }
  if (!spawn (child, argv, env, fds, n_fds, with_output, error))
    return NULL;
  child->pidfd = (int) syscall (SYS_pidfd_open, child->pid, 0);
  if (child->pidfd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to watch %s", child->name);
      return NULL;
    }
  return g_steal_pointer (&child);
}

static void
reap (CpdChild *child)
{
  while (child->pid != 0 && waitpid (child->pid, &child->status, 0) < 0 && errno == EINTR)
    continue;
  child->pid = 0;
}

void
cpd_child_free (CpdChild *child)
{
  if (child == NULL)
    return;
  if (child->pid != 0)
    {
      kill (child->pid, SIGKILL);
      reap (child);
    }
  cpd_close_fd (&child->pidfd);
  cpd_close_fd (&child->output);
  cpd_close_fd (&child->said);
  g_free (child->name);
  g_free (child);
}

char *
cpd_child_said (CpdChild *child)
{
  g_autofree char *text = g_malloc (SAID_MAX + 1);
  off_t size = lseek (child->said, 0, SEEK_END);
  ssize_t n = pread (child->said, text, SAID_MAX, MAX (0, size - SAID_MAX));

  text[MAX (0, n)] = '\0';
  return g_utf8_make_valid (g_strchomp (text), -1);
}

/* How many bytes it has read and written so far, be it from files or the net. */
static void
count_bytes (CpdChild *child, guint64 *done, guint64 *written)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/io", (int) child->pid);
  g_autofree char *text = NULL;
  const char *rchar, *wchar;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return;
  rchar = strstr (text, "rchar: ");
  wchar = strstr (text, "wchar: ");
  if (rchar == NULL || wchar == NULL)
    return;
  *written = g_ascii_strtoull (wchar + strlen ("wchar: "), NULL, 10);
  *done = *written + g_ascii_strtoull (rchar + strlen ("rchar: "), NULL, 10);
}

/* Reads some of its output. FALSE when that is more than there may be. */
static gboolean
read_output (CpdChild *child, GString *output, gsize max, GError **error)
{
  char buffer[16 * 1024];
  ssize_t n = read (child->output, buffer, sizeof buffer);

  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return TRUE;
  if (n <= 0)
    cpd_close_fd (&child->output);
  else if (output != NULL && output->len + (gsize) n > max)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s gives more than %" G_GSIZE_FORMAT " bytes",
                   child->name, max);
      return FALSE;
    }
  else if (output != NULL)
    g_string_append_len (output, buffer, n);
  return TRUE;
}

static gboolean
judge (CpdChild *child, GError **error)
{
  g_autofree char *said = NULL;

  if (WIFEXITED (child->status) && WEXITSTATUS (child->status) == 0)
    return TRUE;
  said = cpd_child_said (child);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s failed: %s", child->name,
               *said != '\0' ? said : "it said nothing");
  return FALSE;
}

/* What has become of a child that is waited for. */
typedef struct
{
  guint64 bytes;                /* read and written, when they were last counted */
  gint64 since;                 /* monotonic time of the last change of that */
  gint64 counted;
} Watch;

/* Looks whether it does anything at all. */
static gboolean
look (CpdChild *child, Watch *watch, guint silence, CpdChildProgress progress, gpointer user_data, GError **error)
{
  gint64 now = g_get_monotonic_time ();
  guint64 bytes = watch->bytes, written = 0;

  if (now - watch->counted < TICK_MS * 1000)
    return TRUE;
  watch->counted = now;
  count_bytes (child, &bytes, &written);
  if (progress != NULL)
    progress (written, user_data);
  if (bytes != watch->bytes)
    {
      watch->bytes = bytes;
      watch->since = now;
    }
  if (silence == 0 || now - watch->since < (gint64) silence * G_USEC_PER_SEC)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "nothing has happened for %u seconds", silence);
  return FALSE;
}

/* One turn of the wait. ENDED tells that it has ended and all of its output is here. */
static gboolean
wait_once (CpdChild *child, GString *output, gsize max, int cancel_fd, gboolean *ended, GError **error)
{
  struct pollfd items[3] = {
    { .fd = child->output, .events = POLLIN },
    { .fd = child->pidfd, .events = POLLIN },
    { .fd = cancel_fd, .events = POLLIN },
  };

  if (poll (items, G_N_ELEMENTS (items), TICK_MS) <= 0)
    return TRUE;
  if (items[2].revents != 0)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
      return FALSE;
    }
  if (items[0].revents != 0 && !read_output (child, output, max, error))
    return FALSE;
  *ended = items[1].revents != 0 && child->output < 0;
  return TRUE;
}

gboolean
cpd_child_wait (CpdChild *child, GString *output, gsize max, guint silence, CpdChildProgress progress,
                gpointer user_data, GCancellable *cancellable, GError **error)
{
  Watch watch = { .since = g_get_monotonic_time () };
  int cancel_fd = cancellable != NULL ? g_cancellable_get_fd (cancellable) : -1;
  gboolean ended = FALSE, well = TRUE;

  while (well && !ended)
    well = wait_once (child, output, max, cancel_fd, &ended, error)
           && (ended || look (child, &watch, silence, progress, user_data, error));
  if (cancel_fd >= 0)
    g_cancellable_release_fd (cancellable);
  if (!well)
    return FALSE;
  reap (child);
  return judge (child, error);
}

gboolean
cpd_child_wait_brief (CpdChild *child, guint milliseconds)
{
  struct pollfd item = { .fd = child->pidfd, .events = POLLIN };

  if (poll (&item, 1, (int) milliseconds) <= 0)
    return FALSE;
  reap (child);
  return TRUE;
}
