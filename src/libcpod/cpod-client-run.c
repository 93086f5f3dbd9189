/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/* A run to completion, of a container or of an exec session. It has ended when both its output and its exit code are
 * here. */
typedef struct
{
  const char *interface;        /* of what is run */
  char *path;
  gboolean auto_remove;
  GError *failure;              /* (owned) (nullable): told when what is left was removed */
  GBytes *input;                /* (nullable) */
  CpodStream *stream;
  GByteArray *standard_output;
  GByteArray *standard_error;
  int exit_code;
  gboolean read_all;
  gboolean ended;
} RunState;

static void
run_state_free (RunState *state)
{
  g_clear_pointer (&state->input, g_bytes_unref);
  g_clear_pointer (&state->standard_output, g_byte_array_unref);
  g_clear_pointer (&state->standard_error, g_byte_array_unref);
  g_clear_object (&state->stream);
  g_clear_error (&state->failure);
  g_free (state->path);
  g_free (state);
}

static gboolean
is_exec (const RunState *state)
{
  return g_str_equal (state->interface, CPOD_INTERFACE_EXEC);
}

/* The first failure is the one to tell, whatever became of the removal. */
static void
removed (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  RunState *state = g_task_get_task_data (task);
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, NULL);

  g_task_return_error (task, g_steal_pointer (&state->failure));
}

/*
 * A container that was to go by itself does not stay behind because its run
 * failed, not even for the moment in which the caller looks.
 */
static void
fail (GTask  *task,
      GError *error)
{
  RunState *state = g_task_get_task_data (task);
  GVariantBuilder options;

  if (g_task_get_completed (task) || g_task_had_error (task) || state->failure != NULL)
    {
      g_error_free (error);
      return;
    }

  if (state->path == NULL || !state->auto_remove)
    {
      g_task_return_error (task, error);
      return;
    }

  state->failure = error;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
  if (!is_exec (state))
    g_variant_builder_add (&options, "{sv}", "timeout", g_variant_new_uint32 (0));
  cpod_call (g_task_get_source_object (task), state->path, state->interface, "Remove",
             g_variant_new ("(@a{sv})", g_variant_builder_end (&options)), NULL, NULL, removed,
             g_object_ref (task));
}

static void
finish_if_done (GTask *task)
{
  RunState *state = g_task_get_task_data (task);

  if (state->read_all && state->ended && state->failure == NULL && !g_task_had_error (task))
    g_task_return_boolean (task, TRUE);
}

static void
output_ready (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  RunState *state = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) data = NULL;
  CpodStreamId stream;
  gsize length;

  data = cpod_stream_read_finish (CPOD_STREAM (source), result, &stream, &error);
  if (error != NULL)
    {
      g_prefix_error (&error, "failed to read output of container: ");
      fail (task, g_steal_pointer (&error));
      return;
    }

  if (data == NULL)
    {
      state->read_all = TRUE;
      finish_if_done (task);
      return;
    }

  length = g_bytes_get_size (data);
  g_byte_array_append (stream == CPOD_STREAM_ID_STDERR ? state->standard_error : state->standard_output,
                       g_bytes_get_data (data, NULL), length);
  cpod_stream_read (state->stream, g_task_get_cancellable (task), output_ready, g_object_ref (task));
}

/* A container that ends without reading all of its input is no error. */
static void
input_written (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;

  if (cpod_stream_write_finish (CPOD_STREAM (source), result, NULL))
    cpod_stream_close_input (CPOD_STREAM (source), NULL);
}

static void
container_ended (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  RunState *state = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);

  if (reply == NULL)
    {
      fail (task, g_steal_pointer (&error));
      return;
    }

  g_variant_get_child (reply, 0, "i", &state->exit_code);
  state->ended = TRUE;
  finish_if_done (task);
}

static void
wait_for_end (GTask *task)
{
  RunState *state = g_task_get_task_data (task);
  const char *conditions[] = { state->auto_remove ? "removed" : "stopped", NULL };
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (!is_exec (state))
    g_variant_builder_add (&options, "{sv}", "condition", g_variant_new_strv (conditions, -1));
  cpod_call (g_task_get_source_object (task), state->path, state->interface, "Wait",
             g_variant_new ("(@a{sv})", g_variant_builder_end (&options)), NULL,
             g_task_get_cancellable (task), container_ended, g_object_ref (task));
}

static void
started (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  RunState *state = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);

  if (reply == NULL)
    {
      fail (task, g_steal_pointer (&error));
      return;
    }

  if (!state->auto_remove)
    wait_for_end (task);
}

/* The output is read before the container is started, so that nothing of it
 * is missed; and a container that goes by itself must be waited for while it
 * is still there. */
