/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli-agent.h"
#include "cli/cli.h"

static const CliVerb verbs[] = {
  { "attach", N_("CONTAINER"), N_("Show a running container, and pass on what is typed"), cli_attach },
  { "build", N_("[OPTION OF BUILDAH…] [CONTEXT]"), N_("Build an image with buildah"), cli_build },
  { "commit", N_("CONTAINER [NAME]"), N_("Make an image of a container"), cli_commit },
  { "config", N_("[KEY…]"), N_("Show the configuration, and where it is from"), cli_config },
  { "container cleanup", N_("CONTAINER…"), N_("Clear away what ended containers needed"), cli_each, "Cleanup" },
  { "container diff", N_("CONTAINER"), N_("Show what has been changed in a container"), cli_diff },
  { "container evict", N_("CONTAINER…"), N_("Remove containers whatever is wrong with them"), cli_container_evict, "Evict" },
  { "container exists", N_("CONTAINER"), N_("Tell by the exit status whether there is a container"), cli_container_exists },
  { "container inspect", N_("CONTAINER…"), N_("Show all about containers"), cli_container_inspect },
  { "container prune", NULL, N_("Remove all containers that do not run"), cli_container_prune },
  { "cp", N_("[CONTAINER:]FILE [CONTAINER:]FILE"), N_("Copy files from, to or between containers"), cli_cp },
  { "create", N_("IMAGE [COMMAND [ARGUMENT…]]"), N_("Create a container"), cli_create },
  { "diff", N_("CONTAINER|IMAGE"), N_("Show what has been changed in a container, or by an image's topmost layer"), cli_diff },
  { "events", NULL, N_("Show what happens"), cli_events },
  { "exec", N_("CONTAINER COMMAND [ARGUMENT…]"), N_("Run a command in a running container"), cli_exec },
  { "history", N_("IMAGE"), N_("Show how an image was made"), cli_history },
  { "image diff", N_("IMAGE"), N_("Show what an image's topmost layer changes"), cli_image_diff },
  { "image exists", N_("IMAGE"), N_("Tell by the exit status whether there is an image"), cli_image_exists },
  { "image inspect", N_("IMAGE…"), N_("Show all about images"), cli_image_inspect },
  { "image mount", N_("[IMAGE…]"), N_("Mount the roots of images, or list what is mounted"), cli_image_mount },
  { "image prune", NULL, N_("Remove images that nothing needs"), cli_image_prune },
  { "image tree", N_("IMAGE"), N_("Show the layers of an image"), cli_image_tree },
  { "image unmount", N_("IMAGE…"), N_("Unmount the roots of images"), cli_image_unmount },
  { "export", N_("CONTAINER"), N_("Write the files of a container into an archive"), cli_export },
  { "images", N_("[NAME]"), N_("List images"), cli_images },
  { "import", N_("FILE|- [REFERENCE]"), N_("Make an image of an archive"), cli_import },
  { "info", NULL, N_("Show what is known of the engine and its host"), cli_info },
  { "init", N_("CONTAINER…"), N_("Prepare containers for their start"), cli_each, "Init" },
  { "inspect", N_("CONTAINER|IMAGE…"), N_("Show all about containers and images"), cli_inspect },
  { "kill", N_("CONTAINER…"), N_("Send a signal to containers"), cli_kill, "Kill" },
  { "load", NULL, N_("Take images out of an archive"), cli_load },
  { "login", N_("REGISTRY"), N_("Log in to a registry"), cli_login },
  { "logout", N_("[REGISTRY]"), N_("Log out of a registry"), cli_logout },
  { "logs", N_("CONTAINER"), N_("Show the log of a container"), cli_logs },
  { "mount", N_("[CONTAINER…]"), N_("Mount the roots of containers, or list what is mounted"), cli_mount, "Mount" },
  { "pause", N_("CONTAINER…"), N_("Freeze containers"), cli_each, "Pause" },
  { "ps", NULL, N_("List containers"), cli_ps },
  { "pull", N_("IMAGE…"), N_("Fetch images from a registry"), cli_pull },
  { "push", N_("IMAGE [DESTINATION]"), N_("Copy an image to a registry"), cli_push },
  { "rename", N_("CONTAINER NAME"), N_("Rename a container"), cli_rename },
  { "restart", N_("CONTAINER…"), N_("Stop and start containers"), cli_stop, "Restart" },
  { "rm", N_("CONTAINER…"), N_("Remove containers"), cli_rm, "Remove" },
  { "rmi", N_("IMAGE…"), N_("Remove images"), cli_rmi },
  { "run", N_("IMAGE [COMMAND [ARGUMENT…]]"), N_("Run a command in a new container"), cli_run },
  { "search", N_("TERM"), N_("Look for repositories in registries, or list the tags of one"), cli_search },
  { "save", N_("IMAGE…"), N_("Write images into an archive"), cli_save },
  { "start", N_("CONTAINER…"), N_("Start containers"), cli_start, "Start" },
  { "stats", N_("[CONTAINER…]"), N_("Show what containers use"), cli_stats },
  { "stop", N_("CONTAINER…"), N_("Stop containers"), cli_stop, "Stop" },
  { "system check", NULL, N_("Compare the engine's records with what is there"), cli_system_check },
  { "system df", NULL, N_("Show what is used of the disk"), cli_system_df },
  { "system migrate", N_("[CONTAINER…]"), N_("Move containers to another OCI runtime"), cli_system_migrate },
  { "system prune", NULL, N_("Remove containers that do not run, and images that nothing needs"), cli_system_prune },
  { "system renumber", NULL, N_("Give out lock numbers anew, which cpod does not need"), cli_system_renumber },
  { "system shutdown", NULL, N_("End the service, and all containers if wanted"), cli_system_shutdown },
  { "tag", N_("IMAGE NAME…"), N_("Give an image further names"), cli_tag },
  { "top", N_("CONTAINER [DESCRIPTOR…|PS-OPTION…]"), N_("Show the processes in a container"), cli_top },
  { "umount", N_("CONTAINER…"), N_("Unmount the roots of containers"), cli_umount, "Unmount" },
  { "unpause", N_("CONTAINER…"), N_("Let frozen containers go on"), cli_each, "Unpause" },
  { "untag", N_("IMAGE [NAME…]"), N_("Take names away from an image"), cli_untag },
  { "update", N_("CONTAINER"), N_("Change limits of a container"), cli_update },
  { "version", NULL, N_("Show the versions of command and service"), cli_version },
  { "wait", N_("CONTAINER…"), N_("Wait for containers to end and print their exit codes"), cli_wait },
};

