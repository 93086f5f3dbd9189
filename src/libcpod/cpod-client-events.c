/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/* As many events as one reply of GetEvents has. */
#define PAGE 1000
#define FIRST_DELAY 1
#define LONGEST_DELAY 30

/* Who follows the events of a client. Signals are quick, the record is complete: what one signal is behind the one
 * before tells whether the record must be asked. */
struct _CpodFollower
{
  CpodClient *client;           /* (unowned) (nullable): NULL once this has been stopped */
  GCancellable *cancellable;
  guint subscription;
  guint watch;
  GSource *retry;               /* (nullable) */
  guint delay;                  /* seconds until the next try */
  guint64 last;                 /* has been told */
  guint64 heard;                /* of which a signal has come */
  gboolean present;             /* the service, on its bus */
  gboolean asking;
};

static CpodFollower *
follower_ref (CpodFollower *follower)
{
  return g_rc_box_acquire (follower);
}

static void
follower_clear (CpodFollower *follower)
{
  g_clear_object (&follower->cancellable);
}

static void
follower_unref (CpodFollower *follower)
{
  g_rc_box_release_full (follower, (GDestroyNotify) follower_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpodFollower, follower_unref)

static void ask (CpodFollower *follower);

static void
forget_retry (CpodFollower *follower)
{
  if (follower->retry != NULL)
    g_source_destroy (follower->retry);
  g_clear_pointer (&follower->retry, g_source_unref);
}

void
cpod_follower_stop (CpodFollower *follower)
{
  CpodClient *client = g_steal_pointer (&follower->client);

  g_cancellable_cancel (follower->cancellable);
  if (client != NULL && follower->subscription != 0)
    g_dbus_connection_signal_unsubscribe (client->connection, follower->subscription);
  g_clear_handle_id (&follower->watch, g_bus_unwatch_name);
  forget_retry (follower);
  follower_unref (follower);
}

static void
tell_row (CpodFollower *follower,
          GVariant     *row)
{
  g_autoptr(GVariant) attributes = NULL;
  const char *type = "", *status = "", *id = "", *name = "";
  guint64 seq = 0, time = 0;

  g_variant_lookup (row, "seq", "t", &seq);
  if (seq <= follower->last || follower->client == NULL)
    return;

  g_variant_lookup (row, "time", "t", &time);
  g_variant_lookup (row, "type", "&s", &type);
  g_variant_lookup (row, "status", "&s", &status);
  g_variant_lookup (row, "id", "&s", &id);
  g_variant_lookup (row, "name", "&s", &name);
  g_variant_lookup (row, "attributes", "@a{sv}", &attributes);
  follower->last = seq;
  cpod_client_tell_event (follower->client, seq, time, type, status, id, name, attributes);
}

static gboolean
try_again (gpointer user_data)
{
  CpodFollower *follower = user_data;

  forget_retry (follower);
  ask (follower);
  return G_SOURCE_REMOVE;
}

/* If the service is away, its coming back is the time to try again. */
static void
ask_later (CpodFollower *follower)
{
  if (!follower->present || follower->client == NULL || follower->retry != NULL)
    return;

  follower->retry = g_timeout_source_new_seconds (follower->delay);
  g_source_set_callback (follower->retry, try_again, follower, NULL);
  g_source_attach (follower->retry, g_main_context_get_thread_default ());
  follower->delay = MIN (follower->delay * 2, LONGEST_DELAY);
}

static void
tell_rows (CpodFollower *follower,
           GVariant     *reply)
{
  g_autoptr(CpodClient) client = g_object_ref (follower->client);
  g_autoptr(GVariant) rows = NULL;
  const guint64 before = follower->last;
  guint64 last;
  gboolean gap;
  gsize n_rows;

  g_variant_get (reply, "(@aa{sv}tb)", &rows, &last, &gap);
  n_rows = g_variant_n_children (rows);
  follower->delay = FIRST_DELAY;
  if (gap)
    cpod_client_tell_lost (client, follower->last);
  for (gsize i = 0; i < n_rows; i++)
    {
      g_autoptr(GVariant) row = g_variant_get_child_value (rows, i);

      tell_row (follower, row);
    }

  follower->last = MAX (follower->last, last);
  if (follower->last == before)
    follower->heard = before;   /* the record knows nothing of it */
  if (n_rows == PAGE || follower->heard > follower->last)
    ask (follower);
}

static void
events_ready (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr(CpodFollower) follower = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (follower->client == NULL)
    return;

  follower->asking = FALSE;
  if (reply != NULL)
    tell_rows (follower, reply);
  else
    ask_later (follower);
}

/* Never starts the service: who follows must not keep it from being ended. */
static void
ask (CpodFollower *follower)
{
  if (follower->client == NULL || follower->asking || !follower->present)
    return;

  follower->asking = TRUE;
  g_dbus_connection_call (follower->client->connection, cpod_client_get_bus_name (follower->client), CPOD_PATH_RUNTIME,
                          CPOD_INTERFACE_RUNTIME, "GetEvents",
                          g_variant_new ("(t@a{sv})", follower->last, cpod_call_options (NULL)),
                          G_VARIANT_TYPE ("(aa{sv}tb)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, G_MAXINT,
                          follower->cancellable, events_ready, follower_ref (follower));
}

static void
on_signal (GDBusConnection *connection,
           const char      *sender,
           const char      *path,
           const char      *interface,
           const char      *signal,
           GVariant        *parameters,
           gpointer         user_data)
{
  g_autoptr(CpodFollower) follower = follower_ref (user_data);
  g_autoptr(GVariant) attributes = NULL;
  const char *type, *status, *id, *name;
  guint64 seq, time;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(ttssssa{sv})")))
    return;

  g_variant_get (parameters, "(tt&s&s&s&s@a{sv})", &seq, &time, &type, &status, &id, &name, &attributes);
  follower->heard = MAX (follower->heard, seq);
  if (follower->asking || seq <= follower->last)
    return;

  if (seq > follower->last + 1)
    {
      ask (follower);
      return;
    }

  follower->last = seq;
  cpod_client_tell_event (follower->client, seq, time, type, status, id, name, attributes);
}

static void
on_appeared (GDBusConnection *connection,
             const char      *name,
             const char      *owner,
             gpointer         user_data)
{
  CpodFollower *follower = user_data;

  follower->present = TRUE;
  follower->delay = FIRST_DELAY;
  ask (follower);
}

static void
on_vanished (GDBusConnection *connection,
             const char      *name,
             gpointer         user_data)
{
  CpodFollower *follower = user_data;

  follower->present = FALSE;
}

static CpodFollower *
follower_start (CpodClient *self)
{
  CpodFollower *follower = g_rc_box_new0 (CpodFollower);

  follower->client = self;
  follower->cancellable = g_cancellable_new ();
  follower->delay = FIRST_DELAY;
  follower->asking = TRUE;      /* until it is known where to begin */
  follower->present = TRUE;
  if (g_dbus_connection_is_closed (self->connection))
    return follower;

  follower->subscription = g_dbus_connection_signal_subscribe (self->connection, cpod_client_get_bus_name (self),
                                                               CPOD_INTERFACE_RUNTIME, "Event", CPOD_PATH_RUNTIME, NULL,
                                                               G_DBUS_SIGNAL_FLAGS_NONE, on_signal, follower, NULL);
  return follower;
}

/* What all of the record is older than: the reply has no events, and the number of the newest. */
static GVariant *
question_for_newest (void)
{
  GVariantBuilder options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (&options, "{sv}", "until-time", g_variant_new_uint64 (1));
  return g_variant_new ("(t@a{sv})", (guint64) 0, g_variant_builder_end (&options));
}

static void
begin_at (CpodFollower *follower,
          guint64       since,
          GVariant     *reply)
{
  CpodClient *self = follower->client;

  g_variant_get_child (reply, 1, "t", &follower->last);
  if (since != CPOD_EVENTS_FROM_NOW)
    follower->last = since;

  follower->asking = FALSE;
  ask (follower);
  if (cpod_client_get_bus_name (self) != NULL)
    follower->watch = g_bus_watch_name_on_connection (self->connection, CPOD_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                      on_appeared, on_vanished, follower, NULL);
}

/**
 * cpod_client_follow_events_sync:
 * @self: a client
 * @since: number of the last event that is known already; 0 for all that are
 *   on record, %CPOD_EVENTS_FROM_NOW for none of them
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Lets #CpodClient::event tell of each event after @since, once and in order,
 * from the main loop of the caller's thread-default context. What happened
 * while the connection was busy, or while the service was away, is got from
 * its record. A service that has ended is not started for this: the events go
 * on when somebody else starts it.
 *
 * Calling this again begins anew.
 *
 * Returns: whether the events are followed
 *
 * Since: 0.1
 */
gboolean
cpod_client_follow_events_sync (CpodClient    *self,
                                guint64        since,
                                GCancellable  *cancellable,
                                GError       **error)
{
  g_autoptr(GVariant) reply = NULL;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), FALSE);

  cpod_client_unfollow_events (self);
  self->follower = follower_start (self);
  reply = cpod_call_sync (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_RUNTIME, "GetEvents", question_for_newest (), NULL,
                          cancellable, error);
  if (reply == NULL)
    {
      cpod_client_unfollow_events (self);
      g_prefix_error (error, "failed to follow events: ");
      return FALSE;
    }

  begin_at (self->follower, since, reply);
  return TRUE;
}

