/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-attach-private.h"
#include "cli/cli-handover.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* A call under way, which ends the loop that waits for it. */
typedef struct
{
  GAsyncResult *result;
} Pending;

/* A call whose answer does not matter: a container that has just ended needs no signal. */
static void
send_call (CliAttach  *self,
           const char *method,
           GVariant   *parameters)
{
  g_dbus_connection_call (cpod_client_get_connection (self->app->client),
                          cpod_client_get_bus_name (self->app->client), self->path, self->interface, method,
                          parameters, NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, NULL, NULL);
}

static void resize_ready (GObject *source, GAsyncResult *result, gpointer user_data);

/* One call at a time, or an earlier size could come last. */
static void
resize (CliAttach *self)
{
  guint32 rows;
  guint32 columns;

  self->resize_again = self->resizing;
  if (self->resizing || !cli_terminal_get_size (&rows, &columns))
    return;

  self->resizing = TRUE;
  g_dbus_connection_call (cpod_client_get_connection (self->app->client),
                          cpod_client_get_bus_name (self->app->client), self->path, self->interface, "Resize",
                          g_variant_new ("(uu@a{sv})", rows, columns, cli_no_options ()), NULL,
                          G_DBUS_CALL_FLAGS_NONE, G_MAXINT, self->leaving, resize_ready, self);
}

/* It may have ended by now, which is no concern of ours. */
static void
resize_ready (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  CliAttach *self = user_data;
  g_autoptr(GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);

  self->resizing = FALSE;
  if (self->resize_again && !g_cancellable_is_cancelled (self->leaving))
    resize (self);
}

static void
pass_signal (CliAttach *self,
             int        number)
{
  GVariantBuilder options;
  g_autofree char *text = g_strdup_printf ("%d", number);

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "signal", g_variant_new_string (text));
  send_call (self, "Kill", g_variant_new ("(@a{sv})", g_variant_builder_end (&options)));
}

static void
pass_pending (CliAttach *self)
{
  for (int number = 1; number < SIGRTMIN; number++)
    if (sigismember (&self->pending, number) == 1)
      pass_signal (self, number);
}

static gboolean
signal_ready (int          fd,
              GIOCondition condition,
              gpointer     user_data)
{
  CliAttach *self = user_data;
  struct signalfd_siginfo info;

  if (read (fd, &info, sizeof info) != (gssize) sizeof info)
    return G_SOURCE_CONTINUE;

  if (info.ssi_signo == SIGWINCH && self->terminal != NULL)
    {
      if (self->socket >= 0)
        resize (self);
    }
  else if (self->started && self->ignore_signals)
    self->caught = info.ssi_signo != SIGCONT && info.ssi_signo != SIGWINCH ? (int) info.ssi_signo : self->caught;
  else if (self->started)
    pass_signal (self, info.ssi_signo);
  else if (self->starting && sigismember (&self->pending, info.ssi_signo) == 0)
    sigaddset (&self->pending, info.ssi_signo);
  else if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP
           || info.ssi_signo == SIGQUIT)
    {
      self->caught = info.ssi_signo;
      g_cancellable_cancel (self->cancellable);
    }

  return G_SOURCE_CONTINUE;
}

/* The mask is set before the connection makes its thread, which must not take the signals. */
CliAttach *
cli_attach_new (CliApp *app)
{
  static const int numbers[] = {
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGALRM, SIGWINCH, SIGIO, SIGPWR,
  };
  CliAttach *self = g_new0 (CliAttach, 1);
  sigset_t set;

  sigemptyset (&set);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    sigaddset (&set, numbers[i]);

  pthread_sigmask (SIG_BLOCK, &set, &self->mask);
  self->app = app;
  self->socket = -1;
  sigemptyset (&self->pending);
  self->cancellable = g_cancellable_new ();
  self->leaving = g_cancellable_new ();
  self->signal_fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  self->signal_source = g_unix_fd_add (self->signal_fd, G_IO_IN, signal_ready, self);
  return self;
}

void
cli_attach_free (CliAttach *self)
{
  if (self == NULL)
    return;

  g_clear_handle_id (&self->signal_source, g_source_remove);
  g_clear_handle_id (&self->output_source, g_source_remove);
  g_clear_handle_id (&self->input_source, g_source_remove);
  g_cancellable_cancel (self->leaving);
  while (self->waiting || self->resizing)
    g_main_context_iteration (NULL, TRUE);

  if (self->socket >= 0)
    close (self->socket);
  close (self->signal_fd);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->leaving);
  g_clear_pointer (&self->exit, g_variant_unref);
  g_clear_error (&self->error);
  g_free (self->input);
  if (self->filtered != NULL)
    g_string_free (self->filtered, TRUE);
  g_free (self);
}

