/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "libcpod/cpod.h"

G_BEGIN_DECLS

#define CLI_RUNTIME CPOD_BUS_NAME ".Runtime"
#define CLI_IMAGES CPOD_BUS_NAME ".Images"
#define CLI_IMAGE CPOD_BUS_NAME ".Image"
#define CLI_CONTAINER CPOD_BUS_NAME ".Container"
#define CLI_EXEC CPOD_BUS_NAME ".Exec"
#define CLI_JOB CPOD_BUS_NAME ".Job"

/* Exit status of podman and docker for what is not the container's own doing. */
#define CLI_EXIT_ERROR 125
#define CLI_EXIT_NOT_EXECUTABLE 126
#define CLI_EXIT_NOT_FOUND 127

/* Somebody who waits at a terminal can be asked. */
#define CLI_CALL_FLAGS G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION

/* What the global options say, and the connection once it is needed. */
typedef struct
{
  GBusType bus_type;
  char *address;
  gboolean private_peer;
  const char *name_space;       /* (nullable): the only one that verbs have to do with */
  const char *oci_runtime;      /* (nullable): of new containers that ask for none themselves */
  CpodClient *client;
  gboolean latest;              /* the verb is about the newest container */
} CliApp;

/* An option of verbs that cli_for_each() or cli_find_one() gets the containers of. */
#define CLI_LATEST_ENTRY(app) \
  { "latest", 'l', 0, G_OPTION_ARG_NONE, &(app)->latest, N_("Take the newest container, without naming it"), NULL }

typedef struct _CliVerb CliVerb;

struct _CliVerb
{
  const char *name;             /* one word, or two */
  const char *arguments;        /* (nullable): for the usage line, to be translated */
  const char *summary;          /* one line, to be translated */
  int (*run) (CliApp        *app,
              const CliVerb *verb,
              int            argc,
              char         **argv);
  const char *method;           /* (nullable): what it calls for each container, if it does no more */
};

#define CLI_DECLARE_VERB(name) \
  int cli_##name (CliApp *app, const CliVerb *verb, int argc, char **argv)

CLI_DECLARE_VERB (attach);
CLI_DECLARE_VERB (build);
CLI_DECLARE_VERB (commit);
CLI_DECLARE_VERB (config);
CLI_DECLARE_VERB (container_evict);
CLI_DECLARE_VERB (container_exists);
CLI_DECLARE_VERB (container_inspect);
CLI_DECLARE_VERB (container_prune);
CLI_DECLARE_VERB (cp);
CLI_DECLARE_VERB (create);
CLI_DECLARE_VERB (diff);
CLI_DECLARE_VERB (each);
CLI_DECLARE_VERB (events);
CLI_DECLARE_VERB (exec);
CLI_DECLARE_VERB (history);
CLI_DECLARE_VERB (image_diff);
CLI_DECLARE_VERB (image_exists);
CLI_DECLARE_VERB (image_inspect);
CLI_DECLARE_VERB (image_mount);
CLI_DECLARE_VERB (image_prune);
CLI_DECLARE_VERB (image_tree);
CLI_DECLARE_VERB (image_unmount);
CLI_DECLARE_VERB (export);
CLI_DECLARE_VERB (images);
CLI_DECLARE_VERB (import);
CLI_DECLARE_VERB (info);
CLI_DECLARE_VERB (inspect);
CLI_DECLARE_VERB (kill);
CLI_DECLARE_VERB (load);
CLI_DECLARE_VERB (login);
CLI_DECLARE_VERB (logout);
CLI_DECLARE_VERB (logs);
CLI_DECLARE_VERB (mount);
CLI_DECLARE_VERB (ps);
CLI_DECLARE_VERB (pull);
CLI_DECLARE_VERB (push);
CLI_DECLARE_VERB (rename);
CLI_DECLARE_VERB (rm);
CLI_DECLARE_VERB (rmi);
CLI_DECLARE_VERB (run);
CLI_DECLARE_VERB (search);
CLI_DECLARE_VERB (save);
CLI_DECLARE_VERB (start);
CLI_DECLARE_VERB (stats);
CLI_DECLARE_VERB (stop);
CLI_DECLARE_VERB (system_check);
CLI_DECLARE_VERB (system_df);
CLI_DECLARE_VERB (system_shutdown);
CLI_DECLARE_VERB (system_migrate);
CLI_DECLARE_VERB (system_prune);
CLI_DECLARE_VERB (system_renumber);
CLI_DECLARE_VERB (tag);
CLI_DECLARE_VERB (untag);
CLI_DECLARE_VERB (update);
CLI_DECLARE_VERB (top);
CLI_DECLARE_VERB (umount);
CLI_DECLARE_VERB (version);
CLI_DECLARE_VERB (wait);