/* What podman calls them as well. */
static const struct { const char *name, *verb; } aliases[] = {
  { "container attach", "attach" }, { "container commit", "commit" }, { "container cp", "cp" }, { "container create", "create" },
  { "container exec", "exec" }, { "container export", "export" },
  { "container init", "init" }, { "container kill", "kill" }, { "container list", "ps" },
  { "container logs", "logs" }, { "container ls", "ps" }, { "container mount", "mount" },
  { "container pause", "pause" }, { "container ps", "ps" }, { "container rename", "rename" },
  { "container restart", "restart" }, { "container rm", "rm" }, { "container run", "run" },
  { "container start", "start" }, { "container stats", "stats" }, { "container stop", "stop" }, { "container top", "top" },
  { "container umount", "umount" },
  { "container unmount", "umount" },
  { "container unpause", "unpause" }, { "container update", "update" }, { "container wait", "wait" },
  { "image build", "build" }, { "image history", "history" }, { "image import", "import" },
  { "image list", "images" }, { "image load", "load" }, { "image ls", "images" }, { "image pull", "pull" },
  { "image push", "push" }, { "image rm", "rmi" }, { "image save", "save" }, { "image search", "search" },
  { "system events", "events" }, { "system info", "info" }, { "unmount", "umount" },
  { "image tag", "tag" }, { "image umount", "image unmount" }, { "image untag", "untag" },
};

static void
print_aliases (FILE *stream)
{
  fprintf (stream, "\n%s\n", _("Other names:"));
  for (gsize i = 0; i < G_N_ELEMENTS (aliases); i++)
    fprintf (stream, "  %-19s%s\n", aliases[i].name, aliases[i].verb);
}

static void
print_usage (FILE *stream)
{
  fprintf (stream, "%s\n  cpod [%s] %s\n\n%s\n", _("Usage:"), _("GLOBAL OPTION…"), _("VERB [OPTION…]"), _("Verbs:"));
  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    fprintf (stream, "  %-19s%s\n", verbs[i].name, _(verbs[i].summary));

  print_aliases (stream);
  fprintf (stream, "\n%s\n", _("Global options:"));
  fprintf (stream, "  --address ADDRESS  %s\n", _("Use the bus of this D-Bus address"));
  fprintf (stream, "  --namespace NAME   %s\n", _("Have to do with the containers of this namespace alone"));
  fprintf (stream, "  --session          %s\n", _("Use the session bus"));
  fprintf (stream, "  --private          %s\n", _("Start a service for this command alone, without a bus"));
  fprintf (stream, "  --runtime RUNTIME  %s\n", _("Use this OCI runtime for new containers"));
  fprintf (stream, "  --version          %s\n", _("Show the version"));
  fprintf (stream, "  --help             %s\n", _("Show help"));
  fprintf (stream, "\n%s\n", _("\"cpod VERB --help\" tells more."));
}

