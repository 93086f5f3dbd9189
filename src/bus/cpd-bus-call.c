/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-call.h"

#include <gio/gunixfdlist.h>
#include <string.h>

#include "bus/cpd-bus-auth.h"
#include "bus/cpd-bus-bounds.h"
#include "bus/cpd-bus-errors.h"
#include "common/cpd-fs.h"
#include "common/cpd-quota.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

#define MAX_THREADS 64
#define MAX_READERS 16

/* How many bytes the arguments may take of all calls of a user that were not answered yet: some times those of the
 * largest call, or those of some thousand usual ones. */
#define MAX_ROOM (16 << 20)

struct _CpdBusCalls
{
  CpdBusService *service;       /* (unowned) */
  GThreadPool *pool;            /* (owned): the service's own; GIO's is ten threads for the whole process */
  GThreadPool *readers;         /* (owned): of its own, so that nobody who only looks waits for those who change */
  CpdQuota *quota;              /* (owned): calls of each caller */
  CpdQuota *room;               /* (owned): bytes of the calls of each user */
  GQueue parked;                /* of CpdBusCall, waiting for the gate */
  gboolean open;
  gint stopped;                 /* atomic */
  CpdBusCall *last;             /* (unowned) (nullable): the one that ends the service */
  gboolean last_done;           /* it only waits for the others */
  guint count;
};

struct _CpdBusCall
{
  CpdBusCalls *calls;                   /* (unowned) */
  GDBusMethodInvocation *invocation;    /* (owned): until the reply takes it */
  const CpdBusMethod *method;
  char *object;                         /* (owned) (nullable) */
  CpdBusPeer *peer;                     /* (owned) (nullable): NULL until it is authorized */
  char *holder;                         /* (owned) (nullable): whose quota it is part of */
  guint weight;                         /* its part of its user's room */
  CpdCaller caller;
  CpdGrant *grant;                      /* (owned) (nullable) */
  GVariant *options;                    /* (owned) (nullable) */
  GUnixFDList *fds;                     /* (owned) (nullable): go with the reply */
  GVariant *reply;                      /* (owned) (nullable) */
  GError *error;                        /* (owned) (nullable) */
  gint64 begun;
};

static void
call_free (CpdBusCall *call)
{
  g_clear_object (&call->invocation);
  g_clear_pointer (&call->options, g_variant_unref);
  g_clear_pointer (&call->reply, g_variant_unref);
  g_clear_pointer (&call->peer, cpd_bus_peer_unref);
  g_clear_pointer (&call->grant, cpd_grant_free);
  g_clear_object (&call->fds);
  g_clear_error (&call->error);
  g_free (call->holder);
  g_free (call->object);
  g_free (call);
}

/* One line for each change that was asked for, however it ended. */
static void
log_end (CpdBusCall *call)
{
  const char *interface = g_dbus_method_invocation_get_interface_name (call->invocation);
  const char *object = call->object != NULL ? call->object : "";
  g_autofree char *name = call->error != NULL ? cpd_bus_error_get_name (call->error) : NULL;
  g_autofree char *uid = g_strdup_printf ("%u", call->caller.uid);
  g_autofree char *pid = g_strdup_printf ("%u", call->caller.pid);
  g_autofree char *took = g_strdup_printf ("%" G_GINT64_FORMAT, g_get_monotonic_time () - call->begun);

  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO,
                    "CPOD_INTERFACE", interface,
                    "CPOD_METHOD", call->method->name,
                    "CPOD_OBJECT", object,
                    "CPOD_SENDER_UID", uid,
                    "CPOD_SENDER_PID", pid,
                    "CPOD_DURATION_US", took,
                    "CPOD_ERROR", name != NULL ? name : "",
                    "MESSAGE", "%s.%s(%s) by uid %s, pid %s: %s%s%s in %s us",
                    interface, call->method->name, object, uid, pid,
                    name != NULL ? name : "done",
                    name != NULL ? ": " : "",
                    call->error != NULL ? call->error->message : "", took);
}

static void
give_room (CpdBusCall *call)
{
  g_autofree char *user = g_strdup_printf ("%u", call->caller.uid);

  if (call->weight > 0)
    cpd_quota_give_many (call->calls->room, user, call->weight);
}

