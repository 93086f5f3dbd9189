/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli-limits.h"

G_BEGIN_DECLS

/* What `run` and `create` take from the command line. */
typedef struct
{
  gboolean detach;
  gboolean remove;
  gboolean interactive;
  gboolean tty;
  gboolean sig_proxy;
  char *detach_keys;
  gboolean read_only;
  gboolean privileged;
  char *name;
  char *workdir;
  char *user;
  char *hostname;
  char *entrypoint;
  char *network;
  char *restart_policy;
  char *stop_signal;
  char *pull_policy;
  gboolean quiet;
  int stop_timeout;
  char *cidfile;
  char **env;
  char **env_files;
  char **labels;
  char **cap_add;
  char **cap_drop;
  char **requires;
  CliLimits limits;

  const char *image;
  char *pulled;                 /* (nullable): its full name, once it was pulled */
  char **command;
} CliCreateOptions;

CliCreateOptions *cli_create_options_parse   (CliApp                  *app,
                                              const CliVerb           *verb,
                                              gboolean                 with_detach,
                                              int                      argc,
                                              char                   **argv,
                                              int                     *status);
void              cli_create_options_free    (CliCreateOptions        *self);
GVariant         *cli_create_options_to_call (const CliCreateOptions  *self,
                                              CliApp                  *app,
                                              GError                 **error);
/* Pulls the image if that is to be done whether it is there or not. */
gboolean          cli_create_options_prepare (CliCreateOptions        *self,
                                              CliApp                  *app,
                                              GError                 **error);
/* Whether ERROR, from Create, means that the image is to be pulled. */
gboolean          cli_create_options_misses  (const CliCreateOptions  *self,
                                              const GError            *error);
gboolean          cli_create_options_pull    (CliCreateOptions        *self,
                                              CliApp                  *app,
                                              GError                 **error);
gboolean          cli_create_options_write_id (const CliCreateOptions *self,
                                              const char              *id,
                                              GError                 **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliCreateOptions, cli_create_options_free)

G_END_DECLS
