/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-jobs-private.h"

#include <string.h>

#include "public/cpod-error.h"

#define MAX_KNOWN 1024
#define MAX_TOKEN 128

static void
owner_free (CpdBusJobOwner *owner)
{
  GDBusConnection *connection = cpd_bus_service_get_connection (owner->jobs->service);

  if (owner->registration != 0)
    g_dbus_connection_unregister_subtree (connection, owner->registration);
  g_hash_table_unref (owner->table);
  g_free (owner->sender);
  g_free (owner->name);
  g_free (owner);
}

/* A caller that has left, and has nothing here any more, is forgotten; another one may come again. */
static void
remove_if_empty (CpdBusJobOwner *owner)
{
  if (g_hash_table_size (owner->table) == 0)
    g_hash_table_remove (owner->jobs->owners, owner->name);
}

void
cpd_bus_jobs_remove (CpdBusJobEntry *entry)
{
  CpdBusJobOwner *owner = entry->owner;

  g_hash_table_remove (owner->table, entry->token);
  remove_if_empty (owner);
}

/* ":1.23" → "1_23". */
static char *
build_owner_name (const char *sender)
{
  return sender != NULL ? g_strdelimit (g_strdup (sender + 1), ".", '_') : g_strdup ("peer");
}

static CpdBusJobOwner *
find_owner (CpdBusJobs *jobs, const CpdBusPeer *peer)
{
  g_autofree char *name = build_owner_name (cpd_bus_peer_get_sender (peer));

  return g_hash_table_lookup (jobs->owners, name);
}

GPtrArray *
cpd_bus_jobs_list (CpdBusJobs *jobs)
{
  GPtrArray *all = g_ptr_array_new ();
  GHashTableIter owners, entries;
  CpdBusJobOwner *owner;
  gpointer entry;

  g_hash_table_iter_init (&owners, jobs->owners);
  while (g_hash_table_iter_next (&owners, NULL, (gpointer *) &owner))
    {
      g_hash_table_iter_init (&entries, owner->table);
      while (g_hash_table_iter_next (&entries, NULL, &entry))
        g_ptr_array_add (all, entry);
    }
  return all;
}

static CpdBusJobOwner *
get_owner (CpdBusJobs *jobs, const CpdBusPeer *peer, GError **error)
{
  CpdBusJobOwner *owner = find_owner (jobs, peer);

  if (owner != NULL)
    return owner;

  owner = g_new0 (CpdBusJobOwner, 1);
  owner->jobs = jobs;
  owner->name = build_owner_name (cpd_bus_peer_get_sender (peer));
  owner->sender = g_strdup (cpd_bus_peer_get_sender (peer));
  owner->uid = cpd_bus_peer_get_uid (peer);
  owner->table = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) cpd_bus_job_entry_free);
  owner->registration = cpd_bus_job_object_export (owner, error);
  if (owner->registration == 0)
    {
      owner_free (owner);
      return NULL;
    }
  g_hash_table_insert (jobs->owners, owner->name, owner);
  return owner;
}

/* The caller's token, or the next number that is free. */
static char *
pick_token (CpdBusJobOwner *owner, GVariant *options, GError **error)
{
  g_autofree char *token = cpd_bus_options_get_string (options, "token");

  if (token != NULL && g_hash_table_contains (owner->table, token))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                   "option 'token': there is a job '%s' already", token);
      return NULL;
    }
  while (token == NULL || g_hash_table_contains (owner->table, token))
    {
      g_free (token);
      token = g_strdup_printf ("%" G_GUINT64_FORMAT, ++owner->last_number);
    }
  return g_steal_pointer (&token);
}

/* What counts for OWNER: its own jobs, and what its user has detached elsewhere. */
static void
count_share (const CpdBusJobOwner *owner, guint *known, guint *running)
{
  g_autoptr(GPtrArray) all = cpd_bus_jobs_list (owner->jobs);

  *known = *running = 0;
  for (guint i = 0; i < all->len; i++)
    {
      const CpdBusJobEntry *entry = all->pdata[i];

      if (entry->owner != owner && (!entry->detached || entry->owner->uid != owner->uid))
        continue;
      *known += 1;
      *running += cpd_job_get_state (entry->job) == CPD_JOB_RUNNING;
    }
}

