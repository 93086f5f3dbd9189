/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli-terminal.h"

G_BEGIN_DECLS

/* A container in the foreground: its streams are ours, our signals are its. */
typedef struct _CliAttach CliAttach;

typedef struct
{
  gboolean with_input;
  gboolean until_removed;       /* it goes by itself when it has ended */
  CliTerminal *terminal;        /* (nullable): it has a terminal, which is shown on ours */
} CliAttachOptions;

CliAttach *cli_attach_new    (CliApp       *app);
void       cli_attach_free   (CliAttach    *self);
/* The same, and signals do again what they do by themselves. */
void       cli_attach_release (CliAttach   *self);
/* A call that a signal breaks off, before there is a container to pass it on to. */
GVariant  *cli_attach_call   (CliAttach    *self,
                              const char   *path,
                              const char   *interface,
                              const char   *method,
                              GVariant     *parameters,
                              GUnixFDList **fd_list,
                              GError      **error);
/* Attaches to the container at PATH, starts it, and stays until it has ended. */
gboolean   cli_attach_run    (CliAttach    *self,
                              const char   *path,
                              const CliAttachOptions *options,
                              int          *exit_code,
                              GError      **error);
/* The same for an exec session, which this starts. */
gboolean   cli_attach_exec   (CliAttach    *self,
                              const char   *path,
                              const CliAttachOptions *options,
                              int          *exit_code,
                              GError      **error);
/* The signal that broke off a call, 0 when there was none. */
int        cli_attach_signal (CliAttach    *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliAttach, cli_attach_free)

G_END_DECLS