/* Tells, then replies. The call that ends the service waits for all others. */
static void
finish (CpdBusCall *call)
{
  CpdBusCalls *calls = call->calls;

  if (call == calls->last && !calls->last_done)
    {
      calls->last_done = TRUE;
      cpd_bus_service_notice_idle (calls->service);
      return;
    }
  if (call->error != NULL)
    {
      g_autoptr(GError) cause = g_steal_pointer (&call->error);

      call->error = cpd_bus_error_normalise (cause);
    }
  if (call->method != NULL && call->method->changes && call->peer != NULL)
    {
      cpd_engine_drain_events (cpd_bus_service_get_engine (calls->service));
      log_end (call);
    }

  if (call->error != NULL)
    g_dbus_method_invocation_return_gerror (g_steal_pointer (&call->invocation), call->error);
  else
    g_dbus_method_invocation_return_value_with_unix_fd_list (g_steal_pointer (&call->invocation),
                                                             call->reply, call->fds);
  if (call->holder != NULL)
    cpd_quota_give (calls->quota, call->holder);
  give_room (call);
  call_free (call);
  calls->count--;
  cpd_bus_service_notice_idle (calls->service);
}

void
cpd_bus_call_return (CpdBusCall *call, GVariant *reply, GError *error)
{
  if (error == NULL)
    call->reply = g_variant_ref_sink (reply != NULL ? reply : cpd_bus_call_nothing ());
  else if (reply != NULL)
    g_variant_unref (g_variant_ref_sink (reply));
  call->error = error;
  finish (call);
}

static gboolean
on_worked (gpointer user_data)
{
  finish (user_data);
  return G_SOURCE_REMOVE;
}

/* No call is served any more once the service was told to end. */
static gboolean
check_running (CpdBusCalls *calls, GError **error)
{
  if (!g_atomic_int_get (&calls->stopped))
    return TRUE;
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_RUNTIME_STOPPED, "the service is stopping");
  return FALSE;
}

/* The call that ends the service is not refused, nor does it matter whether its caller stays. */
static void
work_by (CpdBusCall *call, CpdBusWork function, gboolean last)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  /* The caller may have left while the call waited for a thread. */
  if (last
      || (check_running (call->calls, &call->error)
          && !g_cancellable_set_error_if_cancelled (cpd_bus_call_get_cancellable (call), &call->error)))
    {
      GVariant *reply;

      call->caller.unit = cpd_bus_peer_get_unit (call->peer);
      reply = function (call, &call->error);
      if (reply != NULL)
        call->reply = g_variant_ref_sink (reply);
      else if (call->error == NULL)
        call->error = g_error_new (CPOD_ERROR, CPOD_ERROR_FAILED,
                                   "%s gave neither a reply nor an error", call->method->name);
    }
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_worked, call, NULL);
  g_source_attach (source, NULL);
}

/* In a worker thread. */
static void
work (gpointer data, gpointer user_data)
{
  CpdBusCall *call = data;

  work_by (call, call->method->work, FALSE);
}

/* The last call and what is to be done for it. */
typedef struct
{
  CpdBusCall *call;
  CpdBusWork work;
} CpdBusLoner;

static gpointer
run_alone (gpointer data)
{
  g_autofree CpdBusLoner *loner = data;

  work_by (loner->call, loner->work, TRUE);
  return NULL;
}

void
cpd_bus_call_work_last (CpdBusCall *call, CpdBusWork function)
{
  CpdBusLoner *loner = g_new0 (CpdBusLoner, 1);

  loner->call = call;
  loner->work = function;
  g_thread_unref (g_thread_new ("cpd-call", run_alone, loner));
}

/* The call may run now: it is authorized, and the engine's records are right. */
static void
run (CpdBusCall *call)
{
  g_autoptr(GError) error = NULL;
  GError *refusal = NULL;

  if (!check_running (call->calls, &refusal))
    {
      cpd_bus_call_return (call, NULL, refusal);
      return;
    }
  if (call->method->start != NULL)
    {
      call->method->start (call);
      return;
    }

  /* When no further thread is to be had the call waits for one of those that there are. */
  if (!g_thread_pool_push (call->method->changes ? call->calls->pool : call->calls->readers, call, &error))
    g_message ("failed to start a worker thread: %s", error->message);
}

/* The call is authorized. What changes something waits for the recovery. */
static void
admit (CpdBusCall *call)
{
  call->caller.grant = call->grant;
  if (call->method->changes && !call->calls->open)
    g_queue_push_tail (&call->calls->parked, call);
  else
    run (call);
}

static void
on_authorized (GObject *source, GAsyncResult *result, gpointer user_data)
{
  CpdBusCall *call = user_data;
  GError *refusal = NULL;

  if (cpd_bus_auth_ask_finish (result, &call->grant, &refusal))
    admit (call);
  else
    cpd_bus_call_return (call, NULL, refusal);
}

