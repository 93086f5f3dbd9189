/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-transfer.h"

#include <string.h>

#include "engine/cpd-engine-private.h"
#include "engine/images/cpd-image-fetch.h"
#include "public/cpod-error.h"
#include "transport/cpd-repositories.h"

/* Docker's index is not where its images are. */
#define HUB "docker.io"
#define HUB_INDEX "index.docker.io"
#define HUB_LIBRARY "library/"

/* Whether the first part of a term is a registry, as in names of images. */
static gboolean
is_registry (const char *part)
{
  return strpbrk (part, ".:") != NULL || strcmp (part, "localhost") == 0;
}

/* The registries to be asked, and what for. */
static char **
choose_registries (const CpdRegistries *registries, const char *term, const char **word, GError **error)
{
  const char *slash = strchr (term, '/');
  g_autofree char *first = slash != NULL ? g_strndup (term, (gsize) (slash - term)) : NULL;
  char **list = NULL;

  *word = term;
  if (first != NULL && is_registry (first))
    {
      list = g_new0 (char *, 2);
      list[0] = g_steal_pointer (&first);
      *word = slash + 1;
    }
  else if (*registries->search != NULL)
    list = g_strdupv (registries->search);
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                 "'%s' has no registry: give one, or name some in %s (unqualified-search-registries)", term,
                 registries->path);
  return list;
}

static void
found_free (gpointer data)
{
  CpdFoundRepository *found = data;

  g_free (found->index);
  g_free (found->name);
  g_free (found->description);
  g_free (found);
}

static CpdFoundRepository *
make_found (const char *registry, const CpdRepository *repository)
{
  CpdFoundRepository *found = g_new0 (CpdFoundRepository, 1);
  gboolean in_library = strcmp (registry, HUB) == 0 && strchr (repository->name, '/') == NULL;

  found->index = g_strdup (registry);
  found->name = g_strconcat (registry, "/", in_library ? HUB_LIBRARY : "", repository->name, NULL);
  found->description = g_strdup (repository->description);
  found->stars = repository->stars;
  found->official = repository->official;
  found->automated = repository->automated;
  return found;
}

/* Which search it is: of all registries the same. */
typedef struct
{
  const CpdRegistries *registries;
  const CpdSkopeo *skopeo;
  const char *word;
  guint limit;
} Search;

static gboolean
search_one (const Search *search, const char *registry, GPtrArray *list, GError **error)
{
  gboolean insecure;
  g_autofree char *host = cpd_registries_locate (search->registries, registry, &insecure, error);
  g_autoptr(GPtrArray) repositories = NULL;

  if (host == NULL)
    return FALSE;
  if (search->skopeo->tls_verify >= 0)
    insecure = !search->skopeo->tls_verify;
  repositories = cpd_repositories_search (search->skopeo, strcmp (host, HUB) == 0 ? HUB_INDEX : host, search->word,
                                          search->limit, insecure, error);
  for (guint i = 0; repositories != NULL && i < repositories->len; i++)
    g_ptr_array_add (list, make_found (registry, repositories->pdata[i]));
  return repositories != NULL;
}

static GPtrArray *
search_all (const Search *search, char **chosen, char ***failures, GError **error)
{
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func (found_free);
  g_autoptr(GStrvBuilder) messages = g_strv_builder_new ();
  guint n_failed = 0;

  for (char **registry = chosen; *registry != NULL; registry++)
    {
      g_autoptr(GError) failure = NULL;

      if (search_one (search, *registry, list, &failure))
        continue;
      n_failed++;
      g_strv_builder_add (messages, failure->message);
      if (n_failed == g_strv_length (chosen) || g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_CANCELLED))
        {
          g_auto(GStrv) all = g_strv_builder_end (messages);
          g_autofree char *text = g_strjoinv ("; ", all);

          g_set_error_literal (error, failure->domain, failure->code, text);
          return NULL;
        }
    }
  *failures = g_strv_builder_end (messages);
  return g_steal_pointer (&list);
}

GPtrArray *
cpd_engine_search_images (CpdEngine *engine, const char *term, guint limit, const CpdTransfer *transfer,
                          char ***failures, GError **error)
{
  g_autoptr(CpdRegistries) registries = cpd_engine_load_registries (engine, error);
  const char *word = NULL;
  g_auto(GStrv) chosen = registries != NULL ? choose_registries (registries, term, &word, error) : NULL;
  g_autoptr(CpdSkopeo) skopeo = chosen != NULL ? cpd_engine_new_skopeo (engine, transfer, transfer->cancellable, error)
                                               : NULL;
  const Search search = { registries, skopeo, word, limit };
  GPtrArray *list = skopeo != NULL ? search_all (&search, chosen, failures, error) : NULL;

  if (list == NULL)
    g_prefix_error (error, "failed to search for %s: ", term);
  return list;
}
