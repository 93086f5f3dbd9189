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
  gboolean ignore_signals;      /* they are not for it: those that would end us do, and it goes on */
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
/* The same for one that runs already. */
gboolean   cli_attach_join   (CliAttach    *self,
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
/* The signal that broke off a call, or ended our part, 0 when there was none. */
int        cli_attach_signal (CliAttach    *self);
/* Whether what was attached to runs, or did. */
gboolean   cli_attach_has_started (CliAttach *self);

/* What `start` and `attach` take from the command line. */
typedef struct
{
  gboolean start;               /* it does not run yet */
  gboolean interactive;         /* pass on standard input, if there is something that takes it */
  gboolean sig_proxy;
  char *detach_keys;            /* (nullable): those of the configuration */
} CliForeground;

/* Shows the container called NAME, and gives the exit status for that. */
int        cli_attach_container (CliApp    *app,
                              const char   *name,
                              const CliForeground *foreground);

#define CLI_FOREGROUND_ENTRIES(keys, proxy) \
  { "detach-keys", 0, 0, G_OPTION_ARG_STRING, (keys), N_("Keys that leave a container with a terminal to itself"), \
    N_("KEY[,KEY…]") }, \
  { "sig-proxy", 0, 0, G_OPTION_ARG_NONE, (proxy), N_("Pass on signals (the default; see --sig-proxy=false)"), NULL }, \
  { "no-sig-proxy", 0, G_OPTION_FLAG_HIDDEN | G_OPTION_FLAG_REVERSE, G_OPTION_ARG_NONE, (proxy), NULL, NULL }

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliAttach, cli_attach_free)

G_END_DECLS