/* A user may have many connections. The only caller on a private one has nobody to leave something for. */
static gboolean
take_room (CpdBusCall *call, GError **error)
{
  g_autofree char *user = g_strdup_printf ("%u", call->caller.uid);
  const guint weight = cpd_bus_bounds_weigh (g_dbus_method_invocation_get_message (call->invocation));

  if (call->holder == NULL)
    return TRUE;
  if (!cpd_quota_take_many (call->calls->room, user, weight, MAX_ROOM))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED,
                   "the arguments of the calls of user %s that have no answer yet would take more than %d bytes",
                   user, MAX_ROOM);
      return FALSE;
    }
  call->weight = weight;
  return TRUE;
}

static void
on_peer (CpdBusPeer *peer, const GError *error, gpointer user_data)
{
  CpdBusCall *call = user_data;
  GError *refusal = NULL;

  if (peer == NULL)
    {
      cpd_bus_call_return (call, NULL, g_error_copy (error));
      return;
    }
  call->peer = cpd_bus_peer_ref (peer);
  call->caller.uid = cpd_bus_peer_get_uid (peer);
  call->caller.pid = cpd_bus_peer_get_pid (peer);
  call->caller.unit = "";
  if (!take_room (call, &refusal))
    {
      cpd_bus_call_return (call, NULL, refusal);
      return;
    }
  switch (cpd_bus_auth_check (cpd_bus_call_get_info (call), peer, &refusal))
    {
    case CPD_BUS_AUTH_GRANTED:
      admit (call);
      break;
    case CPD_BUS_AUTH_ASK:
      cpd_bus_auth_ask (call, on_authorized, call);
      break;
    case CPD_BUS_AUTH_REFUSED:
    default:
      cpd_bus_call_return (call, NULL, refusal);
      break;
    }
}

/* The only caller on a private connection has nobody to leave something for. */
static gboolean
take_share (CpdBusCall *call, GError **error)
{
  const char *sender = g_dbus_method_invocation_get_sender (call->invocation);
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (cpd_bus_call_get_engine (call));
  const gint64 max = cpd_config_get_int (config, CPD_KEY_CALLER_CALLS_MAX);

  if (sender == NULL)
    return TRUE;
  if (!cpd_quota_take (call->calls->quota, sender, max))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED,
                   "the caller has %" G_GINT64_FORMAT " calls without an answer already (caller_calls_max)", max);
      return FALSE;
    }
  call->holder = g_strdup (sender);
  return TRUE;
}

/* The options are the last argument of every method. */
static gboolean
check_call (CpdBusCall *call, GError **error)
{
  GVariant *parameters = g_dbus_method_invocation_get_parameters (call->invocation);
  gsize n = g_variant_n_children (parameters);

  if (!check_running (call->calls, error) || !take_share (call, error))
    return FALSE;
  if (call->method == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "method %s is not there",
                   g_dbus_method_invocation_get_method_name (call->invocation));
      return FALSE;
    }
  call->options = g_variant_get_child_value (parameters, n - 1);
  return cpd_bus_options_check (call->method->options, call->options, error);
}

void
cpd_bus_call_begin (CpdBusService *service, GDBusMethodInvocation *invocation,
                    const CpdBusMethod *method, const char *object)
{
  CpdBusCalls *calls = cpd_bus_service_get_calls (service);
  CpdBusCall *call = g_new0 (CpdBusCall, 1);
  GError *error = NULL;

  call->calls = calls;
  call->invocation = invocation;
  call->method = method;
  call->object = g_strdup (object);
  call->begun = g_get_monotonic_time ();
  calls->count++;

  if (!check_call (call, &error))
    {
      cpd_bus_call_return (call, NULL, error);
      return;
    }
  cpd_bus_peers_get (cpd_bus_service_get_peers (service),
                     g_dbus_method_invocation_get_sender (invocation), on_peer, call);
}

void
cpd_bus_call_answer (GDBusMethodInvocation *invocation, GVariant *reply)
{
  g_dbus_method_invocation_return_value (invocation, reply);
}

CpdBusCalls *
cpd_bus_calls_new (CpdBusService *service)
{
  CpdBusCalls *calls = g_new0 (CpdBusCalls, 1);

  calls->service = service;
  calls->pool = g_thread_pool_new (work, NULL, MAX_THREADS, FALSE, NULL);
  calls->readers = g_thread_pool_new (work, NULL, MAX_READERS, FALSE, NULL);
  calls->quota = cpd_quota_new ();
  calls->room = cpd_quota_new ();
  g_queue_init (&calls->parked);
  return calls;
}

