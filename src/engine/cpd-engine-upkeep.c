/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-clock.h"
#include "engine/cpd-engine-private.h"

/* How old the newest backup may get, and how often that is looked at. */
#define BACKUP_AGE (24 * G_TIME_SPAN_HOUR)
#define LOOK_SECONDS 3600

/*
 * What is done for the database now and then, in a thread of its own: a
 * backup, and the check that the start had no time for.
 */

static gboolean
emit_health (gpointer data)
{
  cpd_engine_emit_health (data);
  return G_SOURCE_REMOVE;
}

void
cpd_engine_tell_health (CpdEngine *engine)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  /* As the reply of the call that has changed it has: so it is told before that. */
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, emit_health, g_object_ref (engine), g_object_unref);
  g_source_attach (source, engine->context);
}

/* One that is damaged is not replaced while it is in use, but it is no good for a backup either. */
static gboolean
check (CpdEngine *engine, const char *path)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *damage = cpd_store_check_whole (path, &error);

  engine->unchecked = FALSE;
  if (error != NULL)
    g_info ("failed to check the state database: %s", error->message);
  if (damage == NULL)
    return TRUE;
  cpd_health_add (engine->health, "database", TRUE,
                  "the state database is damaged; the next start of the service replaces it: %s", damage);
  if (!cpd_store_condemn (path, &error))
    g_message ("failed to mark the state database as damaged: %s", error->message);
  cpd_engine_tell_health (engine);
  return FALSE;
}

static gboolean
is_backup_due (CpdEngine *engine, const char *backups)
{
  g_autoptr(GPtrArray) paths = cpd_store_list_backups (backups, NULL);

  return engine->changed_schema || paths == NULL || paths->len == 0
         || cpd_store_backup_time (paths->pdata[0]) < cpd_clock_now () - BACKUP_AGE;
}

void
cpd_engine_prune_events (CpdEngine *engine)
{
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (engine);
  const gint64 oldest = config->events_max_age > 0 ? cpd_clock_now () - config->events_max_age : 0;
  g_autoptr(GError) error = NULL;

  if (!cpd_store_prune_events (engine->store, config->events_max_rows, oldest, &error))
    g_info ("failed to drop old events: %s", error->message);
}

static gpointer
keep_up (gpointer data)
{
  CpdEngine *engine = data;
  g_autofree char *path = cpd_engine_database_path (engine);
  g_autofree char *backups = cpd_engine_backups_path (engine);
  g_autoptr(GError) error = NULL;

  cpd_engine_prune_events (engine);
  if (engine->unchecked && !check (engine, path))
    engine->condemned = TRUE;
  if (engine->condemned || !is_backup_due (engine, backups))
    return NULL;
  if (cpd_store_backup (path, backups, &error))
    {
      engine->changed_schema = FALSE;
      return NULL;
    }
  if (!engine->backup_failed)
    {
      cpd_health_add (engine->health, "backup", TRUE, "%s", error->message);
      cpd_engine_tell_health (engine);
    }
  engine->backup_failed = TRUE;
  return NULL;
}

static void
join (CpdEngine *engine)
{
  g_clear_pointer (&engine->upkeep_thread, g_thread_join);
}

static gboolean
look (gpointer data)
{
  CpdEngine *engine = data;

  join (engine);                /* it has ended long ago */
  engine->upkeep_thread = g_thread_new ("cpd-upkeep", keep_up, engine);
  return G_SOURCE_CONTINUE;
}

/* Main thread. */
void
cpd_engine_start_upkeep (CpdEngine *engine)
{
  if (engine->upkeep != NULL)
    return;
  look (engine);
  engine->upkeep = g_timeout_source_new_seconds (LOOK_SECONDS);
  g_source_set_priority (engine->upkeep, G_PRIORITY_LOW);
  g_source_set_callback (engine->upkeep, look, engine, NULL);
  g_source_attach (engine->upkeep, engine->context);
}

void
cpd_engine_end_upkeep (CpdEngine *engine)
{
  if (engine->upkeep != NULL)
    g_source_destroy (engine->upkeep);
  g_clear_pointer (&engine->upkeep, g_source_unref);
  join (engine);
}
