/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/* What a job needs until it ends. */
typedef struct
{
  CpodProgressCallback progress;
  gpointer progress_data;
  GDestroyNotify progress_destroy;
  guint64 done;                 /* as they were last told: only what changes is */
  guint64 total;
  char *path;
  guint subscription;
  GDBusConnection *connection;
  GCancellable *cancellable;    /* (nullable) */
  gulong cancelled_id;
} JobState;

static void
job_state_free (JobState *state)
{
  if (state->subscription != 0)
    g_dbus_connection_signal_unsubscribe (state->connection, state->subscription);
  if (state->progress_destroy != NULL)
    state->progress_destroy (state->progress_data);

  g_clear_object (&state->cancellable);
  g_clear_object (&state->connection);
  g_free (state->path);
  g_free (state);
}

/* Where the job will be: the token is ours, and the sender's part follows from our name on the bus. */
static char *
make_job_path (CpodClient *self,
               const char *token)
{
  const char *unique_name = g_dbus_connection_get_unique_name (self->connection);
  g_autofree char *sender = g_strdup (unique_name != NULL ? unique_name + 1 : "peer");

  g_strdelimit (sender, ".", '_');
  return g_strconcat (CPOD_PATH_JOBS "/", sender, "/", token, NULL);
}

static void
job_changed (GDBusConnection *connection,
             const char      *sender_name,
             const char      *object_path,
             const char      *interface_name,
             const char      *signal_name,
             GVariant        *parameters,
             gpointer         user_data)
{
  JobState *state = user_data;
  g_autoptr(GVariant) changed = NULL;
  gboolean news;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;

  changed = g_variant_get_child_value (parameters, 1);
  news = g_variant_lookup (changed, "BytesDone", "t", &state->done);
  news = g_variant_lookup (changed, "BytesTotal", "t", &state->total) || news;
  if (news)
    state->progress (state->done, state->total, state->progress_data);
}

/* The job is told; its own answer, "cancelled" or just in time, comes from Wait. */
static void
cancel_job (GCancellable *cancellable,
            gpointer      user_data)
{
  GTask *task = user_data;
  JobState *state = g_task_get_task_data (task);

  cpod_call (g_task_get_source_object (task), state->path, CPOD_INTERFACE_JOB, "Cancel",
             g_variant_new ("(@a{sv})", cpod_call_options (NULL)), NULL, NULL, NULL, NULL);
}

static void
job_ended (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  JobState *state = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);

  g_cancellable_disconnect (state->cancellable, state->cancelled_id);
  state->cancelled_id = 0;
  if (reply == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, g_variant_get_child_value (reply, 0), (GDestroyNotify) g_variant_unref);
}

static void
job_started (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  JobState *state = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);

  if (reply == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  cpod_call (g_task_get_source_object (task), state->path, CPOD_INTERFACE_JOB, "Wait",
             g_variant_new ("(@a{sv})", cpod_call_options (NULL)), NULL, NULL, job_ended, g_object_ref (task));
  if (state->cancellable != NULL)
    state->cancelled_id = g_cancellable_connect (state->cancellable, G_CALLBACK (cancel_job),
                                                 g_object_ref (task), g_object_unref);
}

static GVariant *
add_token (GVariant   *options,
           const char *token)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, options);
  g_variant_dict_insert (&dict, "token", "s", token);
  return g_variant_dict_end (&dict);
}

static void
watch_progress (CpodClient  *self,
                JobState *state)
{
  state->subscription = g_dbus_connection_signal_subscribe (self->connection,
                                                            cpod_client_get_bus_name (self),
                                                            "org.freedesktop.DBus.Properties",
                                                            "PropertiesChanged", state->path,
                                                            CPOD_INTERFACE_JOB, G_DBUS_SIGNAL_FLAGS_NONE,
                                                            job_changed, state, NULL);
}

/* ARGUMENTS, a tuple, with OPTIONS and a token behind them. */
static GVariant *
build_parameters (GVariant   *arguments,
                  GVariant   *options,
                  const char *token)
{
  g_autoptr(GVariant) given = g_variant_ref_sink (arguments);
  const gsize n = g_variant_n_children (given);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_TUPLE);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) argument = g_variant_get_child_value (given, i);

      g_variant_builder_add_value (&builder, argument);
    }

  g_variant_builder_add_value (&builder, add_token (options, token));
  return g_variant_builder_end (&builder);
}

/* Calls METHOD of an object with ARGUMENTS (a floating tuple) and OPTIONS, and waits for the end of the
 * job that it starts, whose result TASK returns: see cpod_job_finish(). TASK is taken, and has no cancellable:
 * CANCELLABLE cancels the job. */
void
cpod_job_run_at (GTask                *task,
                 const char           *path,
                 const char           *interface,
                 const char           *method,
                 GVariant             *arguments,
                 GVariant             *options,
                 GUnixFDList          *fd_list,
                 CpodProgressCallback  progress,
                 gpointer              progress_data,
                 GDestroyNotify        progress_destroy,
                 GCancellable         *cancellable)
{
  CpodClient *self = g_task_get_source_object (task);
  JobState *state = g_new0 (JobState, 1);
  g_autofree char *token = g_strdup_printf ("c%08x%08x", g_random_int (), g_random_int ());
  g_autoptr(GVariant) parameters = NULL;
  GError *error = NULL;

  g_task_set_task_data (task, state, (GDestroyNotify) job_state_free);
  state->progress = progress;
  state->progress_data = progress_data;
  state->progress_destroy = progress_destroy;
  state->connection = g_object_ref (self->connection);
  state->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  state->path = make_job_path (self, token);
  parameters = g_variant_ref_sink (build_parameters (arguments, options, token));
  if (g_cancellable_set_error_if_cancelled (cancellable, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  if (progress != NULL)
    watch_progress (self, state);

  cpod_call (self, path, interface, method, parameters, fd_list, NULL, job_started, task);
}

/* The same for org.cpod.Cpod1.Images. */
void
cpod_job_run (GTask                *task,
              const char           *method,
              GVariant             *arguments,
              GVariant             *options,
              GUnixFDList          *fd_list,
              CpodProgressCallback  progress,
              gpointer              progress_data,
              GDestroyNotify        progress_destroy,
              GCancellable         *cancellable)
{
  cpod_job_run_at (task, CPOD_PATH_RUNTIME, CPOD_INTERFACE_IMAGES, method, arguments, options, fd_list, progress,
                   progress_data, progress_destroy, cancellable);
}

gboolean
cpod_job_finish (GAsyncResult  *result,
                 GError       **error)
{
  g_autoptr(GVariant) dict = g_task_propagate_pointer (G_TASK (result), error);

  return dict != NULL;
}

/* The member KEY of the result of a job, a string. */
char *
cpod_job_get_string (GVariant    *result,
                     const char  *key,
                     GError     **error)
{
  char *value = NULL;

  if (!g_variant_lookup (result, key, "s", &value))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the result of the job lacks the key \"%s\"", key);

  return value;
}
