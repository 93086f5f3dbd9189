/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/* What an import needs until it ends. */
typedef struct
{
  CpodProgressCallback progress;
  gpointer progress_data;
  GDestroyNotify progress_destroy;
  char *path;
  guint subscription;
  GDBusConnection *connection;
  GCancellable *cancellable;    /* (nullable) */
  gulong cancelled_id;
} ImportState;

static void
import_state_free (ImportState *state)
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
  ImportState *state = user_data;
  g_autoptr(GVariant) changed = NULL;
  guint64 done;
  guint64 total = 0;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;

  changed = g_variant_get_child_value (parameters, 1);
  if (!g_variant_lookup (changed, "BytesDone", "t", &done))
    return;

  g_variant_lookup (changed, "BytesTotal", "t", &total);
  state->progress (done, total, state->progress_data);
}

/* The job is told; its own answer, "cancelled" or just in time, comes from Wait. */
static void
cancel_job (GCancellable *cancellable,
            gpointer      user_data)
{
  GTask *task = user_data;
  ImportState *state = g_task_get_task_data (task);

  cpod_call (g_task_get_source_object (task), state->path, CPOD_INTERFACE_JOB, "Cancel",
             g_variant_new ("(@a{sv})", cpod_call_options (NULL)), NULL, NULL, NULL, NULL);
}

static void
job_ended (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  ImportState *state = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);
  g_autoptr(GVariant) dict = NULL;
  char *id = NULL;

  g_cancellable_disconnect (state->cancellable, state->cancelled_id);
  state->cancelled_id = 0;
  if (reply == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  dict = g_variant_get_child_value (reply, 0);
  if (g_variant_lookup (dict, "id", "s", &id))
    g_task_return_pointer (task, id, g_free);
  else
    g_task_return_new_error (task, CPOD_ERROR, CPOD_ERROR_FAILED, "the result of job %s lacks the key \"id\"",
                             state->path);
}

static void
job_started (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  ImportState *state = g_task_get_task_data (task);
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
                ImportState *state)
{
  state->subscription = g_dbus_connection_signal_subscribe (self->connection,
                                                            cpod_client_get_bus_name (self),
                                                            "org.freedesktop.DBus.Properties",
                                                            "PropertiesChanged", state->path,
                                                            CPOD_INTERFACE_JOB, G_DBUS_SIGNAL_FLAGS_NONE,
                                                            job_changed, state, NULL);
}

/**
 * cpod_client_import_image:
 * @self: a client
 * @fd: descriptor to read a tar archive from; it stays the caller's
 * @reference: (nullable): name for the image, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.Import() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): called
 *   now and then with how far it is
 * @progress_data: data for @progress
 * @progress_destroy: called to free @progress_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Makes an image of an archive of a root file system. When it is cancelled,
 * the service undoes what was half done before @callback is called.
 *
 * Since: 0.1
 */
void
cpod_client_import_image (CpodClient           *self,
                          int                   fd,
                          const char           *reference,
                          GVariant             *options,
                          CpodProgressCallback  progress,
                          gpointer              progress_data,
                          GDestroyNotify        progress_destroy,
                          GCancellable         *cancellable,
                          GAsyncReadyCallback   callback,
                          gpointer              user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(GUnixFDList) fd_list = g_unix_fd_list_new ();
  g_autoptr(GVariant) given = NULL;
  g_autofree char *token = NULL;
  g_autoptr(GError) error = NULL;
  ImportState *state;

  g_return_if_fail (CPOD_IS_CLIENT (self));

  given = options != NULL ? g_variant_ref_sink (options) : NULL;
  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_import_image);
  state = g_new0 (ImportState, 1);
  g_task_set_task_data (task, state, (GDestroyNotify) import_state_free);
  state->progress = progress;
  state->progress_data = progress_data;
  state->progress_destroy = progress_destroy;
  state->connection = g_object_ref (self->connection);
  state->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  token = g_strdup_printf ("c%08x%08x", g_random_int (), g_random_int ());
  state->path = make_job_path (self, token);

  if (g_cancellable_set_error_if_cancelled (cancellable, &error)
      || g_unix_fd_list_append (fd_list, fd, &error) < 0)
    {
      g_prefix_error (&error, "failed to import image: ");
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  if (progress != NULL)
    watch_progress (self, state);

  cpod_call (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_IMAGES, "Import",
             g_variant_new ("(hs@a{sv})", 0, reference != NULL ? reference : "", add_token (given, token)),
             fd_list, NULL, job_started, g_steal_pointer (&task));
}

/**
 * cpod_client_import_image_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_import_image() began.
 *
 * Returns: (transfer full): the id of the image, or %NULL with @error set
 *
 * Since: 0.1
 */
char *
cpod_client_import_image_finish (CpodClient    *self,
                                 GAsyncResult  *result,
                                 GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * cpod_client_import_image_sync:
 * @self: a client
 * @fd: descriptor to read a tar archive from; it stays the caller's
 * @reference: (nullable): name for the image, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.Import() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope call) (closure progress_data): called now and then with how far it is
 * @progress_data: data for @progress
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Makes an image of an archive of a root file system.
 *
 * Returns: (transfer full): the id of the image, or %NULL with @error set
 *
 * Since: 0.1
 */
char *
cpod_client_import_image_sync (CpodClient            *self,
                               int                    fd,
                               const char            *reference,
                               GVariant              *options,
                               CpodProgressCallback   progress,
                               gpointer               progress_data,
                               GCancellable          *cancellable,
                               GError               **error)
{
  CpodSync sync;
  char *id;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);

  cpod_sync_begin (&sync);
  cpod_client_import_image (self, fd, reference, options, progress, progress_data, NULL, cancellable,
                            cpod_sync_done, &sync);
  id = cpod_client_import_image_finish (self, cpod_sync_wait (&sync), error);
  cpod_sync_end (&sync);
  return id;
}
