/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-transfer.h"

#include "engine/cpd-engine-private.h"
#include "engine/images/cpd-image-fetch.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"

/* The repositories that NAME, with a tag or without, may stand for. */
static char **
resolve (CpdEngine *engine, const char *name, GError **error)
{
  g_autoptr(CpdRegistries) registries = cpd_engine_load_registries (engine, error);
  char **names = registries != NULL ? cpd_registries_resolve (registries, name, error) : NULL;

  for (char **full = names; full != NULL && *full != NULL; full++)
    {
      g_autofree char *old = *full;

      *full = cpd_reference_repository (old);
    }
  return names;
}

/* From the first of REPOSITORIES that has any; the errors of all are told. */
static char **
list_first (const CpdSkopeo *skopeo, char **repositories, char **full_name, GError **error)
{
  g_autoptr(GString) text = g_string_new (NULL);
  CpodError code = CPOD_ERROR_NO_SUCH_IMAGE;

  for (char **repository = repositories; *repository != NULL; repository++)
    {
      g_autofree char *reference = g_strconcat (cpd_transport_prefix (CPD_TRANSPORT_DOCKER), *repository, NULL);
      g_autoptr(GError) failure = NULL;
      char **tags = cpd_skopeo_list_tags (skopeo, reference, &failure);

      if (tags != NULL)
        {
          *full_name = g_strdup (*repository);
          return tags;
        }
      if (failure->domain == CPOD_ERROR && failure->code != CPOD_ERROR_NO_SUCH_IMAGE)
        code = (CpodError) failure->code;
      g_string_append_printf (text, "%s%s", text->len > 0 ? "; " : "", failure->message);
      if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_CANCELLED))
        break;
    }
  g_set_error_literal (error, CPOD_ERROR, code, text->str);
  return NULL;
}

char **
cpd_engine_list_tags (CpdEngine *engine, const char *repository, const CpdTransfer *transfer, char **full_name,
                      GError **error)
{
  CpdTransport transport;
  const char *rest;
  g_autoptr(CpdSkopeo) skopeo = NULL;
  g_auto(GStrv) repositories = NULL;
  char **tags = NULL;

  if (!cpd_image_source_split (repository, &transport, &rest, error))
    return NULL;
  if (transport != CPD_TRANSPORT_DOCKER)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no name in a registry", repository);
      return NULL;
    }
  repositories = resolve (engine, rest, error);
  skopeo = repositories != NULL ? cpd_engine_new_skopeo (engine, transfer, transfer->cancellable, error) : NULL;
  if (skopeo != NULL)
    tags = list_first (skopeo, repositories, full_name, error);
  if (tags == NULL)
    g_prefix_error (error, "failed to list the tags of %s: ", repository);
  return tags;
}
