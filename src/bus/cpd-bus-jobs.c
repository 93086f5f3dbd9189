/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-jobs.h"

#include <string.h>

#include "bus/cpd-bus-errors.h"
#include "bus/cpd-bus-interface.h"
#include "bus/cpd-bus-objects.h"
#include "cpod-generated.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

#define AFTERLIFE_SECONDS 60
#define MAX_KNOWN 1024
#define MAX_TOKEN 128

#define JOB_INTERFACE "org.cpod.Cpod1.Job"
#define PROPERTIES "org.freedesktop.DBus.Properties"

struct _CpdBusJobs
{
  CpdBusService *service;       /* (unowned) */
  GHashTable *owners;           /* (owned): first part of the path → Owner */
  guint running;
};

/* A caller with jobs. */
typedef struct
{
  CpdBusJobs *jobs;             /* (unowned) */
  char *name;                   /* (owned): as in the path */
  char *sender;                 /* (owned) (nullable) */
  guint registration;
  guint64 last_number;
  guint running;
  GHashTable *table;            /* (owned): token → Entry */
} Owner;

/* An exported job. */
typedef struct
{
  CpdBusJobs *jobs;             /* (unowned) */
  Owner *owner;                 /* (unowned) (nullable): NULL once the caller has left */
  char *token;                  /* (owned) */
  CpdJob *job;                  /* (owned) */
  GVariant *announced;          /* (owned): its properties */
  GPtrArray *waiters;           /* (owned) (element-type CpdBusCall) */
  guint afterlife;
} Entry;

static void
entry_free (Entry *entry)
{
  g_clear_handle_id (&entry->afterlife, g_source_remove);
  g_signal_handlers_disconnect_by_data (entry->job, entry);
  g_object_unref (entry->job);
  g_variant_unref (entry->announced);
  g_ptr_array_unref (entry->waiters);
  g_free (entry->token);
  g_free (entry);
}

static void
owner_free (Owner *owner)
{
  GDBusConnection *connection = cpd_bus_service_get_connection (owner->jobs->service);

  if (owner->registration != 0)
    g_dbus_connection_unregister_subtree (connection, owner->registration);
  g_hash_table_unref (owner->table);
  g_free (owner->sender);
  g_free (owner->name);
  g_free (owner);
}

static char *
build_path (const Entry *entry)
{
  return g_strconcat (CPOD_PATH_JOBS "/", entry->owner->name, "/", entry->token, NULL);
}

static GVariant *
build_properties (CpdJob *job)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const char *state = cpd_job_state_to_string (cpd_job_get_state (job));
  guint64 bytes_done, bytes_total;
  guint items_done, items_total;

  cpd_job_get_progress (job, &bytes_done, &bytes_total);
  cpd_job_get_items (job, &items_done, &items_total);
  g_variant_builder_add (&dict, "{sv}", "Kind", g_variant_new_string (cpd_job_get_kind (job)));
  g_variant_builder_add (&dict, "{sv}", "State", g_variant_new_string (state));
  g_variant_builder_add (&dict, "{sv}", "BytesDone", g_variant_new_uint64 (bytes_done));
  g_variant_builder_add (&dict, "{sv}", "BytesTotal", g_variant_new_uint64 (bytes_total));
  g_variant_builder_add (&dict, "{sv}", "ItemsDone", g_variant_new_uint32 (items_done));
  g_variant_builder_add (&dict, "{sv}", "ItemsTotal", g_variant_new_uint32 (items_total));
  return g_variant_ref_sink (g_variant_builder_end (&dict));
}

/* A job is nobody else's business, and its progress would be a flood: signals go to its owner alone. */
static void
emit (const Entry *entry, const char *interface, const char *signal, GVariant *parameters)
{
  g_autofree char *path = build_path (entry);

  cpd_bus_service_emit (entry->jobs->service, entry->owner->sender, path,
                        interface, signal, parameters);
}

static void
announce_properties (Entry *entry)
{
  g_autoptr(GVariant) before = g_steal_pointer (&entry->announced);
  GVariant *changed;

  entry->announced = build_properties (entry->job);
  changed = cpd_bus_properties_diff (before, entry->announced);
  if (changed != NULL)
    emit (entry, PROPERTIES, "PropertiesChanged",
          cpd_bus_properties_changed (JOB_INTERFACE, changed));
}

static void
on_progress (CpdJob *job, gpointer user_data)
{
  Entry *entry = user_data;

  if (entry->owner != NULL)
    announce_properties (entry);
}

static void
announce_end (Entry *entry)
{
  const char *state = cpd_job_state_to_string (cpd_job_get_state (entry->job));
  const GError *cause = cpd_job_get_error (entry->job);
  g_autoptr(GError) error = cause != NULL ? cpd_bus_error_normalise (cause) : NULL;
  g_autofree char *name = error != NULL ? cpd_bus_error_get_name (error) : NULL;

  announce_properties (entry);
  emit (entry, JOB_INTERFACE, "Finished",
        g_variant_new ("(sss)", state, name != NULL ? name : "", error != NULL ? error->message : ""));
}

