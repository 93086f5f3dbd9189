/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-events.h"

#include <string.h>

#include "bus/cpd-bus-objects.h"
#include "bus/cpd-bus-rows.h"
#include "common/cpd-journal.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

#define RUNTIME_INTERFACE "org.cpod.Cpod1.Runtime"

/*
 * Shows a container as it is now. One that is gone stays published until its
 * event "remove" comes, so that its end is told in order; one that was never
 * published and is gone already is not shown at all.
 */
static void
refresh_container (CpdBusService *service, const char *id)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdContainerRow) row = NULL;

  row = cpd_engine_get_container (cpd_bus_service_get_engine (service), id, &error);
  if (row != NULL)
    cpd_bus_objects_publish (cpd_bus_service_get_containers (service), row->id,
                             cpd_bus_container_properties (row));
  else if (!g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    cpd_log_container (G_LOG_LEVEL_MESSAGE, id, "failed to read container %s: %s", id, error->message);
}

static void
refresh_image (CpdBusService *service, const char *id)
{
  CpdStore *store = cpd_engine_get_store (cpd_bus_service_get_engine (service));
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdImageRow) row = cpd_store_get_image (store, id, &error);

  if (row != NULL)
    cpd_bus_objects_publish (cpd_bus_service_get_images (service), row->id,
                             cpd_bus_image_properties (row));
  else if (!g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE))
    g_message ("failed to read image %s: %s", id, error->message);
}

static void
emit_runtime (CpdBusService *service, const char *signal, GVariant *parameters)
{
  cpd_bus_service_emit (service, NULL, CPOD_PATH_RUNTIME, RUNTIME_INTERFACE, signal, parameters);
}

/* The signals that exist besides Event. */
static void
tell_container (CpdBusService *service, const CpdEventRow *event)
{
  g_autofree char *path = cpd_bus_container_path (event->id);
  const char *old_name = "";

  if (strcmp (event->status, "create") == 0)
    emit_runtime (service, "Create", g_variant_new ("(toss)", event->seq, path, event->id, event->name));
  else if (strcmp (event->status, "remove") == 0)
    emit_runtime (service, "Remove", g_variant_new ("(toss)", event->seq, path, event->id, event->name));
  else if (strcmp (event->status, "rename") == 0)
    {
      if (event->attributes != NULL)
        g_variant_lookup (event->attributes, "old-name", "&s", &old_name);
      emit_runtime (service, "Rename", g_variant_new ("(tosss)", event->seq, path, event->id,
                                                      old_name, event->name));
    }
}

/* A name can be taken away from one image by giving it to another. */
static void
refresh_namesakes (CpdBusService *service, const char *id, const char *name)
{
  CpdBusObjects *images = cpd_bus_service_get_images (service);
  g_auto(GStrv) ids = cpd_bus_objects_list_ids (images);

  for (char **i = ids; *i != NULL; i++)
    {
      g_autoptr(GVariant) value = cpd_bus_objects_get_property (images, *i, "Names");
      g_autofree const char **names = g_variant_get_strv (value, NULL);

      if (strcmp (*i, id) != 0 && g_strv_contains (names, name))
        refresh_image (service, *i);
    }
}

/* The image that was made of a container. */
static void
refresh_committed (CpdBusService *service, const CpdEventRow *event)
{
  CpdStore *store = cpd_engine_get_store (cpd_bus_service_get_engine (service));
  g_autoptr(CpdImageRow) row = NULL;
  const char *id = NULL;

  if (event->attributes == NULL || !g_variant_lookup (event->attributes, "committed", "&s", &id))
    return;
  row = cpd_store_get_image (store, id, NULL);
  for (char **name = row != NULL ? row->names : NULL; name != NULL && *name != NULL; name++)
    refresh_namesakes (service, id, *name);
  refresh_image (service, id);
}

static void
on_container_event (CpdBusService *service, const CpdEventRow *event)
{
  if (strcmp (event->status, "remove") == 0)
    cpd_bus_objects_withdraw (cpd_bus_service_get_containers (service), event->id);
  else
    refresh_container (service, event->id);
  if (strcmp (event->status, "commit") == 0)
    refresh_committed (service, event);
}

static void
on_image_event (CpdBusService *service, const CpdEventRow *event)
{
  if (strcmp (event->status, "remove") == 0)
    {
      cpd_bus_objects_withdraw (cpd_bus_service_get_images (service), event->id);
      return;
    }
  if (*event->id == '\0')      /* it is about several, each of which had its own */
    return;
  refresh_namesakes (service, event->id, event->name);
  refresh_image (service, event->id);
}

/* The errors of a refresh as (os): of whose container, and what. */
static GVariant *
build_errors (const CpdEventRow *event)
{
  GVariantBuilder errors = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(os)"));
  g_autoptr(GVariantIter) iter = NULL;
  const char *id, *message;

  if (event->attributes != NULL)
    g_variant_lookup (event->attributes, "errors", "a{ss}", &iter);
  while (iter != NULL && g_variant_iter_next (iter, "{&s&s}", &id, &message))
    {
      g_autofree char *path = cpd_bus_container_path (id);

      g_variant_builder_add (&errors, "(os)", path, message);
    }
  return g_variant_builder_end (&errors);
}

