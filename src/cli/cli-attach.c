/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-attach.h"
#include "cli/cli-handover.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* One packet to the monitor, and the largest from it with some room. */
#define INPUT_SIZE 32000
#define OUTPUT_SIZE (32 * 1024 + 1)

/* With what a terminal's sequence to detach with has kept back before. */
#define INPUT_ROOM (INPUT_SIZE + CLI_DETACH_KEYS_MAX)

struct _CliAttach
{
  CliApp *app;
  GCancellable *cancellable;    /* ends the calls before the container runs */
  int signal_fd;
  sigset_t mask;                /* the one before */
  guint signal_source;
  int caught;

  const char *interface;        /* of what is attached to */
  const char *path;
  CliTerminal *terminal;        /* (unowned) (nullable): it has one, and is shown on ours */
  gboolean detached;
  gboolean started;
  gboolean starting;            /* it may run, though we were not told yet */
  sigset_t pending;             /* signals that came meanwhile */
  int socket;
  guint output_source;
  guint input_source;
  char *input;                  /* read, but not yet passed on */
  gsize input_length;
  GString *filtered;            /* what of it is for the container, if there is a terminal */

  gboolean waiting;
  GVariant *exit;               /* (nullable): reply of Wait */
  GError *error;
};

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

static void
resize (CliAttach *self)
{
  guint32 rows;
  guint32 columns;

  if (cli_terminal_get_size (&rows, &columns))
    send_call (self, "Resize", g_variant_new ("(uu@a{sv})", rows, columns, cli_no_options ()));
}