static void
attached (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  CpodClient *self = CPOD_CLIENT (source);
  RunState *state = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  state->stream = cpod_client_attach_finish (self, result, &error);
  if (state->stream == NULL)
    {
      fail (task, g_steal_pointer (&error));
      return;
    }

  cpod_stream_read (state->stream, g_task_get_cancellable (task), output_ready, g_object_ref (task));
  if (state->input != NULL)
    cpod_stream_write (state->stream, state->input, g_task_get_cancellable (task), input_written,
                       g_object_ref (task));
  if (state->auto_remove)
    wait_for_end (task);
  if (is_exec (state))          /* it was started with us there */
    return;

  cpod_call (self, state->path, CPOD_INTERFACE_CONTAINER, "Start",
             g_variant_new ("(@a{sv})", cpod_call_options (NULL)), NULL, g_task_get_cancellable (task),
             started, g_object_ref (task));
}

static void
created (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  RunState *state = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);

  if (reply == NULL)
    {
      fail (task, g_steal_pointer (&error));
      return;
    }

  g_variant_get_child (reply, 0, "o", &state->path);
  cpod_client_attach_to (g_task_get_source_object (task), state->path, state->interface,
                         g_task_get_cancellable (task), attached, g_object_ref (task));
}

/* OPTIONS with what the run needs of them. */
static GVariant *
complete_options (const RunState *state,
                  GVariant       *options)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, options);
  if (state->input != NULL)
    g_variant_dict_insert (&dict, "stdin", "b", TRUE);
  if (is_exec (state))
    g_variant_dict_insert (&dict, "auto-remove", "b", TRUE);
  return g_variant_dict_end (&dict);
}

static GTask *
run_task_new (CpodClient          *self,
              const char          *interface,
              GBytes              *input,
              GCancellable        *cancellable,
              GAsyncReadyCallback  callback,
              gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  RunState *state = g_new0 (RunState, 1);

  /* Data that has come in is kept, whatever the cancellable says by then. */
  g_task_set_check_cancellable (task, FALSE);
  state->interface = interface;
  state->standard_output = g_byte_array_new ();
  state->standard_error = g_byte_array_new ();
  state->input = input != NULL ? g_bytes_ref (input) : NULL;
  g_task_set_task_data (task, state, (GDestroyNotify) run_state_free);
  return task;
}

/**
 * cpod_client_run:
 * @self: a client
 * @image: name or id of an image
 * @options: (nullable): options of org.cpod.Cpod1.Runtime.Create() (a{sv}), or %NULL
 * @input: (nullable): standard input for the container, or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Creates a container, starts it, and collects its output until it ends. The
 * container stays, unless @options has "auto-remove".
 *
 * Since: 0.1
 */
void
cpod_client_run (CpodClient          *self,
                 const char          *image,
                 GVariant            *options,
                 GBytes              *input,
                 GCancellable        *cancellable,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data)
{
  g_autoptr(GVariant) all_options = NULL;
  g_autoptr(GVariant) given = NULL;
  RunState *state;
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (image != NULL);

  task = run_task_new (self, CPOD_INTERFACE_CONTAINER, input, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_client_run);
  state = g_task_get_task_data (task);
  given = options != NULL ? g_variant_ref_sink (options) : NULL;
  all_options = g_variant_ref_sink (cpod_call_scope (self, complete_options (state, given)));
  g_variant_lookup (all_options, "auto-remove", "b", &state->auto_remove);
  cpod_call (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_RUNTIME, "Create",
             g_variant_new ("(s@a{sv})", image, all_options), NULL, cancellable, created, task);
}

static GBytes *
take_bytes (GByteArray **array)
{
  return g_byte_array_free_to_bytes (g_steal_pointer (array));
}

static gboolean
finish (GTask   *task,
        GBytes **standard_output,
        GBytes **standard_error,
        int     *exit_code,
        GError **error)
{
  RunState *state;

  if (!g_task_propagate_boolean (task, error))
    return FALSE;

  state = g_task_get_task_data (task);
  if (standard_output != NULL)
    *standard_output = take_bytes (&state->standard_output);
  if (standard_error != NULL)
    *standard_error = take_bytes (&state->standard_error);
  if (exit_code != NULL)
    *exit_code = state->exit_code;

  return TRUE;
}

/**
 * cpod_client_run_finish:
 * @self: a client
 * @result: what the callback was given
 * @standard_output: (out) (optional) (transfer full): return location for what it wrote to standard output
 * @standard_error: (out) (optional) (transfer full): return location for what it wrote to standard error
 * @exit_code: (out) (optional): return location for its exit code
 * @error: return location for an error
 *
 * Ends what cpod_client_run() began.
 *
 * Returns: whether the container ran; an exit code other than 0 is no error
 *
 * Since: 0.1
 */
gboolean
cpod_client_run_finish (CpodClient    *self,
                        GAsyncResult  *result,
                        GBytes       **standard_output,
                        GBytes       **standard_error,
                        int           *exit_code,
                        GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return finish (G_TASK (result), standard_output, standard_error, exit_code, error);
}

