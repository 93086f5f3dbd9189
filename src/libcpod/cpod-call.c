/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/* The context is the thread's default until cpod_sync_end(), so that the answers come here and nowhere else. */
void
cpod_sync_begin (CpodSync *sync)
{
  sync->result = NULL;
  sync->context = g_main_context_new ();
  g_main_context_push_thread_default (sync->context);
}

void
cpod_sync_done (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  CpodSync *sync = user_data;

  sync->result = g_object_ref (result);
}

GAsyncResult *
cpod_sync_wait (CpodSync *sync)
{
  while (sync->result == NULL)
    g_main_context_iteration (sync->context, TRUE);

  return sync->result;
}

void
cpod_sync_end (CpodSync *sync)
{
  g_main_context_pop_thread_default (sync->context);
  g_clear_object (&sync->result);
  g_clear_pointer (&sync->context, g_main_context_unref);
}

static GDBusCallFlags
call_flags (CpodClient *self)
{
  return self->interactive ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION : G_DBUS_CALL_FLAGS_NONE;
}

/* No call has a time limit here: how long one may take is the service's to say, and a cancellable ends it. */
void
cpod_call (CpodClient          *self,
           const char          *path,
           const char          *interface,
           const char          *method,
           GVariant            *parameters,
           GUnixFDList         *fd_list,
           GCancellable        *cancellable,
           GAsyncReadyCallback  callback,
           gpointer             user_data)
{
  g_dbus_connection_call_with_unix_fd_list (self->connection, cpod_client_get_bus_name (self), path, interface,
                                            method, parameters, NULL, call_flags (self), G_MAXINT,
                                            fd_list, cancellable, callback, user_data);
}

/* Takes FAILURE, whose message goes on without its D-Bus name. */
static GVariant *
give_reply (GVariant  *reply,
            GError    *failure,
            GError   **error)
{
  if (failure != NULL)
    {
      g_dbus_error_strip_remote_error (failure);
      g_propagate_error (error, failure);
    }

  return reply;
}

GVariant *
cpod_call_finish (GObject       *connection,
                  GAsyncResult  *result,
                  GUnixFDList  **fd_list,
                  GError       **error)
{
  GError *failure = NULL;
  GVariant *reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (connection), fd_list,
                                                                     result, &failure);

  return give_reply (reply, failure, error);
}

GVariant *
cpod_call_sync (CpodClient    *self,
                const char    *path,
                const char    *interface,
                const char    *method,
                GVariant      *parameters,
                GUnixFDList  **fd_list,
                GCancellable  *cancellable,
                GError       **error)
{
  GError *failure = NULL;
  GVariant *reply = g_dbus_connection_call_with_unix_fd_list_sync (self->connection, cpod_client_get_bus_name (self),
                                                                   path, interface, method, parameters, NULL,
                                                                   call_flags (self), G_MAXINT, NULL, fd_list,
                                                                   cancellable, &failure);

  return give_reply (reply, failure, error);
}

/* Gives the one descriptor that a reply of signature (h) carries, or -1 with ERROR set. */
int
cpod_call_take_fd (GVariant     *reply,
                   GUnixFDList  *fd_list,
                   GError      **error)
{
  int index;

  if (!g_variant_is_of_type (reply, G_VARIANT_TYPE ("(h)")) || fd_list == NULL)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the service's reply carries no descriptor");
      return -1;
    }

  g_variant_get (reply, "(h)", &index);
  return g_unix_fd_list_get (fd_list, index, error);
}

/* Options are given by callers as a{sv}, or as nothing at all. */
GVariant *
cpod_call_options (GVariant *options)
{
  return options != NULL ? options : g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0);
}

/* The same, with the client's namespace where they do not name one. */
GVariant *
cpod_call_scope (CpodClient *self,
                 GVariant   *options)
{
  g_autoptr(GVariant) given = g_variant_ref_sink (cpod_call_options (options));
  GVariantDict dict;

  g_variant_dict_init (&dict, given);
  if (self->name_space != NULL && !g_variant_dict_contains (&dict, "namespace"))
    g_variant_dict_insert (&dict, "namespace", "s", self->name_space);

  return g_variant_dict_end (&dict);
}
