/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* How an exec session was asked for. Kept as JSON in its row. */
typedef struct
{
  char **args;
  char **env;                   /* "KEY=value", over the container's */
  char *workdir;                /* (nullable) */
  char *user;                   /* (nullable): the container's */
  gboolean privileged;
  gboolean tty;
  guint rows;                   /* of the terminal at the beginning, 0 when not given */
  guint columns;
  gboolean keep_stdin;
  char *foreground;             /* (nullable): who it ends with, by a name that outlives the service */
} CpdExecConfig;

/* OPTIONS: a{sv} with the keys of org.cpod.Cpod1.Container.Exec(). INVALID_ARGUMENT. */
CpdExecConfig *cpd_exec_config_new     (const char *const    *command,
                                        GVariant             *options,
                                        GError              **error);
CpdExecConfig *cpd_exec_config_parse   (const char           *json,
                                        GError              **error);
char          *cpd_exec_config_to_json (const CpdExecConfig  *config);
void           cpd_exec_config_free    (CpdExecConfig        *config);
/* The whole environment: the container's, with the session's over it, HOME of its user unless either has one, and
 * TERM for a terminal. */
char         **cpd_exec_config_build_env (const CpdExecConfig *config,
                                        char               **container_env,
                                        const char          *home);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdExecConfig, cpd_exec_config_free)

G_END_DECLS
