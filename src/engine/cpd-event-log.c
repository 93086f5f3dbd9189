/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-event-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "common/cpd-journal.h"
#include "common/cpd-json.h"

/* The number of the last event that was written. */
#define META_KEY "events-logged"

struct _CpdEventLog
{
  CpdStore *store;              /* (owned) */
  char *path;                   /* (owned) (nullable): of the file; NULL for the journal */
  gint64 max_size;
  GThreadPool *pool;            /* (owned): one thread */
  gint scheduled;               /* atomic */
};

/* podman puts labels among them. */
static void
add_labels (JsonObject *object, GVariant *labels)
{
  GVariantIter iter;
  const char *key, *value;

  g_variant_iter_init (&iter, labels);
  while (g_variant_iter_next (&iter, "{&s&s}", &key, &value))
    json_object_set_string_member (object, key, value);
}

static void
add_attributes (JsonObject *line, const CpdEventRow *event, gboolean private)
{
  JsonObject *object = json_object_new ();
  GVariantIter iter;
  const char *key;
  GVariant *value;

  if (private && event->labels != NULL)
    add_labels (object, event->labels);
  g_variant_iter_init (&iter, event->attributes);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    {
      g_autofree char *text = g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
                              ? g_variant_dup_string (value, NULL) : g_variant_print (value, FALSE);

      if (strcmp (key, "image") == 0)
        json_object_set_string_member (line, "Image", text);
      else if (strcmp (key, "exit-code") == 0)
        json_object_set_int_member (line, "ContainerExitCode", g_variant_get_int32 (value));
      else
        json_object_set_string_member (object, key, text);
    }
  json_object_set_object_member (line, "Attributes", object);
}

char *
cpd_event_log_line (const CpdEventRow *event, gboolean private)
{
  g_autoptr(JsonObject) line = json_object_new ();
  g_autofree char *time = cpd_clock_format (event->time);

  json_object_set_int_member (line, "Seq", (gint64) event->seq);
  json_object_set_string_member (line, "Time", time);
  json_object_set_string_member (line, "Type", event->type);
  json_object_set_string_member (line, "Status", event->status);
  json_object_set_string_member (line, "ID", event->id);
  json_object_set_string_member (line, "Name", event->name);
  add_attributes (line, event, private);
  json_object_set_int_member (line, "Uid", event->uid);
  json_object_set_int_member (line, "Pid", event->pid);
  json_object_set_string_member (line, "Unit", event->unit);
  return cpd_json_print_object (line);
}

/* A file that has grown too large becomes PATH.1, in the place of an older one. */
static gboolean
rotate (CpdEventLog *log, GError **error)
{
  g_autofree char *older = g_strconcat (log->path, ".1", NULL);
  struct stat info;

  if (log->max_size <= 0 || stat (log->path, &info) < 0 || info.st_size < log->max_size)
    return TRUE;
  if (rename (log->path, older) == 0)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to rename %s", log->path);
  return FALSE;
}

static gboolean
write_to_file (CpdEventLog *log, GPtrArray *events, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (log->path);
  g_autoptr(GString) text = g_string_new (NULL);
  cpd_autofd int fd = -1;

  if (!cpd_fs_mkdir_p (directory, 0700, error) || !rotate (log, error))
    return FALSE;
  for (guint i = 0; i < events->len; i++)
    {
      g_autofree char *line = cpd_event_log_line (events->pdata[i], TRUE);

      g_string_append (text, line);
      g_string_append_c (text, '\n');
    }
  fd = open (log->path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to open %s", log->path);
      return FALSE;
    }
  return cpd_fs_write_all (fd, text->str, text->len, error);
}