static void
answer_wait (CpdBusCall *call, CpdJob *job)
{
  const GError *error = cpd_job_get_error (job);

  if (error != NULL)
    cpd_bus_call_return (call, NULL, g_error_copy (error));
  else
    cpd_bus_call_return (call, g_variant_new ("(@a{sv})", cpd_job_get_result (job)), NULL);
}

static void
answer_waiters (Entry *entry)
{
  g_autoptr(GPtrArray) waiters = g_steal_pointer (&entry->waiters);
  g_autoptr(CpdJob) job = g_object_ref (entry->job);

  entry->waiters = g_ptr_array_new ();
  for (guint i = 0; i < waiters->len; i++)
    answer_wait (waiters->pdata[i], job);
}

static gboolean
on_afterlife_over (gpointer user_data)
{
  Entry *entry = user_data;
  Owner *owner = entry->owner;

  entry->afterlife = 0;
  g_hash_table_remove (owner->table, entry->token);
  if (g_hash_table_size (owner->table) == 0)
    g_hash_table_remove (owner->jobs->owners, owner->name);
  return G_SOURCE_REMOVE;
}

/* The events of what the job did come first, then its end, then the replies of who waits. */
static void
on_finished (CpdJob *job, gpointer user_data)
{
  Entry *entry = user_data;
  CpdBusService *service = entry->jobs->service;

  cpd_engine_drain_events (cpd_bus_service_get_engine (service));
  entry->jobs->running--;
  if (entry->owner == NULL)
    {
      answer_waiters (entry);
      entry_free (entry);
    }
  else
    {
      entry->owner->running--;
      announce_end (entry);
      entry->afterlife = g_timeout_add_seconds (AFTERLIFE_SECONDS, on_afterlife_over, entry);
      answer_waiters (entry);
    }
  cpd_bus_service_notice_idle (service);
}

/* Only the owner of a job may use it; the object of a call is the token. */
static Entry *
find_entry (CpdBusJobs *jobs, const char *path, const char *sender, GError **error)
{
  g_auto(GStrv) parts = g_strsplit (path + strlen (CPOD_PATH_JOBS "/"), "/", 2);
  Owner *owner = g_hash_table_lookup (jobs->owners, parts[0]);

  if (owner == NULL || parts[1] == NULL || !g_hash_table_contains (owner->table, parts[1]))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "there is no job %s any more", path);
      return NULL;
    }
  if (g_strcmp0 (owner->sender, sender) != 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
                   "job %s belongs to another caller", path);
      return NULL;
    }
  return g_hash_table_lookup (owner->table, parts[1]);
}

static Entry *
find_called (CpdBusCall *call, GError **error)
{
  return find_entry (cpd_bus_service_get_jobs (cpd_bus_call_get_service (call)),
                     cpd_bus_call_get_object (call),
                     cpd_bus_peer_get_sender (cpd_bus_call_get_peer (call)), error);
}

static void
start_cancel (CpdBusCall *call)
{
  GError *error = NULL;
  Entry *entry = find_called (call, &error);

  if (entry != NULL)
    cpd_job_cancel (entry->job);
  cpd_bus_call_return (call, NULL, error);
}

static void
start_wait (CpdBusCall *call)
{
  GError *error = NULL;
  Entry *entry = find_called (call, &error);

  if (entry == NULL)
    cpd_bus_call_return (call, NULL, error);
  else if (cpd_job_get_state (entry->job) != CPD_JOB_RUNNING)
    answer_wait (call, entry->job);
  else
    g_ptr_array_add (entry->waiters, call);
}

static const CpdBusMethod methods[] = {
  { "Cancel", cpd_bus_no_options, FALSE, NULL, start_cancel },
  { "Wait", cpd_bus_no_options, FALSE, NULL, start_wait },
  { NULL }
};

const CpdBusInterface cpd_bus_job_interface = { cpod_job_interface_info, methods };

static void
on_call (GDBusConnection *connection, const char *sender, const char *path,
         const char *interface, const char *method, GVariant *parameters,
         GDBusMethodInvocation *invocation, gpointer user_data)
{
  Owner *owner = user_data;

  cpd_bus_interface_dispatch (&cpd_bus_job_interface, owner->jobs->service, invocation, path);
}

static GVariant *
get_property (GDBusConnection *connection, const char *sender, const char *path,
              const char *interface, const char *name, GError **error, gpointer user_data)
{
  Owner *owner = user_data;
  Entry *entry = find_entry (owner->jobs, path, sender, error);

  return entry != NULL ? g_variant_lookup_value (entry->announced, name, NULL) : NULL;
}

static const GDBusInterfaceVTable vtable = { on_call, get_property, NULL, { 0 } };

static char **
enumerate_nodes (GDBusConnection *connection, const char *sender, const char *path, gpointer user_data)
{
  Owner *owner = user_data;
  g_autofree char **tokens = (char **) g_hash_table_get_keys_as_array (owner->table, NULL);

  return g_strdupv (tokens);
}