void
cpd_bus_calls_free (CpdBusCalls *calls)
{
  if (calls == NULL)
    return;
  g_thread_pool_free (calls->pool, TRUE, TRUE);
  g_thread_pool_free (calls->readers, TRUE, TRUE);
  cpd_quota_free (calls->quota);
  cpd_quota_free (calls->room);
  g_queue_clear (&calls->parked);
  g_free (calls);
}

/* The recovery is over: what waited for it may run. */
void
cpd_bus_calls_open (CpdBusCalls *calls)
{
  CpdBusCall *call;

  calls->open = TRUE;
  while ((call = g_queue_pop_head (&calls->parked)) != NULL)
    run (call);
}

/* No call begins any more; those that run end by themselves. */
void
cpd_bus_calls_stop (CpdBusCalls *calls)
{
  g_atomic_int_set (&calls->stopped, TRUE);
  cpd_bus_calls_open (calls);
}

/* Answers the call that ends the service, if it has only waited for the others. */
void
cpd_bus_calls_answer_last (CpdBusCalls *calls)
{
  if (!calls->last_done)
    return;
  calls->last_done = FALSE;
  finish (g_steal_pointer (&calls->last));
}

void
cpd_bus_call_end_service (CpdBusCall *call)
{
  call->calls->last = call;
  cpd_bus_service_quit (call->calls->service);
}

gboolean
cpd_bus_calls_last_works (CpdBusCalls *calls)
{
  return calls->last != NULL && !calls->last_done;
}

guint
cpd_bus_calls_count (CpdBusCalls *calls)
{
  return calls->count;
}

CpdBusService *
cpd_bus_call_get_service (CpdBusCall *call)
{
  return call->calls->service;
}

CpdEngine *
cpd_bus_call_get_engine (CpdBusCall *call)
{
  return cpd_bus_service_get_engine (call->calls->service);
}

const char *
cpd_bus_call_get_object (CpdBusCall *call)
{
  return call->object;
}

const GDBusMethodInfo *
cpd_bus_call_get_info (CpdBusCall *call)
{
  return g_dbus_method_invocation_get_method_info (call->invocation);
}

GVariant *
cpd_bus_call_get_parameters (CpdBusCall *call)
{
  return g_dbus_method_invocation_get_parameters (call->invocation);
}

const CpdBusMethod *
cpd_bus_call_get_method (CpdBusCall *call)
{
  return call->method;
}

GDBusMessage *
cpd_bus_call_get_message (CpdBusCall *call)
{
  return g_dbus_method_invocation_get_message (call->invocation);
}

/* Without the name of the service before it. */
const char *
cpd_bus_call_get_interface (CpdBusCall *call)
{
  return g_dbus_method_invocation_get_interface_name (call->invocation) + strlen (CPOD_BUS_NAME ".");
}

const char *
cpd_bus_call_get_action (CpdBusCall *call)
{
  return cpd_bus_auth_get_action (cpd_bus_call_get_info (call), NULL);
}

gboolean
cpd_bus_call_is_interactive (CpdBusCall *call)
{
  return (g_dbus_message_get_flags (cpd_bus_call_get_message (call)) & G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION) != 0;
}

CpdBusPeer *
cpd_bus_call_get_peer (CpdBusCall *call)
{
  return call->peer;
}

const CpdCaller *
cpd_bus_call_get_caller (CpdBusCall *call)
{
  return &call->caller;
}

GCancellable *
cpd_bus_call_get_cancellable (CpdBusCall *call)
{
  return cpd_bus_peer_get_cancellable (call->peer);
}

GVariant *
cpd_bus_call_get_options (CpdBusCall *call)
{
  return call->options;
}

GVariant *
cpd_bus_call_nothing (void)
{
  return g_variant_new_tuple (NULL, 0);
}

GVariant *
cpd_bus_call_reply_fd (CpdBusCall *call, int fd, GError **error)
{
  cpd_autofd int owned = fd;
  g_autoptr(GError) cause = NULL;
  int handle;

  if (owned < 0)
    return NULL;
  call->fds = g_unix_fd_list_new ();
  handle = g_unix_fd_list_append (call->fds, owned, &cause);
  if (handle < 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED,
                   "failed to pass the descriptor on: %s", cause->message);
      return NULL;
    }
  return g_variant_new ("(h)", handle);
}