void
cli_attach_release (CliAttach *self)
{
  const sigset_t mask = self->mask;

  cli_attach_free (self);
  pthread_sigmask (SIG_SETMASK, &mask, NULL);
}

int
cli_attach_signal (CliAttach *self)
{
  return self->caught;
}

gboolean
cli_attach_has_started (CliAttach *self)
{
  return self->started;
}

static void
call_ready (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Pending *pending = user_data;

  pending->result = g_object_ref (result);
}

/* GIVEN (nullable) goes with the call. */
static GVariant *
call_with (CliAttach    *self,
           const char   *path,
           const char   *interface,
           const char   *method,
           GVariant     *parameters,
           GUnixFDList  *given,
           GUnixFDList **fd_list,
           GError      **error)
{
  g_autoptr(GVariant) sunk = g_variant_ref_sink (parameters);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) local_error = NULL;
  GDBusConnection *connection;
  Pending pending = { NULL };
  GVariant *reply;

  if (cli_connect (self->app, error) == NULL)
    return NULL;

  connection = cpod_client_get_connection (self->app->client);
  g_dbus_connection_call_with_unix_fd_list (connection, cpod_client_get_bus_name (self->app->client), path,
                                            interface, method, sunk, NULL, CLI_CALL_FLAGS,
                                            G_MAXINT, given, self->cancellable, call_ready, &pending);
  while (pending.result == NULL)
    g_main_context_iteration (NULL, TRUE);

  result = pending.result;
  reply = g_dbus_connection_call_with_unix_fd_list_finish (connection, fd_list, result, &local_error);
  if (reply != NULL)
    return reply;

  g_dbus_error_strip_remote_error (local_error);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

GVariant *
cli_attach_call (CliAttach    *self,
                 const char   *path,
                 const char   *interface,
                 const char   *method,
                 GVariant     *parameters,
                 GUnixFDList **fd_list,
                 GError      **error)
{
  return call_with (self, path, interface, method, parameters, NULL, fd_list, error);
}

static void
wait_ready (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  CliAttach *self = user_data;

  self->exit = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &self->error);
  self->waiting = FALSE;
  if (self->error != NULL)
    g_dbus_error_strip_remote_error (self->error);
}

/* The call is on its way when this returns; its answer comes in the loop. CONDITION is NULL for an exec session. */
static void
begin_wait (CliAttach  *self,
            const char *condition)
{
  const char *conditions[] = { condition, NULL };
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (condition != NULL)
    g_variant_builder_add (&options, "{sv}", "condition", g_variant_new_strv (conditions, -1));
  self->waiting = TRUE;
  g_dbus_connection_call (cpod_client_get_connection (self->app->client),
                          cpod_client_get_bus_name (self->app->client), self->path, self->interface, "Wait",
                          g_variant_new ("(@a{sv})", g_variant_builder_end (&options)),
                          G_VARIANT_TYPE ("(i)"), CLI_CALL_FLAGS, G_MAXINT, self->leaving, wait_ready, self);
}

/* OPTIONS, which may be floating, are those of the call. */
static gboolean
open_streams (CliAttach  *self,
              GVariant   *options,
              GError    **error)
{
  g_autoptr(GUnixFDList) fd_list = NULL;
  g_autoptr(GVariant) reply = NULL;

  reply = cli_attach_call (self, self->path, self->interface, "Attach", g_variant_new ("(@a{sv})", options),
                           &fd_list, error);
  if (reply == NULL)
    return FALSE;

  self->socket = fd_list != NULL ? g_unix_fd_list_get (fd_list, 0, error) : -1;
  if (self->socket < 0)
    {
      if (error != NULL && *error == NULL)
        g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("the service gave no stream"));
      return FALSE;
    }

  return TRUE;
}

/* Before anything can ask for it. */
static void
set_first_size (CliAttach *self)
{
  if (self->terminal != NULL)
    resize (self);
  while (self->resizing && self->caught == 0)
    g_main_context_iteration (NULL, TRUE);
}