static GDBusInterfaceInfo **
introspect_node (GDBusConnection *connection, const char *sender, const char *path,
                 const char *node, gpointer user_data)
{
  Owner *owner = user_data;
  GDBusInterfaceInfo **infos = g_new0 (GDBusInterfaceInfo *, 2);

  if (node != NULL && g_hash_table_contains (owner->table, node))
    infos[0] = g_dbus_interface_info_ref (cpod_job_interface_info ());
  return infos;
}

static const GDBusInterfaceVTable *
dispatch_node (GDBusConnection *connection, const char *sender, const char *path,
               const char *interface, const char *node, gpointer *out_user_data, gpointer user_data)
{
  *out_user_data = user_data;
  return &vtable;
}

static const GDBusSubtreeVTable subtree = { enumerate_nodes, introspect_node, dispatch_node, { 0 } };

/* ":1.23" → "1_23". */
static char *
build_owner_name (const char *sender)
{
  return sender != NULL ? g_strdelimit (g_strdup (sender + 1), ".", '_') : g_strdup ("peer");
}

static Owner *
get_owner (CpdBusJobs *jobs, const CpdBusPeer *peer, GError **error)
{
  GDBusConnection *connection = cpd_bus_service_get_connection (jobs->service);
  g_autofree char *name = build_owner_name (cpd_bus_peer_get_sender (peer));
  g_autofree char *path = g_strconcat (CPOD_PATH_JOBS "/", name, NULL);
  Owner *owner = g_hash_table_lookup (jobs->owners, name);

  if (owner != NULL)
    return owner;

  owner = g_new0 (Owner, 1);
  owner->jobs = jobs;
  owner->name = g_steal_pointer (&name);
  owner->sender = g_strdup (cpd_bus_peer_get_sender (peer));
  owner->table = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) entry_free);
  owner->registration = g_dbus_connection_register_subtree
    (connection, path, &subtree, G_DBUS_SUBTREE_FLAGS_DISPATCH_TO_UNENUMERATED_NODES,
     owner, NULL, error);
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
pick_token (Owner *owner, GVariant *options, GError **error)
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

static Entry *
add_entry (Owner *owner, const char *token, CpdJob *job)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->jobs = owner->jobs;
  entry->owner = owner;
  entry->token = g_strdup (token);
  entry->job = g_object_ref (job);
  entry->announced = build_properties (job);
  entry->waiters = g_ptr_array_new ();
  g_signal_connect (job, "progress", G_CALLBACK (on_progress), entry);
  g_signal_connect (job, "finished", G_CALLBACK (on_finished), entry);
  g_hash_table_insert (owner->table, entry->token, entry);
  owner->running++;
  owner->jobs->running++;
  return entry;
}

/* Whether the caller may have one more; those that are over count while they are still there. */
static gboolean
check_share (Owner *owner, GError **error)
{
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (cpd_bus_service_get_engine (owner->jobs->service));
  const gint64 max = cpd_config_get_int (config, CPD_KEY_CALLER_JOBS_MAX);

  if ((max == 0 || (gint64) owner->running < max) && g_hash_table_size (owner->table) < MAX_KNOWN + (guint) max)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED,
               "the caller has %u jobs already, %u of which run (caller_jobs_max)",
               g_hash_table_size (owner->table), owner->running);
  return FALSE;
}

char *
cpd_bus_jobs_start (CpdBusJobs *jobs, CpdBusCall *call, CpdJob *job, GError **error)
{
  CpdBusPeer *peer = cpd_bus_call_get_peer (call);
  Owner *owner = get_owner (jobs, peer, error);
  g_autofree char *token = NULL;

  if (owner == NULL)
    return NULL;
  if (!check_share (owner, error))
    return NULL;
  token = pick_token (owner, cpd_bus_call_get_options (call), error);
  if (token == NULL || !cpd_job_start (job, error))
    return NULL;
  return build_path (add_entry (owner, token, job));
}

/* The rest of a job that nobody owns any more is its own undoing. */
void
cpd_bus_jobs_abandon (CpdBusJobs *jobs, const CpdBusPeer *peer)
{
  g_autofree char *name = build_owner_name (cpd_bus_peer_get_sender (peer));
  Owner *owner = g_hash_table_lookup (jobs->owners, name);
  GHashTableIter iter;
  gpointer value;

  if (owner == NULL)
    return;
  g_hash_table_iter_init (&iter, owner->table);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Entry *entry = value;

      if (cpd_job_get_state (entry->job) != CPD_JOB_RUNNING)
        continue;
      g_hash_table_iter_steal (&iter);
      entry->owner = NULL;
      cpd_job_cancel (entry->job);
    }
  g_hash_table_remove (jobs->owners, name);
}

void
cpd_bus_jobs_cancel (CpdBusJobs *jobs)
{
  GHashTableIter owners, entries;
  gpointer owner, entry;

  g_hash_table_iter_init (&owners, jobs->owners);
  while (g_hash_table_iter_next (&owners, NULL, &owner))
    {
      g_hash_table_iter_init (&entries, ((Owner *) owner)->table);
      while (g_hash_table_iter_next (&entries, NULL, &entry))
        cpd_job_cancel (((Entry *) entry)->job);
    }
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
