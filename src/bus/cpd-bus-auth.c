/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-auth.h"

#include <unistd.h>

#include "bus/cpd-bus-policy.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

/* A call on its way to being authorized. */
typedef struct
{
  CpdBusCall *call;             /* (unowned) */
  GPtrArray *questions;         /* (owned) (element-type CpdBusQuestion) */
  guint next;
  CpdGrant *grant;              /* (owned) (nullable) */
  GError *failure;              /* (owned) (nullable): to be told to who may read */
} Asking;

/*
 * The policy stands as an annotation in the interface files, where clients
 * see it too. A method without one was forgotten, and is refused.
 */
const char *
cpd_bus_auth_get_action (const GDBusMethodInfo *method, GError **error)
{
  const char *action = g_dbus_annotation_info_lookup (method->annotations, CPOD_ANNOTATION_ACTION);

  if (action == NULL || *action == '\0')
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
                 "method %s carries no action", method->name);
  return action != NULL && *action != '\0' ? action : NULL;
}

/*
 * Root, and whoever the service itself runs as, could do all of it without the
 * service; who can talk to a private peer started it. polkit answers nobody
 * but root about others, so a user's own service has nobody to ask.
 */
CpdBusAuth
cpd_bus_auth_check (const GDBusMethodInfo *method, const CpdBusPeer *peer, GError **error)
{
  const char *action = cpd_bus_auth_get_action (method, error);
  guint32 uid = cpd_bus_peer_get_uid (peer);

  if (action == NULL)
    return CPD_BUS_AUTH_REFUSED;
  if (uid == 0 || uid == (guint32) geteuid ())
    return CPD_BUS_AUTH_GRANTED;
  if (geteuid () == 0 && !cpd_bus_peer_is_private (peer))
    return CPD_BUS_AUTH_ASK;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
               "user %u is not authorized for %s: only user %u is served here", uid, action, (guint) geteuid ());
  return CPD_BUS_AUTH_REFUSED;
}

static void
asking_free (Asking *asking)
{
  g_clear_pointer (&asking->questions, g_ptr_array_unref);
  g_clear_pointer (&asking->grant, cpd_grant_free);
  g_clear_error (&asking->failure);
  g_free (asking);
}

/* In a thread. Whether there is something of a name is for those to know who may read. */
static void
plan (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Asking *asking = task_data;

  asking->questions = cpd_bus_policy_plan (asking->call, &asking->grant, &asking->failure);
  if (asking->questions == NULL)
    asking->questions = cpd_bus_policy_plan_read (asking->call);
  g_task_return_boolean (task, TRUE);
}

static void ask_next (GTask *task);

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  GError *error = NULL;

  Asking *asking = g_task_get_task_data (task);
  CpdBusQuestion *question = asking->questions->pdata[asking->next - 1];
  gboolean granted = cpd_bus_polkit_ask_finish (result, &error);

  if (question->optional)
    asking->grant->secrets = granted;
  if (granted || (question->optional && !g_error_matches (error, CPOD_ERROR, CPOD_ERROR_CANCELLED)))
    {
      g_clear_error (&error);
      ask_next (task);
      return;
    }
  g_task_return_error (task, error);
  g_object_unref (task);
}

static void
ask_next (GTask *task)
{
  Asking *asking = g_task_get_task_data (task);
  CpdBusService *service = cpd_bus_call_get_service (asking->call);

  if (asking->next < asking->questions->len)
    {
      CpdBusQuestion *question = asking->questions->pdata[asking->next++];

      cpd_bus_polkit_ask (cpd_bus_service_get_connection (service), cpd_bus_call_get_peer (asking->call), question,
                          !question->optional && cpd_bus_call_is_interactive (asking->call), on_answer, task);
      return;
    }
  if (asking->failure != NULL)
    g_task_return_error (task, g_steal_pointer (&asking->failure));
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_planned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ask_next (user_data);
}

void
cpd_bus_auth_ask (CpdBusCall *call, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  g_autoptr(GTask) planning = g_task_new (NULL, NULL, on_planned, task);
  Asking *asking = g_new0 (Asking, 1);

  asking->call = call;
  g_task_set_task_data (task, asking, (GDestroyNotify) asking_free);
  g_task_set_task_data (planning, asking, NULL);
  g_task_run_in_thread (planning, plan);
}

gboolean
cpd_bus_auth_ask_finish (GAsyncResult *result, CpdGrant **grant, GError **error)
{
  Asking *asking = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  *grant = g_steal_pointer (&asking->grant);
  return TRUE;
}