static void
tell_system (CpdBusService *service, const CpdEventRow *event)
{
  const char *boot_id = "";
  guint32 ok = 0, failed = 0;

  if (strcmp (event->status, "refresh") != 0)
    return;
  if (event->attributes != NULL)
    {
      g_variant_lookup (event->attributes, "boot-id", "&s", &boot_id);
      g_variant_lookup (event->attributes, "ok", "u", &ok);
      g_variant_lookup (event->attributes, "failed", "u", &failed);
    }
  emit_runtime (service, "Refreshed", g_variant_new ("(tsuu@a(os))", event->seq, boot_id, ok, failed,
                                                    build_errors (event)));
}

/* The signal of its own, then Event. */
static void
tell (CpdBusService *service, const CpdEventRow *event)
{
  g_autoptr(GVariant) attributes = NULL;

  if (strcmp (event->type, "container") == 0)
    tell_container (service, event);
  else if (strcmp (event->type, "system") == 0)
    tell_system (service, event);
  attributes = event->attributes != NULL
               ? g_variant_ref (event->attributes)
               : g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
  emit_runtime (service, "Event",
                g_variant_new ("(ttssss@a{sv})", event->seq, (guint64) event->time, event->type,
                               event->status, event->id, event->name, attributes));
}

/* The order that is promised: the objects first. */
static void
on_event (CpdEngine *engine, const CpdEventRow *event, gpointer user_data)
{
  CpdBusService *service = user_data;
  CpdBusProgress *progress = cpd_bus_service_get_progress (service);

  if (strcmp (event->type, "container") == 0)
    on_container_event (service, event);
  else if (strcmp (event->type, "image") == 0)
    on_image_event (service, event);
  else
    cpd_bus_service_update (service);   /* the health tells of what could not be rebuilt */

  progress->shown = event->seq;
  if (progress->told == 0)
    progress->told = event->seq - 1;
  if (cpd_bus_service_is_holding (service))
    return;
  progress->told = event->seq;
  tell (service, event);
}

gboolean
cpd_bus_events_catch_up (CpdBusService *service)
{
  CpdBusProgress *progress = cpd_bus_service_get_progress (service);
  CpdEventQuery query = { .since = progress->told };
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) events =
    cpd_store_list_events (cpd_engine_get_store (cpd_bus_service_get_engine (service)), &query, NULL, NULL, &error);

  if (events == NULL)
    g_info ("failed to read the events: %s", error->message);
  for (guint i = 0; events != NULL && i < events->len && progress->told < progress->shown; i++)
    {
      const CpdEventRow *event = events->pdata[i];

      progress->told = event->seq;
      tell (service, event);
    }
  return progress->told >= progress->shown;
}

static void
on_container_changed (CpdEngine *engine, const char *id, gpointer user_data)
{
  CpdBusService *service = user_data;

  /* Its event "create" publishes it. */
  if (cpd_bus_objects_contains (cpd_bus_service_get_containers (service), id))
    refresh_container (service, id);
}

static void
load_containers (CpdBusObjects *objects, gpointer user_data)
{
  CpdStore *store = cpd_engine_get_store (cpd_bus_service_get_engine (user_data));
  CpdContainerQuery query = { .all = TRUE };
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) rows = cpd_store_list_containers (store, &query, &error);

  if (rows == NULL)
    g_message ("failed to publish the containers: %s", error->message);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const CpdContainerRow *row = rows->pdata[i];

      cpd_bus_objects_add (objects, row->id, cpd_bus_container_properties (row));
    }
}

static void
load_images (CpdBusObjects *objects, gpointer user_data)
{
  CpdStore *store = cpd_engine_get_store (cpd_bus_service_get_engine (user_data));
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) rows = cpd_store_list_images (store, &error);

  if (rows == NULL)
    g_message ("failed to publish the images: %s", error->message);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const CpdImageRow *row = rows->pdata[i];

      cpd_bus_objects_add (objects, row->id, cpd_bus_image_properties (row));
    }
}

void
cpd_bus_events_connect (CpdBusService *service)
{
  CpdEngine *engine = cpd_bus_service_get_engine (service);

  cpd_bus_objects_set_load (cpd_bus_service_get_containers (service), load_containers);
  cpd_bus_objects_set_load (cpd_bus_service_get_images (service), load_images);
  g_signal_connect (engine, "container-changed", G_CALLBACK (on_container_changed), service);
  g_signal_connect_swapped (engine, "health-changed", G_CALLBACK (cpd_bus_service_update), service);
  g_signal_connect (engine, "event", G_CALLBACK (on_event), service);
}

void
cpd_bus_events_disconnect (CpdBusService *service)
{
  g_signal_handlers_disconnect_by_data (cpd_bus_service_get_engine (service), service);
}