typedef struct
{
  CpodFollower *follower;       /* (owned) */
  guint64 since;
} FollowState;

static void
follow_state_free (FollowState *state)
{
  follower_unref (state->follower);
  g_free (state);
}

static void
newest_ready (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  CpodClient *self = g_task_get_source_object (task);
  FollowState *state = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);

  if (reply == NULL)
    {
      if (self->follower == state->follower)
        cpod_client_unfollow_events (self);
      g_prefix_error (&error, "failed to follow events: ");
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  /* It may have been stopped meanwhile. */
  if (state->follower->client != NULL)
    begin_at (state->follower, state->since, reply);
  g_task_return_boolean (task, TRUE);
}

/**
 * cpod_client_follow_events:
 * @self: a client
 * @since: number of the last event that is known already; 0 for all that are
 *   on record, %CPOD_EVENTS_FROM_NOW for none of them
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Lets #CpodClient::event tell of each event, as
 * cpod_client_follow_events_sync() does.
 *
 * Since: 0.1
 */
void
cpod_client_follow_events (CpodClient          *self,
                           guint64              since,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  FollowState *state;
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));

  cpod_client_unfollow_events (self);
  self->follower = follower_start (self);
  state = g_new0 (FollowState, 1);
  state->follower = follower_ref (self->follower);
  state->since = since;
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_client_follow_events);
  g_task_set_task_data (task, state, (GDestroyNotify) follow_state_free);
  cpod_call (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_RUNTIME, "GetEvents", question_for_newest (), NULL, cancellable,
             newest_ready, task);
}

/**
 * cpod_client_follow_events_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_follow_events() began.
 *
 * Returns: whether the events are followed
 *
 * Since: 0.1
 */
gboolean
cpod_client_follow_events_finish (CpodClient    *self,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * cpod_client_unfollow_events:
 * @self: a client
 *
 * Ends what cpod_client_follow_events() began: #CpodClient::event is silent
 * from now on.
 *
 * Since: 0.1
 */
void
cpod_client_unfollow_events (CpodClient *self)
{
  g_return_if_fail (CPOD_IS_CLIENT (self));

  g_clear_pointer (&self->follower, cpod_follower_stop);
}