/**
 * cpod_client_run_sync:
 * @self: a client
 * @image: name or id of an image
 * @options: (nullable): options of org.cpod.Cpod1.Runtime.Create() (a{sv}), or %NULL
 * @input: (nullable): standard input for the container, or %NULL
 * @standard_output: (out) (optional) (transfer full): return location for what it wrote to standard output
 * @standard_error: (out) (optional) (transfer full): return location for what it wrote to standard error
 * @exit_code: (out) (optional): return location for its exit code
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Creates a container, starts it, and collects its output until it ends. The
 * container stays, unless @options has "auto-remove".
 *
 * Returns: whether the container ran; an exit code other than 0 is no error
 *
 * Since: 0.1
 */
gboolean
cpod_client_run_sync (CpodClient    *self,
                      const char    *image,
                      GVariant      *options,
                      GBytes        *input,
                      GBytes       **standard_output,
                      GBytes       **standard_error,
                      int           *exit_code,
                      GCancellable  *cancellable,
                      GError       **error)
{
  CpodSync sync;
  gboolean ok;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), FALSE);
  g_return_val_if_fail (image != NULL, FALSE);

  cpod_sync_begin (&sync);
  cpod_client_run (self, image, options, input, cancellable, cpod_sync_done, &sync);
  ok = cpod_client_run_finish (self, cpod_sync_wait (&sync), standard_output, standard_error, exit_code, error);
  cpod_sync_end (&sync);
  return ok;
}

/**
 * cpod_client_exec:
 * @self: a client
 * @path: object path of a container that runs
 * @command: (array zero-terminated=1): the command and its arguments
 * @options: (nullable): options of org.cpod.Cpod1.Container.Exec() (a{sv}), or %NULL
 * @input: (nullable): standard input for the command, or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Runs a command in a container, and collects its output until it ends. When
 * this is cancelled, the command is killed.
 *
 * Since: 0.1
 */
void
cpod_client_exec (CpodClient          *self,
                  const char          *path,
                  const char *const   *command,
                  GVariant            *options,
                  GBytes              *input,
                  GCancellable        *cancellable,
                  GAsyncReadyCallback  callback,
                  gpointer             user_data)
{
  g_autoptr(GVariant) given = NULL;
  RunState *state;
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (path != NULL);
  g_return_if_fail (command != NULL);

  task = run_task_new (self, CPOD_INTERFACE_EXEC, input, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_client_exec);
  state = g_task_get_task_data (task);
  state->auto_remove = TRUE;
  given = options != NULL ? g_variant_ref_sink (options) : NULL;
  cpod_call (self, path, CPOD_INTERFACE_CONTAINER, "Exec",
             g_variant_new ("(^as@a{sv})", command, complete_options (state, given)), NULL, cancellable,
             created, task);
}

/**
 * cpod_client_exec_finish:
 * @self: a client
 * @result: what the callback was given
 * @standard_output: (out) (optional) (transfer full): return location for what it wrote to standard output
 * @standard_error: (out) (optional) (transfer full): return location for what it wrote to standard error
 * @exit_code: (out) (optional): return location for its exit code
 * @error: return location for an error
 *
 * Ends what cpod_client_exec() began.
 *
 * Returns: whether the command ran; an exit code other than 0 is no error
 *
 * Since: 0.1
 */
gboolean
cpod_client_exec_finish (CpodClient    *self,
                         GAsyncResult  *result,
                         GBytes       **standard_output,
                         GBytes       **standard_error,
                         int           *exit_code,
                         GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return finish (G_TASK (result), standard_output, standard_error, exit_code, error);
}

/**
 * cpod_client_exec_sync:
 * @self: a client
 * @path: object path of a container that runs
 * @command: (array zero-terminated=1): the command and its arguments
 * @options: (nullable): options of org.cpod.Cpod1.Container.Exec() (a{sv}), or %NULL
 * @input: (nullable): standard input for the command, or %NULL
 * @standard_output: (out) (optional) (transfer full): return location for what it wrote to standard output
 * @standard_error: (out) (optional) (transfer full): return location for what it wrote to standard error
 * @exit_code: (out) (optional): return location for its exit code
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Runs a command in a container, and collects its output until it ends. When
 * this is cancelled, the command is killed.
 *
 * Returns: whether the command ran; an exit code other than 0 is no error
 *
 * Since: 0.1
 */
gboolean
cpod_client_exec_sync (CpodClient         *self,
                       const char         *path,
                       const char *const  *command,
                       GVariant           *options,
                       GBytes             *input,
                       GBytes            **standard_output,
                       GBytes            **standard_error,
                       int                *exit_code,
                       GCancellable       *cancellable,
                       GError            **error)
{
  CpodSync sync;
  gboolean ok;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (command != NULL, FALSE);

  cpod_sync_begin (&sync);
  cpod_client_exec (self, path, command, options, input, cancellable, cpod_sync_done, &sync);
  ok = cpod_client_exec_finish (self, cpod_sync_wait (&sync), standard_output, standard_error, exit_code, error);
  cpod_sync_end (&sync);
  return ok;
}