static void
write_to_journal (const CpdEventRow *event)
{
  g_autofree char *message = cpd_event_log_line (event, FALSE);
  g_autofree char *uid = g_strdup_printf ("%u", event->uid);
  g_autofree char *pid = g_strdup_printf ("%u", event->pid);
  g_autofree char *seq = g_strdup_printf ("%" G_GUINT64_FORMAT, event->seq);
  const gboolean is_container = strcmp (event->type, "container") == 0;
  const GLogField fields[] = {
    { "MESSAGE", message, -1 },
    { "MESSAGE_ID", CPD_MESSAGE_EVENT, -1 },
    { "PRIORITY", "6", -1 },
    { "SYSLOG_IDENTIFIER", "cpod", -1 },
    { "CPOD_SEQ", seq, -1 },
    { "CPOD_TYPE", event->type, -1 },
    { "CPOD_EVENT", event->status, -1 },
    { "CPOD_ID", event->id, -1 },
    { "CPOD_NAME", event->name, -1 },
    { "CPOD_SENDER_UID", uid, -1 },
    { "CPOD_SENDER_PID", pid, -1 },
    { "CPOD_SENDER_UNIT", event->unit, -1 },
    /* As in the other lines about a container. The last one, since it is left out of events of other things. */
    { "CPOD_CONTAINER_ID", event->id, -1 },
  };

  g_log_writer_journald (G_LOG_LEVEL_INFO, fields, G_N_ELEMENTS (fields) - (is_container ? 0 : 1), NULL);
}

static gboolean
note_written (CpdEventLog *log, guint64 seq, GError **error)
{
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, seq);
  g_autoptr(CpdTransaction) tx = cpd_store_begin (log->store, CPD_STORE_BOOT, error);

  return tx != NULL && cpd_transaction_set_meta (tx, META_KEY, text, error)
         && cpd_transaction_commit (tx, error);
}

/* Writes some of the events that are not written yet; MORE tells whether there may be others. */
static gboolean
write_some (CpdEventLog *log, gboolean *more, GError **error)
{
  g_autofree char *known = cpd_store_get_meta (log->store, META_KEY, NULL);
  CpdEventQuery query = { .since = known != NULL ? g_ascii_strtoull (known, NULL, 10) : 0 };
  g_autoptr(GPtrArray) events = cpd_store_list_events (log->store, &query, NULL, NULL, error);

  if (events == NULL)
    return FALSE;
  *more = events->len == CPD_EVENTS_MAX;
  if (events->len == 0)
    return TRUE;
  if (log->path != NULL && !write_to_file (log, events, error))
    return FALSE;
  for (guint i = 0; log->path == NULL && i < events->len; i++)
    write_to_journal (events->pdata[i]);
  return note_written (log, ((CpdEventRow *) events->pdata[events->len - 1])->seq, error);
}

static void
work (gpointer data, gpointer user_data)
{
  CpdEventLog *log = user_data;
  g_autoptr(GError) error = NULL;
  gboolean more = TRUE;

  g_atomic_int_set (&log->scheduled, FALSE);
  while (more)
    if (!write_some (log, &more, &error))
      {
        g_message ("failed to log events: %s", error->message);
        return;
      }
}

void
cpd_event_log_wake (CpdEventLog *log)
{
  if (g_atomic_int_compare_and_exchange (&log->scheduled, FALSE, TRUE))
    g_thread_pool_push (log->pool, log, NULL);
}

/* What was recorded while no log was wanted is not for it. */
static void
begin_at_the_end (CpdEventLog *log)
{
  g_autofree char *known = cpd_store_get_meta (log->store, META_KEY, NULL);
  g_autoptr(GError) error = NULL;

  if (known == NULL && !note_written (log, cpd_store_last_event (log->store), &error))
    g_message ("failed to begin the log of events: %s", error->message);
}

CpdEventLog *
cpd_event_log_new (const CpdConfig *config, CpdStore *store)
{
  const char *logger = cpd_config_get_string (config, CPD_KEY_EVENTS_LOGGER);
  CpdEventLog *log;

  if (strcmp (logger, "file") != 0 && strcmp (logger, "journald") != 0)
    return NULL;
  log = g_new0 (CpdEventLog, 1);
  log->store = cpd_store_ref (store);
  if (strcmp (logger, "file") == 0)
    log->path = g_strdup (cpd_config_get_string (config, CPD_KEY_EVENTS_LOGFILE_PATH));
  log->max_size = cpd_config_get_int (config, CPD_KEY_EVENTS_LOGFILE_MAX_SIZE);
  log->pool = g_thread_pool_new (work, log, 1, FALSE, NULL);
  begin_at_the_end (log);
  cpd_event_log_wake (log);
  return log;
}

void
cpd_event_log_free (CpdEventLog *log)
{
  cpd_event_log_wake (log);
  g_thread_pool_free (log->pool, FALSE, TRUE);
  cpd_store_unref (log->store);
  g_free (log->path);
  g_free (log);
}
