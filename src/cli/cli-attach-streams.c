/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-attach-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli-write.h"

/* One packet to the monitor, and the largest from it with some room. */
#define INPUT_SIZE 32000
#define OUTPUT_SIZE (32 * 1024 + 1)

/* With what a terminal's sequence to detach with has kept back before. */
#define INPUT_ROOM (INPUT_SIZE + CLI_DETACH_KEYS_MAX)

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
      cli_write_all (packet[0] == CPOD_STREAM_ID_STDERR ? STDERR_FILENO : STDOUT_FILENO, packet + 1, n - 1);
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

void
cli_attach_show_streams (CliAttach *self,
                         gboolean   with_input)
{
  if (self->terminal != NULL)
    cli_terminal_begin (self->terminal, with_input);

  self->output_source = g_unix_fd_add (self->socket, G_IO_IN | G_IO_HUP, output_ready, self);
  if (!with_input)
    return;

  self->input = g_malloc (INPUT_ROOM);
  self->filtered = g_string_sized_new (INPUT_ROOM);
  self->input_source = g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, input_ready, self);
}
