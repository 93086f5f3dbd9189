/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport/cpd-repositories.h"

#include <stdlib.h>
#include <string.h>

#include "common/cpd-json.h"
#include "public/cpod-error.h"

#define PROGRAM "cpod-registry"
#define AUTH_FILE "/proc/self/fd/3"
#define ANSWER_MAX (16 * 1024 * 1024)

static void
repository_free (gpointer data)
{
  CpdRepository *repository = data;

  g_free (repository->name);
  g_free (repository->description);
  g_free (repository);
}

/* It belongs to the service, and lies beside it. */
static char *
find_program (GError **error)
{
  g_autofree char *service = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *directory = service != NULL ? g_path_get_dirname (service) : NULL;
  g_autofree char *program = g_build_filename (directory != NULL ? directory : "/", PROGRAM, NULL);

  if (g_file_test (program, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&program);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s, which asks registries, is not installed", program);
  return NULL;
}

/* It writes the number of the error first. */
static void
set_error (CpdChild *child, const GError *cause, GError **error)
{
  g_autofree char *said = cpd_child_said (child);
  char *message = said;
  long code = strtol (said, &message, 10);

  if (message != said && *message == ' ')
    g_set_error_literal (error, CPOD_ERROR, (CpodError) code, message + 1);
  else
    g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED, *said != '\0' ? said : cause->message);
}

static GString *
ask (const CpdSkopeo *skopeo, const char *program, const char *host, const char *term, guint limit, gboolean insecure,
     GError **error)
{
  g_autofree char *count = g_strdup_printf ("--limit=%u", limit);
  const char *const careful[] = { program, "--auth=" AUTH_FILE, count, "--", host, term, NULL };
  const char *const trusting[] = { program, "--auth=" AUTH_FILE, count, "--insecure", "--", host, term, NULL };
  g_auto(GStrv) env = cpd_skopeo_make_environment (skopeo);
  g_autoptr(CpdChild) child = cpd_child_new (insecure ? trusting : careful, (const char *const *) env, &skopeo->auth, 1,
                                             TRUE, error);
  g_autoptr(GString) output = g_string_new (NULL);
  g_autoptr(GError) failure = NULL;

  if (child == NULL)
    return NULL;
  if (cpd_child_wait (child, output, ANSWER_MAX, skopeo->silence, NULL, NULL, skopeo->cancellable, &failure))
    return g_steal_pointer (&output);
  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED, "%s: %s", host, failure->message);
  else if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_FAILED))
    set_error (child, failure, error);
  else
    g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

static CpdRepository *
read_repository (JsonNode *node)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *name = object != NULL ? cpd_json_get_string (object, "name") : NULL;
  const char *description = object != NULL ? cpd_json_get_string (object, "description") : NULL;
  CpdRepository *repository;

  if (name == NULL)
    return NULL;
  repository = g_new0 (CpdRepository, 1);
  repository->name = g_strdup (name);
  repository->description = g_strdup (description != NULL ? description : "");
  repository->stars = cpd_json_get_int (object, "stars");
  repository->official = cpd_json_get_boolean (object, "official");
  repository->automated = cpd_json_get_boolean (object, "automated");
  return repository;
}

GPtrArray *
cpd_repositories_search (const CpdSkopeo *skopeo, const char *host, const char *term, guint limit, gboolean insecure,
                         GError **error)
{
  g_autofree char *program = find_program (error);
  g_autoptr(GString) answer = program != NULL ? ask (skopeo, program, host, term, limit, insecure, error) : NULL;
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func (repository_free);
  g_autoptr(JsonNode) node = answer != NULL ? cpd_json_parse (answer->str, (gssize) answer->len, NULL) : NULL;
  JsonArray *found = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (answer == NULL)
    return NULL;
  if (found == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s: %s gives no list", host, PROGRAM);
      return NULL;
    }
  for (guint i = 0; i < json_array_get_length (found); i++)
    {
      CpdRepository *repository = read_repository (json_array_get_element (found, i));

      if (repository != NULL)
        g_ptr_array_add (list, repository);
    }
  return g_steal_pointer (&list);
}
