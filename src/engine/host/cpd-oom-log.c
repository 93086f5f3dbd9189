/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host/cpd-oom-log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"

#define ID_LENGTH 64
/* What the kernel has for one record at most, CONSOLE_EXT_LOG_MAX. */
#define RECORD_MAX 8192

struct _CpdOomLog
{
  int fd;                       /* (owned): -1 without a log */
  GMutex mutex;
  GHashTable *ids;              /* (owned): set of containers; guarded by the mutex */
};

CpdOomLog *
cpd_oom_log_new (const char *path)
{
  CpdOomLog *log = g_new0 (CpdOomLog, 1);

  g_mutex_init (&log->mutex);
  log->ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  log->fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (log->fd < 0 || lseek (log->fd, 0, SEEK_END) < 0)
    {
      g_info ("failed to open the kernel's log %s: %s", path, g_strerror (errno));
      cpd_close_fd (&log->fd);
      log->fd = -1;
    }
  return log;
}

void
cpd_oom_log_free (CpdOomLog *log)
{
  cpd_close_fd (&log->fd);
  g_hash_table_unref (log->ids);
  g_mutex_clear (&log->mutex);
  g_free (log);
}

/* "6,1234,5678,-;oom-kill:constraint=...,task_memcg=/machine.slice/cpod-ID.scope/container,task=..." */
char *
cpd_oom_log_parse (const char *record)
{
  char *end;
  guint64 priority = g_ascii_strtoull (record, &end, 10);
  const char *text = strchr (record, ';');
  const char *cgroup, *scope;

  /* Above the three bits of the level is the facility, 0 for the kernel: what a program writes has another. */
  if (end == record || *end != ',' || priority > 7 || text == NULL)
    return NULL;
  cgroup = strstr (text, "task_memcg=/");
  scope = cgroup != NULL ? strstr (cgroup, "/cpod-") : NULL;
  if (scope == NULL || memchr (cgroup, ',', (gsize) (scope - cgroup)) != NULL)
    return NULL;
  scope += strlen ("/cpod-");
  if (strspn (scope, "0123456789abcdef") != ID_LENGTH || !g_str_has_prefix (scope + ID_LENGTH, ".scope"))
    return NULL;
  return g_strndup (scope, ID_LENGTH);
}

/* Each read() is one record; EPIPE says that some were overwritten before. */
static void
read_records (CpdOomLog *log)
{
  char record[RECORD_MAX + 1];
  ssize_t n;

  while ((n = read (log->fd, record, RECORD_MAX)) > 0 || (n < 0 && (errno == EPIPE || errno == EINTR)))
    {
      char *id;

      record[MAX (n, 0)] = '\0';
      id = cpd_oom_log_parse (record);
      if (id != NULL)
        g_hash_table_add (log->ids, id);
    }
}

gboolean
cpd_oom_log_take (CpdOomLog *log, const char *id)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&log->mutex);

  if (log->fd >= 0)
    read_records (log);
  return g_hash_table_remove (log->ids, id);
}