/* Takes the global option at ARGV; gives how many arguments it has, 0 when it is none. */
static int
take_global_option (CliApp  *app,
                    char   **argv)
{
  if (g_str_has_prefix (argv[0], "--address="))
    app->address = argv[0] + strlen ("--address=");
  else if (g_str_equal (argv[0], "--address") && argv[1] != NULL)
    app->address = argv[1];
  else if (g_str_has_prefix (argv[0], "--namespace="))
    app->name_space = argv[0] + strlen ("--namespace=");
  else if (g_str_equal (argv[0], "--namespace") && argv[1] != NULL)
    app->name_space = argv[1];
  else if (g_str_has_prefix (argv[0], "--runtime="))
    app->oci_runtime = argv[0] + strlen ("--runtime=");
  else if (g_str_equal (argv[0], "--runtime") && argv[1] != NULL)
    app->oci_runtime = argv[1];
  else if (g_str_equal (argv[0], "--session"))
    app->bus_type = G_BUS_TYPE_SESSION;
  else if (g_str_equal (argv[0], "--private"))
    app->private_peer = TRUE;
  else
    return 0;

  return g_str_equal (argv[0], "--address") || g_str_equal (argv[0], "--namespace") || g_str_equal (argv[0], "--runtime")
         ? 2 : 1;
}

/* The rest of a verb of two words whose first is WORD, else NULL. */
static const char *
second_word (const char *verb,
             const char *word)
{
  const gsize length = strlen (word);

  return strncmp (verb, word, length) == 0 && verb[length] == ' ' ? verb + length + 1 : NULL;
}

/* What can follow WORD, or NULL when no verb begins with it. */
static char *
list_second_words (const char *word)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  g_auto(GStrv) list = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      const char *second = second_word (verbs[i].name, word);

      if (second != NULL)
        g_strv_builder_add (builder, second);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (aliases); i++)
    {
      if (second_word (aliases[i].name, word) != NULL)
        g_strv_builder_add (builder, second_word (aliases[i].name, word));
    }

  list = g_strv_builder_end (builder);
  return list[0] != NULL ? g_strjoinv (", ", list) : NULL;
}

/* What stands in the place of a verb but is none: help, version, nonsense. */
static int
run_without_verb (const char *word)
{
  g_autofree char *choice = NULL;

  if (word == NULL)
    {
      print_usage (stderr);
      return CLI_EXIT_ERROR;
    }

  if (g_str_equal (word, "--version") || g_str_equal (word, "-v"))
    {
      printf ("cpod version %s\n", CPD_VERSION);
      return EXIT_SUCCESS;
    }

  if (g_str_equal (word, "--help") || g_str_equal (word, "-h") || g_str_equal (word, "help"))
    {
      print_usage (stdout);
      return EXIT_SUCCESS;
    }

  if (word[0] == '-')
    return cli_fail (_("unknown option %s; see \"cpod --help\""), word);

  choice = list_second_words (word);
  if (choice != NULL)
    return cli_fail (_("what to do must be given after \"%s\": %s"), word, choice);

  return cli_fail (_("unknown verb \"%s\"; see \"cpod --help\""), word);
}

/* How many of WORDS, one or two, are NAME; 0 when they are not. */
static int
match_words (const char  *name,
             char       **words)
{
  const char *second = second_word (name, words[0]);

  if (g_str_equal (name, words[0]))
    return 1;

  return second != NULL && g_strcmp0 (second, words[1]) == 0 ? 2 : 0;
}

/* What another name stands for; N_WORDS tells how many of WORDS it has. */
static const char *
find_alias (char **words,
            int   *n_words)
{
  for (gsize i = 0; i < G_N_ELEMENTS (aliases); i++)
    {
      *n_words = match_words (aliases[i].name, words);
      if (*n_words > 0)
        return aliases[i].verb;
    }

  return NULL;
}

/* The verb at the beginning of WORDS; N_WORDS tells how many of them it has. */
static const CliVerb *
find_verb (char **words,
           int   *n_words)
{
  const char *name;

  for (gsize i = 0; i < G_N_ELEMENTS (verbs) && words[0] != NULL; i++)
    {
      *n_words = match_words (verbs[i].name, words);
      if (*n_words > 0)
        return &verbs[i];
    }

  name = words[0] != NULL ? find_alias (words, n_words) : NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (verbs) && name != NULL; i++)
    {
      if (g_str_equal (verbs[i].name, name))
        return &verbs[i];
    }

  return NULL;
}

/* A private service is given the time to end, so that the next command finds its state free. */
static void
close_app (CliApp *app)
{
  if (app->client != NULL && app->private_peer)
    cpod_client_close_sync (app->client, NULL, NULL);

  g_clear_object (&app->client);
  cli_agent_end ();
}

int
main (int    argc,
      char **argv)
{
  CliApp app = { .bus_type = G_BUS_TYPE_SYSTEM };
  const CliVerb *verb;
  int first = 1;
  int n_words = 0;
  int taken;
  int status;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, CPD_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);

  while (argv[first] != NULL && (taken = take_global_option (&app, argv + first)) > 0)
    first += taken;

  verb = find_verb (argv + first, &n_words);
  if (verb == NULL)
    return run_without_verb (argv[first]);

  first += n_words - 1;
  status = verb->run (&app, verb, argc - first, argv + first);
  close_app (&app);
  if (fflush (stdout) != 0 && status == EXIT_SUCCESS)
    status = cli_fail (_("failed to write the output: %s"), g_strerror (errno));

  return status;
}
