/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-interface.h"
#include "bus/cpd-bus-jobs-private.h"

#include <string.h>

#include "cpod-generated.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

/* A property that is read by somebody whom the bus has yet to tell of. */
typedef struct
{
  CpdBusJobs *jobs;             /* (unowned) */
  GDBusMethodInvocation *invocation;    /* (owned): until the reply takes it */
} Reading;

/* What was detached is the user's, on whatever connection; else it is the caller's alone. */
static gboolean
may_use (const CpdBusJobEntry *entry, const CpdBusPeer *peer)
{
  const guint32 uid = cpd_bus_peer_get_uid (peer);

  if (g_strcmp0 (entry->owner->sender, cpd_bus_peer_get_sender (peer)) == 0)
    return TRUE;
  return entry->detached && (uid == 0 || uid == entry->owner->uid);
}

static CpdBusJobEntry *
find_entry (CpdBusJobs *jobs, const char *path, const CpdBusPeer *peer, GError **error)
{
  g_auto(GStrv) parts = g_strsplit (path + strlen (CPOD_PATH_JOBS "/"), "/", 2);
  CpdBusJobOwner *owner = g_hash_table_lookup (jobs->owners, parts[0]);
  CpdBusJobEntry *entry = owner != NULL && parts[1] != NULL ? g_hash_table_lookup (owner->table, parts[1]) : NULL;

  if (entry == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "there is no job %s any more", path);
      return NULL;
    }
  if (!may_use (entry, peer))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED, "job %s belongs to another caller", path);
      return NULL;
    }
  return entry;
}

/* The object of a call is its path. */
static CpdBusJobEntry *
find_called (CpdBusCall *call, GError **error)
{
  return find_entry (cpd_bus_service_get_jobs (cpd_bus_call_get_service (call)),
                     cpd_bus_call_get_object (call), cpd_bus_call_get_peer (call), error);
}

static void
start_cancel (CpdBusCall *call)
{
  GError *error = NULL;
  CpdBusJobEntry *entry = find_called (call, &error);

  if (entry != NULL)
    cpd_job_cancel (entry->job);
  cpd_bus_call_return (call, NULL, error);
}

static void
start_wait (CpdBusCall *call)
{
  GError *error = NULL;
  CpdBusJobEntry *entry = NULL;

  /* A caller that has left already does not leave again. */
  if (!g_cancellable_set_error_if_cancelled (cpd_bus_call_get_cancellable (call), &error))
    entry = find_called (call, &error);
  if (entry == NULL)
    cpd_bus_call_return (call, NULL, error);
  else
    cpd_bus_job_entry_wait (entry, call);
}

static const CpdBusMethod methods[] = {
  { "Cancel", cpd_bus_no_options, FALSE, NULL, start_cancel },
  { "Wait", cpd_bus_no_options, FALSE, NULL, start_wait },
  { NULL }
};

const CpdBusInterface cpd_bus_job_interface = { cpod_job_interface_info, methods };

void
cpd_bus_jobs_start_list (CpdBusCall *call)
{
  g_autoptr(GPtrArray) all = cpd_bus_jobs_list (cpd_bus_service_get_jobs (cpd_bus_call_get_service (call)));
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{oa{sv}}"));

  for (guint i = 0; i < all->len; i++)
    {
      const CpdBusJobEntry *entry = all->pdata[i];
      g_autofree char *path = cpd_bus_job_entry_build_path (entry);

      if (may_use (entry, cpd_bus_call_get_peer (call)))
        g_variant_builder_add (&dict, "{o@a{sv}}", path, entry->announced);
    }
  cpd_bus_call_return (call, g_variant_new ("(a{oa{sv}})", &dict), NULL);
}

/* The reply to Get, or to GetAll. */
static GVariant *
read_properties (const CpdBusJobEntry *entry, GVariant *parameters)
{
  g_autoptr(GVariant) value = NULL;
  const char *name;

  if (g_variant_n_children (parameters) == 1)
    return g_variant_new ("(@a{sv})", entry->announced);
  g_variant_get (parameters, "(&s&s)", NULL, &name);
  value = g_variant_lookup_value (entry->announced, name, NULL);
  return g_variant_new ("(v)", value);
}

static void
on_reader (CpdBusPeer *peer, const GError *error, gpointer user_data)
{
  g_autofree Reading *reading = user_data;
  GDBusMethodInvocation *invocation = reading->invocation;
  g_autoptr(GError) failure = error != NULL ? g_error_copy (error) : NULL;
  CpdBusJobEntry *entry = NULL;

  if (peer != NULL)
    entry = find_entry (reading->jobs, g_dbus_method_invocation_get_object_path (invocation), peer, &failure);
  if (entry != NULL)
    cpd_bus_call_answer (invocation, read_properties (entry, g_dbus_method_invocation_get_parameters (invocation)));
  else
    g_dbus_method_invocation_return_gerror (invocation, failure);
}

/* Also Get and GetAll: whose a job is can only be told once the caller is known. GDBus has looked at the rest. */
static void
on_call (GDBusConnection *connection, const char *sender, const char *path,
         const char *interface, const char *method, GVariant *parameters,
         GDBusMethodInvocation *invocation, gpointer user_data)
{
  CpdBusJobs *jobs = ((CpdBusJobOwner *) user_data)->jobs;
  Reading *reading;

  if (strcmp (interface, cpod_job_interface_info ()->name) == 0)
    {
      cpd_bus_interface_dispatch (&cpd_bus_job_interface, jobs->service, invocation, path);
      return;
    }
  reading = g_new0 (Reading, 1);
  reading->jobs = jobs;
  reading->invocation = invocation;
  cpd_bus_peers_get (cpd_bus_service_get_peers (jobs->service), sender, on_reader, reading);
}

static const GDBusInterfaceVTable vtable = { on_call, NULL, NULL, { 0 } };

static char **
enumerate_nodes (GDBusConnection *connection, const char *sender, const char *path, gpointer user_data)
{
  CpdBusJobOwner *owner = user_data;
  g_autofree char **tokens = (char **) g_hash_table_get_keys_as_array (owner->table, NULL);

  return g_strdupv (tokens);
}

static GDBusInterfaceInfo **
introspect_node (GDBusConnection *connection, const char *sender, const char *path,
                 const char *node, gpointer user_data)
{
  GDBusInterfaceInfo **infos = g_new0 (GDBusInterfaceInfo *, 2);

  if (node != NULL)             /* a call to a job that is gone goes through, to be told that */
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

guint
cpd_bus_job_object_export (CpdBusJobOwner *owner, GError **error)
{
  g_autofree char *path = g_strconcat (CPOD_PATH_JOBS "/", owner->name, NULL);

  return g_dbus_connection_register_subtree (cpd_bus_service_get_connection (owner->jobs->service), path, &subtree,
                                             G_DBUS_SUBTREE_FLAGS_DISPATCH_TO_UNENUMERATED_NODES, owner, NULL, error);
}
