/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-errors.h"
#include "bus/cpd-bus-jobs-private.h"
#include "bus/cpd-bus-objects.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

#define AFTERLIFE_SECONDS 60
#define JOB_INTERFACE "org.cpod.Cpod1.Job"
#define PROPERTIES "org.freedesktop.DBus.Properties"

void
cpd_bus_job_entry_free (CpdBusJobEntry *entry)
{
  g_clear_handle_id (&entry->afterlife, g_source_remove);
  g_signal_handlers_disconnect_by_data (entry->job, entry);
  g_object_unref (entry->job);
  g_variant_unref (entry->announced);
  g_ptr_array_unref (entry->waiters);
  g_free (entry->token);
  g_free (entry);
}

char *
cpd_bus_job_entry_build_path (const CpdBusJobEntry *entry)
{
  return g_strconcat (CPOD_PATH_JOBS "/", entry->owner->name, "/", entry->token, NULL);
}

static GVariant *
build_properties (const CpdBusJobEntry *entry)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  CpdJob *job = entry->job;
  const char *state = cpd_job_state_to_string (cpd_job_get_state (job));
  guint64 bytes_done, bytes_total;
  guint items_done, items_total;

  cpd_job_get_progress (job, &bytes_done, &bytes_total);
  cpd_job_get_items (job, &items_done, &items_total);
  g_variant_builder_add (&dict, "{sv}", "Kind", g_variant_new_string (cpd_job_get_kind (job)));
  g_variant_builder_add (&dict, "{sv}", "OwnerUid", g_variant_new_uint32 (entry->owner->uid));
  g_variant_builder_add (&dict, "{sv}", "Detached", g_variant_new_boolean (entry->detached));
  g_variant_builder_add (&dict, "{sv}", "State", g_variant_new_string (state));
  g_variant_builder_add (&dict, "{sv}", "BytesDone", g_variant_new_uint64 (bytes_done));
  g_variant_builder_add (&dict, "{sv}", "BytesTotal", g_variant_new_uint64 (bytes_total));
  g_variant_builder_add (&dict, "{sv}", "ItemsDone", g_variant_new_uint32 (items_done));
  g_variant_builder_add (&dict, "{sv}", "ItemsTotal", g_variant_new_uint32 (items_total));
  return g_variant_ref_sink (g_variant_builder_end (&dict));
}

/* Who is told of it: its caller, and whoever waits for it. */
static GPtrArray *
list_listeners (const CpdBusJobEntry *entry)
{
  GPtrArray *senders = g_ptr_array_new ();

  if (!entry->owner->gone)
    g_ptr_array_add (senders, entry->owner->sender);
  for (guint i = 0; i < entry->waiters->len; i++)
    {
      const char *sender = cpd_bus_peer_get_sender (cpd_bus_call_get_peer (entry->waiters->pdata[i]));

      if (sender != NULL && !g_ptr_array_find_with_equal_func (senders, sender, g_str_equal, NULL))
        g_ptr_array_add (senders, (gpointer) sender);
    }
  return senders;
}

/* A job is nobody else's business, and its progress would be a flood. */
static void
emit (const CpdBusJobEntry *entry, const char *interface, const char *signal, GVariant *parameters)
{
  g_autoptr(GVariant) owned = g_variant_ref_sink (parameters);
  g_autoptr(GPtrArray) senders = list_listeners (entry);
  g_autofree char *path = cpd_bus_job_entry_build_path (entry);

  for (guint i = 0; i < senders->len; i++)
    cpd_bus_service_emit (entry->jobs->service, senders->pdata[i], path, interface, signal, owned);
}

static void
announce_properties (CpdBusJobEntry *entry)
{
  g_autoptr(GVariant) before = g_steal_pointer (&entry->announced);
  GVariant *changed;

  entry->announced = build_properties (entry);
  changed = cpd_bus_properties_diff (before, entry->announced);
  if (changed != NULL)
    emit (entry, PROPERTIES, "PropertiesChanged",
          cpd_bus_properties_changed (JOB_INTERFACE, changed));
}

static void
on_progress (CpdJob *job, gpointer user_data)
{
  CpdBusJobEntry *entry = user_data;

  if (entry->owner != NULL)
    announce_properties (entry);
}

static void
announce_end (CpdBusJobEntry *entry)
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
answer_waiters (CpdBusJobEntry *entry)
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
  CpdBusJobEntry *entry = user_data;

  entry->afterlife = 0;
  cpd_bus_jobs_remove (entry);
  return G_SOURCE_REMOVE;
}

/* The events of what the job did come first, then its end, then the replies of who waits. */
static void
on_finished (CpdJob *job, gpointer user_data)
{
  CpdBusJobEntry *entry = user_data;
  CpdBusService *service = entry->jobs->service;

  cpd_engine_drain_events (cpd_bus_service_get_engine (service));
  entry->jobs->running--;
  if (entry->owner == NULL)
    {
      answer_waiters (entry);
      cpd_bus_job_entry_free (entry);
    }
  else
    {
      announce_end (entry);
      entry->afterlife = g_timeout_add_seconds (AFTERLIFE_SECONDS, on_afterlife_over, entry);
      answer_waiters (entry);
    }
  cpd_bus_service_notice_idle (service);
}

void
cpd_bus_job_entry_wait (CpdBusJobEntry *entry, CpdBusCall *call)
{
  if (cpd_job_get_state (entry->job) != CPD_JOB_RUNNING)
    answer_wait (call, entry->job);
  else
    g_ptr_array_add (entry->waiters, call);
}

void
cpd_bus_job_entry_drop_waiters (CpdBusJobEntry *entry, const CpdBusPeer *peer)
{
  for (guint i = entry->waiters->len; i > 0; i--)
    {
      CpdBusCall *call = entry->waiters->pdata[i - 1];

      if (cpd_bus_call_get_peer (call) != peer)
        continue;
      g_ptr_array_remove_index (entry->waiters, i - 1);
      cpd_bus_call_return (call, NULL, g_error_new_literal (CPOD_ERROR, CPOD_ERROR_CANCELLED, "the caller has left"));
    }
}

CpdBusJobEntry *
cpd_bus_job_entry_new (CpdBusJobOwner *owner, const char *token, CpdJob *job, gboolean detached)
{
  CpdBusJobEntry *entry = g_new0 (CpdBusJobEntry, 1);

  entry->jobs = owner->jobs;
  entry->owner = owner;
  entry->token = g_strdup (token);
  entry->job = g_object_ref (job);
  entry->detached = detached;
  entry->announced = build_properties (entry);
  entry->waiters = g_ptr_array_new ();
  g_signal_connect (job, "progress", G_CALLBACK (on_progress), entry);
  g_signal_connect (job, "finished", G_CALLBACK (on_finished), entry);
  return entry;
}
