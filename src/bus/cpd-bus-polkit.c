/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-polkit.h"

#include "public/cpod-error.h"

#define POLKIT "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

/* How long polkit itself may take once it runs, and how long a person may. */
#define ANSWER_MS (10 * 1000)
#define PROMPT_MS (5 * 60 * 1000)

/* How long it is not looked for again when it is not there and the bus cannot start it: many calls may come meanwhile. */
#define ABSENT_US (100 * 1000)

/* How many prompts a user can have open at a time. */
#define PROMPTS_MAX 8

#define ALLOW_USER_INTERACTION 1

typedef struct
{
  GDBusConnection *connection;  /* (owned) */
  CpdBusPeer *peer;             /* (owned) */
  const CpdBusQuestion *question; /* (unowned) */
  gboolean interactive;
  char *prompt;                 /* (owned) (nullable): by which an open prompt can be taken back */
  gboolean started;             /* the bus was asked to start polkit */
} Ask;

/* Since when polkit is not there, and why; NULL when it may be. Main thread only. */
static gint64 absent_since;
static GError *absence;

CpdBusQuestion *
cpd_bus_question_new (const char *action, GVariant *details)
{
  CpdBusQuestion *question = g_new0 (CpdBusQuestion, 1);

  question->action = g_strdup (action);
  question->details = g_variant_ref_sink (details);
  return question;
}

void
cpd_bus_question_free (CpdBusQuestion *question)
{
  g_free (question->action);
  g_variant_unref (question->details);
  g_free (question);
}

static void
ask_free (Ask *ask)
{
  if (ask->prompt != NULL)
    cpd_bus_peer_add_prompts (ask->peer, -1);
  g_free (ask->prompt);
  cpd_bus_peer_unref (ask->peer);
  g_object_unref (ask->connection);
  g_free (ask);
}

static void
refuse (GTask *task, int code, const char *why)
{
  Ask *ask = g_task_get_task_data (task);

  g_task_return_new_error (task, CPOD_ERROR, code, "user %u is not authorized for %s: %s",
                           cpd_bus_peer_get_uid (ask->peer), ask->question->action, why);
}

/* Nobody waits for the answer: polkit may be stopped. */
static void
take_back (Ask *ask)
{
  if (ask->prompt != NULL)
    g_dbus_connection_call (ask->connection, POLKIT, POLKIT_PATH, POLKIT_INTERFACE, "CancelCheckAuthorization",
                            g_variant_new ("(s)", ask->prompt), NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1,
                            NULL, NULL, NULL);
}

/* polkit gave no answer. */
static void
return_failure (GTask *task, const GError *failure)
{
  Ask *ask = g_task_get_task_data (task);
  g_autofree char *why = NULL;

  if (g_cancellable_is_cancelled (cpd_bus_peer_get_cancellable (ask->peer)))
    {
      take_back (ask);
      g_task_return_new_error (task, CPOD_ERROR, CPOD_ERROR_CANCELLED, "the caller has left");
      return;
    }
  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    {
      take_back (ask);
      refuse (task, CPOD_ERROR_NOT_AUTHORIZED,
              ask->prompt != NULL ? "nobody answered the prompt" : "polkit does not answer, and so only root is served");
      return;
    }
  why = g_strdup_printf ("polkit cannot be asked, and so only root is served: %s", failure->message);
  refuse (task, CPOD_ERROR_NOT_AUTHORIZED, why);
}

static void on_answer (GObject *source, GAsyncResult *result, gpointer user_data);

/* Does not have it started: that has a time of its own. */
static void
send (GTask *task)
{
  Ask *ask = g_task_get_task_data (task);
  GVariantBuilder subject = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (&subject, "{sv}", "name", g_variant_new_string (cpd_bus_peer_get_sender (ask->peer)));
  g_dbus_connection_call (ask->connection, POLKIT, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization",
                          g_variant_new ("((sa{sv})s@a{ss}us)", "system-bus-name", &subject,
                                         ask->question->action, ask->question->details,
                                         ask->prompt != NULL ? ALLOW_USER_INTERACTION : 0,
                                         ask->prompt != NULL ? ask->prompt : ""),
                          G_VARIANT_TYPE ("((bba{ss}))"), G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          ask->prompt != NULL ? PROMPT_MS : ANSWER_MS,
                          cpd_bus_peer_get_cancellable (ask->peer), on_answer, task);
}

