/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "registry/cpd-registry-search.h"

/*
 * cpod-registry asks a registry what skopeo cannot be asked. It is a program
 * of its own, which the service runs for one question of one caller: what a
 * registry answers is nothing that the service should have to understand, and
 * a library for the net nothing that it should have in memory all the time.
 *
 * The answer goes to standard output, as JSON. What fails goes to standard
 * error, with the number of the CpodError before it.
 */
#define SCOPE "registry:catalog:*"

static int
fail (const GError *error)
{
  fprintf (stderr, "%d %s\n", error->code, error->message);
  return EXIT_FAILURE;
}

int
main (int argc, char **argv)
{
  CpdRegistryServer server = { .scope = SCOPE };
  gint limit = 25;
  g_autofree char *auth = NULL;
  g_auto(GStrv) words = NULL;
  const GOptionEntry entries[] = {
    { "auth", 0, 0, G_OPTION_ARG_FILENAME, &auth, "Credentials, as in podman's auth.json", "FILE" },
    { "insecure", 0, 0, G_OPTION_ARG_NONE, &server.insecure, "Whoever answers is believed", NULL },
    { "limit", 0, 0, G_OPTION_ARG_INT, &limit, "Give no more than this", "NUMBER" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &words, NULL, "HOST TERM" },
    { NULL }
  };
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_autoptr(CpdRegistryHttp) http = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *found = NULL;

  g_option_context_set_summary (context, "Lists what a registry has under names with TERM in them. For cpodd.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || words == NULL
      || g_strv_length (words) != 2 || limit < 1)
    {
      fprintf (stderr, "cpod-registry: %s\n", error != NULL ? error->message : "HOST and TERM must be given");
      return EXIT_FAILURE;
    }
  server.host = words[0];
  server.auth = auth;
  http = cpd_registry_http_new (&server, &error);
  found = http != NULL ? cpd_registry_search (http, words[1], (guint) limit, &error) : NULL;
  if (found == NULL)
    return fail (error);
  puts (found);
  return fflush (stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
