/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-transfer.h"

#include <string.h>

#include "common/cpd-fault.h"
#include "engine/cpd-engine-private.h"
#include "engine/images/cpd-image-fetch.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"
#include "storage/cpd-storage-transfer.h"

/* A push under way. */
typedef struct
{
  const CpdTransfer *transfer;  /* (unowned) */
  CpdImageLayout layout;
} Push;

/* The name of the image that was meant by GIVEN, or any if that was an id; NULL when it has none with a registry. */
static const char *
choose_name (const CpdImageRow *image, const char *given)
{
  g_auto(GStrv) candidates = cpd_reference_candidates (given, NULL);
  const char *name = image->names[0];

  for (char **candidate = candidates; candidate != NULL && *candidate != NULL; candidate++)
    for (char **own = image->names; *own != NULL; own++)
      if (strcmp (*own, *candidate) == 0)
        return g_str_has_prefix (*own, "localhost/") ? NULL : *own;
  return name == NULL || g_str_has_prefix (name, "localhost/") ? NULL : name;
}

/* Where an image goes, as skopeo takes it. */
static char *
choose_destination (const CpdImageRow *image, const char *given, const char *destination, const CpdCaller *caller,
                    GError **error)
{
  g_autofree char *name = NULL;
  CpdTransport transport;
  const char *rest;

  if (*destination == '\0')
    destination = choose_name (image, given);
  if (destination == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                   "image %s has no name with a registry: say where it is to go", given);
      return NULL;
    }
  if (!cpd_image_source_split (destination, &transport, &rest, error)
      || !cpd_engine_check_transport (transport, caller, error))
    return NULL;
  if (transport != CPD_TRANSPORT_DOCKER)
    return g_strdup (destination);
  name = cpd_reference_normalize (rest, error);
  if (name == NULL)
    return NULL;
  if (!cpd_reference_is_short (rest) && strchr (name, '@') == NULL)
    return g_strconcat (cpd_transport_prefix (transport), name, NULL);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "destination: '%s' %s", rest,
               strchr (name, '@') != NULL ? "has a digest, which cannot be chosen" : "has no registry");
  return NULL;
}

/* skopeo tells no numbers, but the kernel does: what it has written is what has gone out. */
static void
report (guint64 written, gpointer user_data)
{
  const Push *push = user_data;

  push->transfer->progress (MIN (written, (guint64) push->layout.size), (guint64) push->layout.size, 0,
                            push->layout.layers, push->transfer->user_data);
}

static gboolean
copy (CpdEngine *engine, Push *push, const char *destination, const char *format, char **digest, GError **error)
{
  const CpdTransfer *transfer = push->transfer;
  g_autoptr(CpdSkopeo) skopeo = cpd_engine_new_skopeo (engine, transfer, transfer->cancellable, error);
  g_autofree char *from = g_strconcat ("dir:", push->layout.path, NULL);
  gboolean keeps = format == NULL && !g_str_has_prefix (destination, "docker-archive:")
                   && !g_str_has_prefix (destination, "containers-storage:");

  if (skopeo == NULL)
    return FALSE;
  skopeo->tmp_dir = g_strdup (push->layout.path);
  if (!cpd_skopeo_copy (skopeo, from, destination, keeps ? CPD_SKOPEO_COPY_KEEP_DIGESTS : 0, format, digest,
                        transfer->progress != NULL ? report : NULL, push, error))
    return FALSE;
  cpd_fault_point ("push.copied");
  if (transfer->progress != NULL)
    transfer->progress ((guint64) push->layout.size, (guint64) push->layout.size, push->layout.layers,
                        push->layout.layers, transfer->user_data);
  return TRUE;
}

static char *
push_image (CpdEngine *engine, const CpdImageRow *image, const char *destination, const char *format,
            const CpdTransfer *transfer, GError **error)
{
  Push push = { .transfer = transfer };
  g_autofree char *digest = NULL;
  const char *told = g_str_has_prefix (destination, "docker://") ? destination + strlen ("docker://") : destination;
  gboolean done;

  if (!cpd_storage_lay_out (engine->storage, image, FALSE, &push.layout, error))
    return NULL;
  done = copy (engine, &push, destination, format, &digest, error);
  if (!cpd_storage_end_layout (engine->storage, &push.layout, image->id, done ? "push" : NULL, told,
                               transfer->caller, done ? error : NULL))
    done = FALSE;
  return done ? g_steal_pointer (&digest) : NULL;
}

char *
cpd_engine_push_image (CpdEngine *engine, const char *image, const char *destination, const char *format,
                       const CpdTransfer *transfer, GError **error)
{
  g_autoptr(CpdImageRow) row = cpd_storage_find_image (engine->storage, image, error);
  g_autofree char *to = row != NULL ? choose_destination (row, image, destination, transfer->caller, error) : NULL;
  char *digest;

  if (to == NULL)
    return NULL;
  digest = push_image (engine, row, to, format, transfer, error);
  if (digest == NULL)
    g_prefix_error (error, "failed to push image %s: ", image);
  return digest;
}