/* Until it has ended and all of its output is here, or we leave it. */
static gboolean
stay (CliAttach  *self,
      int        *exit_code,
      GError    **error)
{
  while (!self->detached && self->caught == 0
         && (self->waiting || (self->output_source != 0 && self->exit != NULL)))
    g_main_context_iteration (NULL, TRUE);

  *exit_code = 0;
  if (self->detached)
    return TRUE;

  if (self->caught != 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, g_strsignal (self->caught));
      return FALSE;
    }

  if (self->exit == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&self->error));
      return FALSE;
    }

  g_variant_get (self->exit, "(i)", exit_code);
  return TRUE;
}

static void
attach_to (CliAttach              *self,
           const char             *interface,
           const char             *path,
           const CliAttachOptions *options)
{
  self->interface = interface;
  self->path = path;
  self->terminal = options->terminal;
  self->ignore_signals = options->ignore_signals;
}

/* A container that goes by itself is waited for while it is surely there; any
 * other one only after its start, since before that it counts as stopped. */
gboolean
cli_attach_run (CliAttach              *self,
                const char             *path,
                const CliAttachOptions *options,
                int                    *exit_code,
                GError                **error)
{
  g_autoptr(GVariant) reply = NULL;

  attach_to (self, CLI_CONTAINER, path, options);
  if (!open_streams (self, cli_no_options (), error))
    return FALSE;

  set_first_size (self);
  if (options->until_removed)
    begin_wait (self, "removed");

  reply = cli_attach_call (self, path, CLI_CONTAINER, "Start", g_variant_new ("(@a{sv})", cli_no_options ()),
                           NULL, error);
  if (reply == NULL)
    return FALSE;

  self->started = TRUE;
  cli_attach_show_streams (self, options->with_input);
  if (!options->until_removed)
    begin_wait (self, "stopped");

  return stay (self, exit_code, error);
}

/* It is waited for from before, while it is surely there. */
gboolean
cli_attach_join (CliAttach              *self,
                 const char             *path,
                 const CliAttachOptions *options,
                 int                    *exit_code,
                 GError                **error)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  attach_to (self, CLI_CONTAINER, path, options);
  g_variant_builder_add (&builder, "{sv}", "running", g_variant_new_boolean (TRUE));
  begin_wait (self, options->until_removed ? "removed" : "stopped");
  if (!open_streams (self, g_variant_builder_end (&builder), error))
    return FALSE;

  self->started = TRUE;
  set_first_size (self);
  cli_attach_show_streams (self, options->with_input);
  return stay (self, exit_code, error);
}

/* It begins with our own streams; nothing is between it and them. */
static gboolean
exec_with_streams (CliAttach    *self,
                   CliHandover  *handover,
                   int          *exit_code,
                   GError      **error)
{
  g_autoptr(GUnixFDList) fds = NULL;
  g_autoptr(GVariant) reply = NULL;
  GVariant *parameters = cli_handover_parameters (handover, &fds, error);

  self->starting = TRUE;
  if (parameters != NULL)
    reply = call_with (self, self->path, self->interface, "Start", parameters, fds, NULL, error);
  if (reply == NULL)
    return FALSE;

  g_clear_object (&fds);
  cli_handover_begin (handover);
  self->started = TRUE;
  pass_pending (self);
  begin_wait (self, NULL);
  if (!stay (self, exit_code, error))
    return FALSE;

  cli_handover_end (handover);
  return TRUE;
}

/* One that was left by the keys for that goes on without us. */
static gboolean
leave (CliAttach  *self,
       GError    **error)
{
  g_autoptr(GVariant) reply = NULL;

  if (!self->detached)
    return TRUE;

  reply = cli_attach_call (self, self->path, self->interface, "Detach", g_variant_new ("(@a{sv})", cli_no_options ()),
                           NULL, error);
  return reply != NULL;
}

/* It begins with us. */
gboolean
cli_attach_exec (CliAttach              *self,
                 const char             *path,
                 const CliAttachOptions *options,
                 int                    *exit_code,
                 GError                **error)
{
  g_autoptr(CliHandover) handover = options->terminal == NULL ? cli_handover_new (options->with_input) : NULL;

  attach_to (self, CLI_EXEC, path, options);
  if (handover != NULL)
    return exec_with_streams (self, handover, exit_code, error);
  if (!open_streams (self, cli_no_options (), error))
    return FALSE;

  self->started = TRUE;
  cli_attach_show_streams (self, options->with_input);
  begin_wait (self, NULL);
  return stay (self, exit_code, error) && leave (self, error);
}