/* Also that it was started, but has ended without an answer to the bus. */
static void
note_absence (const GError *failure)
{
  if (!g_dbus_error_is_remote_error (failure))
    return;                     /* the caller has left */
  absent_since = g_get_monotonic_time ();
  g_clear_error (&absence);
  absence = g_error_copy (failure);
  g_dbus_error_strip_remote_error (absence);
}

static gboolean
is_known_absent (void)
{
  return absence != NULL && g_get_monotonic_time () - absent_since < ABSENT_US;
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  g_autoptr(GError) failure = NULL;
  g_autoptr(GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &failure);

  if (reply != NULL)
    {
      send (task);
      return;
    }
  note_absence (failure);
  g_dbus_error_strip_remote_error (failure);
  return_failure (task, failure);
  g_object_unref (task);
}

/* Right after a boot this can take longer than any answer of it. The bus has a limit for it, and tells of that. */
static void
start_polkit (GTask *task)
{
  Ask *ask = g_task_get_task_data (task);

  ask->started = TRUE;
  g_dbus_connection_call (ask->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                          "StartServiceByName", g_variant_new ("(su)", POLKIT, 0), G_VARIANT_TYPE ("(u)"),
                          G_DBUS_CALL_FLAGS_NONE, G_MAXINT, cpd_bus_peer_get_cancellable (ask->peer), on_started, task);
}

static gboolean
is_absent (const GError *failure)
{
  return g_error_matches (failure, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER)
         || g_error_matches (failure, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN);
}

/* polkit has answered at once that only a prompt can tell, so it works; from now on a person is waited for. */
static void
begin_prompt (GTask *task)
{
  static guint64 last_prompt;
  Ask *ask = g_task_get_task_data (task);

  if (!ask->interactive)
    {
      refuse (task, CPOD_ERROR_INTERACTION_REQUIRED,
              "somebody has to authenticate for it, and the call does not allow a prompt");
      g_object_unref (task);
      return;
    }
  if (cpd_bus_peer_count_prompts (ask->peer) >= PROMPTS_MAX)
    {
      refuse (task, CPOD_ERROR_LIMITS_EXCEEDED, "too many prompts are open");
      g_object_unref (task);
      return;
    }
  ask->prompt = g_strdup_printf ("cpod-%" G_GUINT64_FORMAT, ++last_prompt);
  cpd_bus_peer_add_prompts (ask->peer, 1);
  send (task);
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Ask *ask = g_task_get_task_data (task);
  g_autoptr(GError) failure = NULL;
  g_autoptr(GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &failure);
  g_autoptr(GVariant) details = NULL;
  gboolean authorized, challenge;

  if (reply == NULL && !ask->started && is_absent (failure))
    {
      start_polkit (task);
      return;
    }
  if (reply == NULL)
    {
      g_dbus_error_strip_remote_error (failure);
      return_failure (task, failure);
      g_object_unref (task);
      return;
    }
  g_variant_get (reply, "((bb@a{ss}))", &authorized, &challenge, &details);
  if (!authorized && challenge && ask->prompt == NULL)
    {
      begin_prompt (task);
      return;
    }
  if (authorized)
    g_task_return_boolean (task, TRUE);
  else if (challenge)
    refuse (task, CPOD_ERROR_INTERACTION_REQUIRED, "there is no authentication agent to ask with");
  else if (ask->prompt == NULL)
    refuse (task, CPOD_ERROR_NOT_AUTHORIZED, "the policy forbids it");
  else
    refuse (task, CPOD_ERROR_NOT_AUTHORIZED,
            g_variant_lookup (details, "polkit.dismissed", "&s", NULL) ? "the prompt was dismissed"
                                                                       : "nobody has authenticated for it");
  g_object_unref (task);
}

void
cpd_bus_polkit_ask (GDBusConnection *connection, CpdBusPeer *peer, const CpdBusQuestion *question,
                    gboolean interactive, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  Ask *ask = g_new0 (Ask, 1);

  ask->connection = g_object_ref (connection);
  ask->peer = cpd_bus_peer_ref (peer);
  ask->question = question;
  ask->interactive = interactive;
  g_task_set_task_data (task, ask, (GDestroyNotify) ask_free);
  if (is_known_absent ())
    {
      return_failure (task, absence);
      g_object_unref (task);
      return;
    }
  send (task);
}

gboolean
cpd_bus_polkit_ask_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