/* Whether the caller may have one more; those that are over count while they are still there. */
static gboolean
check_share (CpdBusJobOwner *owner, GError **error)
{
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (cpd_bus_service_get_engine (owner->jobs->service));
  const gint64 max = cpd_config_get_int (config, CPD_KEY_CALLER_JOBS_MAX);
  guint known, running;

  count_share (owner, &known, &running);
  if ((max == 0 || (gint64) running < max) && known < MAX_KNOWN + (guint) max)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED,
               "the caller has %u jobs already, %u of which run (caller_jobs_max)", known, running);
  return FALSE;
}

static char *
start_job (CpdBusJobOwner *owner, GVariant *options, CpdJob *job, GError **error)
{
  g_autofree char *token = NULL;
  CpdBusJobEntry *entry;

  if (!check_share (owner, error))
    return NULL;
  token = pick_token (owner, options, error);
  if (token == NULL || !cpd_job_start (job, error))
    return NULL;
  entry = cpd_bus_job_entry_new (owner, token, job, cpd_bus_options_get_boolean (options, "detach", FALSE));
  g_hash_table_insert (owner->table, entry->token, entry);
  owner->jobs->running++;
  return cpd_bus_job_entry_build_path (entry);
}

/* The caller may have left while the call waited, and then it does not leave again. */
static char *
start_for (CpdBusCall *call, CpdJob *job, GError **error)
{
  CpdBusJobs *jobs = cpd_bus_service_get_jobs (cpd_bus_call_get_service (call));
  CpdBusJobOwner *owner;
  char *path;

  if (g_cancellable_set_error_if_cancelled (cpd_bus_call_get_cancellable (call), error))
    return NULL;
  owner = get_owner (jobs, cpd_bus_call_get_peer (call), error);
  if (owner == NULL)
    return NULL;
  path = start_job (owner, cpd_bus_call_get_options (call), job, error);
  remove_if_empty (owner);
  return path;
}

void
cpd_bus_jobs_start (CpdBusCall *call, CpdJob *job)
{
  g_autoptr(CpdJob) started = job;
  GError *error = NULL;
  g_autofree char *path = start_for (call, started, &error);

  cpd_bus_call_return (call, path != NULL ? g_variant_new ("(o)", path) : NULL, error);
}

/* The rest of a job that nobody owns any more is its own undoing. */
static void
abandon_owned (CpdBusJobOwner *owner)
{
  GHashTableIter iter;
  CpdBusJobEntry *entry;

  owner->gone = TRUE;
  g_hash_table_iter_init (&iter, owner->table);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry))
    {
      if (entry->detached)
        continue;
      if (cpd_job_get_state (entry->job) != CPD_JOB_RUNNING)
        {
          g_hash_table_iter_remove (&iter);
          continue;
        }
      g_hash_table_iter_steal (&iter);
      entry->owner = NULL;
      cpd_job_cancel (entry->job);
    }
  remove_if_empty (owner);
}

void
cpd_bus_jobs_abandon (CpdBusJobs *jobs, const CpdBusPeer *peer)
{
  g_autoptr(GPtrArray) all = cpd_bus_jobs_list (jobs);
  CpdBusJobOwner *owner = find_owner (jobs, peer);

  for (guint i = 0; i < all->len; i++)
    cpd_bus_job_entry_drop_waiters (all->pdata[i], peer);
  if (owner != NULL)
    abandon_owned (owner);
}

void
cpd_bus_jobs_cancel (CpdBusJobs *jobs)
{
  g_autoptr(GPtrArray) all = cpd_bus_jobs_list (jobs);

  for (guint i = 0; i < all->len; i++)
    cpd_job_cancel (((CpdBusJobEntry *) all->pdata[i])->job);
}

guint
cpd_bus_jobs_count (CpdBusJobs *jobs)
{
  return jobs->running;
}

gboolean
cpd_bus_jobs_check_token (GVariant *value, GError **error)
{
  const char *token = g_variant_get_string (value, NULL);
  gsize length = strspn (token, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_");

  if (length > 0 && length <= MAX_TOKEN && token[length] == '\0')
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%s' is no token: tokens match [A-Za-z0-9_]+ and have at most %d characters",
               token, MAX_TOKEN);
  return FALSE;
}

CpdBusJobs *
cpd_bus_jobs_new (CpdBusService *service)
{
  CpdBusJobs *jobs = g_new0 (CpdBusJobs, 1);

  jobs->service = service;
  jobs->owners = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) owner_free);
  return jobs;
}

void
cpd_bus_jobs_free (CpdBusJobs *jobs)
{
  if (jobs == NULL)
    return;
  g_hash_table_unref (jobs->owners);
  g_free (jobs);
}