/* Prints "Error: ..." and gives the exit status that fits. */
int         cli_fail           (const char          *format,
                                ...) G_GNUC_PRINTF (1, 2);
int         cli_fail_error     (GError              *error);

/* Parses the options of a verb; argv keeps what is left, argv[0] included. */
gboolean    cli_parse          (const CliVerb       *verb,
                                const GOptionEntry  *entries,
                                gboolean             options_first,
                                int                 *argc,
                                char              ***argv,
                                int                 *status);

CpodClient *cli_connect        (CliApp              *app,
                                GError             **error);
GVariant   *cli_call           (CliApp              *app,
                                const char          *path,
                                const char          *interface,
                                const char          *method,
                                GVariant            *parameters,
                                GError             **error);
/* The same with descriptors: those that go along, and those of the reply. */
GVariant   *cli_call_with_fds  (CliApp              *app,
                                const char          *path,
                                const char          *interface,
                                const char          *method,
                                GVariant            *parameters,
                                GUnixFDList         *given,
                                GUnixFDList        **got,
                                GError             **error);
/* The same for a method that gives a job: waits for its end and gives its result (a{sv}). */
GVariant   *cli_call_job       (CliApp              *app,
                                const char          *path,
                                const char          *interface,
                                const char          *method,
                                GVariant            *parameters,
                                GError             **error);
char       *cli_find_container (CliApp              *app,
                                const char          *name,
                                GError             **error);
/* Object path of an image. */
char       *cli_find_image     (CliApp              *app,
                                const char          *name,
                                GError             **error);
/* Id of the newest container. */
char       *cli_find_latest    (CliApp              *app,
                                GError             **error);
GVariant   *cli_no_options     (void);
/* Adds the namespace to a call's options, if one was given. */
void        cli_add_namespace  (CliApp              *app,
                                GVariantBuilder     *builder);
/* Options with nothing but that. */
GVariant   *cli_scope          (CliApp              *app);
/* D-Bus has no strings that are not UTF-8. */
gboolean    cli_check_command  (char               **command,
                                GError             **error);
/* Adds the variables of options "--env-file" and, over them, "--env", with the values that we have of those without
 * one. */
gboolean    cli_add_env        (GVariantBuilder     *builder,
                                char               **files,
                                char               **env,
                                GError             **error);

/* Calls FUNC for each argument after the first, or for the newest container, and goes on after an error; gives the last
 * exit status that is not 0. */
typedef int (*CliEachFunc) (CliApp *app, const char *name, gpointer user_data);
int         cli_for_each       (CliApp              *app,
                                char               **argv,
                                CliEachFunc          func,
                                gpointer             user_data);

/* The same for all that LIST gives as an argv, which may be none; ARGV must not name any. */
typedef char **(*CliListFunc) (CliApp *app, GError **error);
int         cli_for_all        (CliApp              *app,
                                char               **argv,
                                CliListFunc          list,
                                CliEachFunc          func,
                                gpointer             user_data);

/* The ids of ROWS (aa{sv}) as an argv. */
char      **cli_list_ids       (GVariant            *rows);

/* Calls the verb's method for each container that is named in ARGV, and prints the names of those where that
 * went well. The call's one option is KEY, if VALUE (floating) is not NULL. */
int         cli_call_each      (CliApp              *app,
                                const CliVerb       *verb,
                                char               **argv,
                                const char          *key,
                                GVariant            *value);

G_END_DECLS
