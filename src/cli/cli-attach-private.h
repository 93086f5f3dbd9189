/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <signal.h>

#include "cli/cli-attach.h"

G_BEGIN_DECLS

/* What the files of CliAttach share. */

struct _CliAttach
{
  CliApp *app;
  GCancellable *cancellable;    /* ends the calls before the container runs */
  GCancellable *leaving;        /* ends those that are under way when we go */
  int signal_fd;
  sigset_t mask;                /* the one before */
  guint signal_source;
  int caught;

  const char *interface;        /* of what is attached to */
  const char *path;
  CliTerminal *terminal;        /* (unowned) (nullable): it has one, and is shown on ours */
  gboolean detached;
  gboolean ignore_signals;
  gboolean started;
  gboolean starting;            /* it may run, though we were not told yet */
  sigset_t pending;             /* signals that came meanwhile */
  int socket;
  guint output_source;
  guint input_source;
  char *input;                  /* read, but not yet passed on */
  gsize input_length;
  GString *filtered;            /* what of it is for the container, if there is a terminal */

  gboolean resizing;
  gboolean resize_again;        /* it has changed meanwhile */
  gboolean waiting;
  GVariant *exit;               /* (nullable): reply of Wait */
  GError *error;
};

/* Begins to show its output on ours, and to pass on input. Not before the last call that somebody could have to give
 * a password for, at a terminal that is as usual. */
void cli_attach_show_streams (CliAttach *self,
                              gboolean   with_input);

G_END_DECLS