static void
pass_signal (CliAttach *self,
             int        number)
{
  GVariantBuilder options;
  g_autofree char *text = g_strdup_printf ("%d", number);

  if (number == SIGWINCH && self->terminal != NULL)
    {
      resize (self);
      return;
    }

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

  if (self->started)
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
  if (self->socket >= 0)
    close (self->socket);
  close (self->signal_fd);
  g_clear_object (&self->cancellable);
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

static gboolean
write_all (int         fd,
           const char *data,
           gsize       length)
{
  while (length > 0)
    {
      const gssize n = write (fd, data, length);

      if (n < 0 && errno == EAGAIN)
        {
          GPollFD poll_fd = { .fd = fd, .events = G_IO_OUT };

          g_poll (&poll_fd, 1, -1);
        }
      else if (n < 0 && errno != EINTR)
        return FALSE;
      else if (n > 0)
        {
          data += n;
          length -= n;
        }
    }

  return TRUE;
}

static gboolean
output_ready (int          fd,
              GIOCondition condition,
              gpointer     user_data)
{
  static char packet[OUTPUT_SIZE];
  CliAttach *self = user_data;
  gssize n;

  n = recv (fd, packet, sizeof packet, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;

  if (n > 0)
    {
      /* Where output cannot be written it is dropped: the container goes on. */
      write_all (packet[0] == CPOD_STREAM_ID_STDERR ? STDERR_FILENO : STDOUT_FILENO, packet + 1, n - 1);
      return G_SOURCE_CONTINUE;
    }

  self->output_source = 0;
  g_clear_handle_id (&self->input_source, g_source_remove);
  return G_SOURCE_REMOVE;
}

static gboolean input_ready (int fd, GIOCondition condition, gpointer user_data);

/* Takes out of what was read what is for us. */
static void
filter_input (CliAttach *self)
{
  if (self->terminal == NULL)
    return;

  g_string_truncate (self->filtered, 0);
  self->detached = cli_terminal_filter (self->terminal, self->input, self->input_length, self->filtered);
  /* What was kept back before may make it longer, and the input has room for that. */
  self->input_length = MIN (self->filtered->len, INPUT_ROOM);
  memcpy (self->input, self->filtered->str, self->input_length);
}

/* Passes on what was read; gives FALSE when the container takes no more. */
static gboolean
flush_input (CliAttach *self)
{
  gssize n;

  if (self->input_length == 0)
    return TRUE;

  n = send (self->socket, self->input, self->input_length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return TRUE;

  self->input_length = 0;
  return n >= 0;
}

static gboolean
socket_writable (int          fd,
                 GIOCondition condition,
                 gpointer     user_data)
{
  CliAttach *self = user_data;

  if (!flush_input (self))
    {
      self->input_source = 0;
      return G_SOURCE_REMOVE;
    }

  if (self->input_length > 0)
    return G_SOURCE_CONTINUE;

  self->input_source = g_unix_fd_add (STDIN_FILENO, G_IO_IN, input_ready, self);
  return G_SOURCE_REMOVE;
}

static gboolean
input_ready (int          fd,
             GIOCondition condition,
             gpointer     user_data)
{
  CliAttach *self = user_data;
  const gssize n = read (fd, self->input, INPUT_SIZE);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;

  if (n <= 0)
    {
      shutdown (self->socket, SHUT_WR);
      self->input_source = 0;
      return G_SOURCE_REMOVE;
    }

  self->input_length = n;
  filter_input (self);
  if (!flush_input (self) || self->detached)
    {
      self->input_source = 0;
      return G_SOURCE_REMOVE;
    }

  if (self->input_length == 0)
    return G_SOURCE_CONTINUE;

  self->input_source = g_unix_fd_add (self->socket, G_IO_OUT, socket_writable, self);
  return G_SOURCE_REMOVE;
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
                          G_VARIANT_TYPE ("(i)"), CLI_CALL_FLAGS, G_MAXINT, NULL, wait_ready, self);
}

static gboolean
open_streams (CliAttach  *self,
              gboolean    with_input,
              GError    **error)
{
  g_autoptr(GUnixFDList) fd_list = NULL;
  g_autoptr(GVariant) reply = NULL;

  if (self->terminal != NULL && with_input)
    cli_terminal_begin (self->terminal);

  reply = cli_attach_call (self, self->path, self->interface, "Attach",
                           g_variant_new ("(@a{sv})", cli_no_options ()), &fd_list, error);
  if (reply == NULL)
    return FALSE;

  self->socket = fd_list != NULL ? g_unix_fd_list_get (fd_list, 0, error) : -1;
  if (self->socket < 0)
    {
      if (error != NULL && *error == NULL)
        g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("the service gave no stream"));
      return FALSE;
    }

  self->output_source = g_unix_fd_add (self->socket, G_IO_IN | G_IO_HUP, output_ready, self);
  if (with_input)
    {
      self->input = g_malloc (INPUT_ROOM);
      self->filtered = g_string_sized_new (INPUT_ROOM);
      self->input_source = g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, input_ready, self);
    }

  return TRUE;
}

/* Until it has ended and all of its output is here, or we leave it. */
static gboolean
stay (CliAttach  *self,
      int        *exit_code,
      GError    **error)
{
  while (!self->detached && (self->waiting || (self->output_source != 0 && self->exit != NULL)))
    g_main_context_iteration (NULL, TRUE);

  *exit_code = 0;
  if (self->detached)
    return TRUE;

  if (self->exit == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&self->error));
      return FALSE;
    }

  g_variant_get (self->exit, "(i)", exit_code);
  return TRUE;
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

  self->interface = CLI_CONTAINER;
  self->path = path;
  self->terminal = options->terminal;
  if (!open_streams (self, options->with_input, error))
    return FALSE;

  if (self->terminal != NULL)
    resize (self);
  if (options->until_removed)
    begin_wait (self, "removed");

  reply = cli_attach_call (self, path, CLI_CONTAINER, "Start", g_variant_new ("(@a{sv})", cli_no_options ()),
                           NULL, error);
  if (reply == NULL)
    return FALSE;

  self->started = TRUE;
  if (!options->until_removed)
    begin_wait (self, "stopped");

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

  self->interface = CLI_EXEC;
  self->path = path;
  self->terminal = options->terminal;
  if (handover != NULL)
    return exec_with_streams (self, handover, exit_code, error);
  if (!open_streams (self, options->with_input, error))
    return FALSE;

  self->started = TRUE;
  begin_wait (self, NULL);
  return stay (self, exit_code, error) && leave (self, error);
}
