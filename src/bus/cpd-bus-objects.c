/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-objects.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES "org.freedesktop.DBus.Properties"

struct _CpdBusObjects
{
  char *root;                   /* (owned) */
  char *interface;              /* (owned) */
  CpdBusEmit emit;
  CpdBusLoad load;              /* (nullable): NULL once it was called */
  gpointer user_data;
  GHashTable *table;            /* (owned): id → GVariant a{sv} */
  GHashTable *told;             /* (owned) (nullable): the same as clients know it, while nothing is told */
};

CpdBusObjects *
cpd_bus_objects_new (const char *root, const char *interface, CpdBusEmit emit, gpointer user_data)
{
  CpdBusObjects *objects = g_new0 (CpdBusObjects, 1);

  objects->root = g_strdup (root);
  objects->interface = g_strdup (interface);
  objects->emit = emit;
  objects->user_data = user_data;
  objects->table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                          (GDestroyNotify) g_variant_unref);
  return objects;
}

void
cpd_bus_objects_free (CpdBusObjects *objects)
{
  if (objects == NULL)
    return;
  g_hash_table_unref (objects->table);
  g_clear_pointer (&objects->told, g_hash_table_unref);
  g_free (objects->interface);
  g_free (objects->root);
  g_free (objects);
}

void
cpd_bus_objects_set_load (CpdBusObjects *objects, CpdBusLoad load)
{
  objects->load = load;
}

void
cpd_bus_objects_ensure (CpdBusObjects *objects)
{
  CpdBusLoad load = g_steal_pointer (&objects->load);

  if (load != NULL)
    load (objects, objects->user_data);
}

/*
 * A variant that was just built is a tree of allocations, several KiB for
 * what is a few hundred bytes; asking for the bytes folds it into one block.
 */
static GVariant *
fold (GVariant *variant)
{
  (void) g_variant_get_data (variant);
  return variant;
}

GVariant *
cpd_bus_properties_diff (GVariant *announced, GVariant *now)
{
  g_auto(GVariantBuilder) changed = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  gboolean any = FALSE;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iter, now);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr(GVariant) owned = value;
      g_autoptr(GVariant) before = g_variant_lookup_value (announced, key, NULL);

      if (before != NULL && g_variant_equal (before, owned))
        continue;
      g_variant_builder_add (&changed, "{sv}", key, owned);
      any = TRUE;
    }
  return any ? g_variant_builder_end (&changed) : NULL;
}

GVariant *
cpd_bus_properties_changed (const char *interface, GVariant *changed)
{
  return g_variant_new ("(s@a{sv}as)", interface, changed, NULL);
}

static char *
build_path (CpdBusObjects *objects, const char *id)
{
  return g_strconcat (objects->root, "/", id, NULL);
}

static void
announce_added (CpdBusObjects *objects, const char *path, GVariant *properties)
{
  GVariantBuilder interfaces = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sa{sv}}"));

  g_variant_builder_add (&interfaces, "{s@a{sv}}", objects->interface, properties);
  objects->emit (objects->root, OBJECT_MANAGER, "InterfacesAdded",
                 g_variant_new ("(oa{sa{sv}})", path, &interfaces), objects->user_data);
}

static void
announce_removed (CpdBusObjects *objects, const char *path)
{
  const char *const interfaces[] = { objects->interface, NULL };

  objects->emit (objects->root, OBJECT_MANAGER, "InterfacesRemoved",
                 g_variant_new ("(o^as)", path, interfaces), objects->user_data);
}

static void
announce_changed (CpdBusObjects *objects, const char *path, GVariant *before, GVariant *now)
{
  GVariant *changed = cpd_bus_properties_diff (before, now);

  if (changed != NULL)
    objects->emit (path, PROPERTIES, "PropertiesChanged",
                   cpd_bus_properties_changed (objects->interface, changed), objects->user_data);
}

void
cpd_bus_objects_add (CpdBusObjects *objects, const char *id, GVariant *properties)
{
  g_hash_table_insert (objects->table, g_strdup (id), fold (g_variant_ref_sink (properties)));
}

void
cpd_bus_objects_publish (CpdBusObjects *objects, const char *id, GVariant *properties)
{
  g_autoptr(GVariant) now = fold (g_variant_ref_sink (properties));
  g_autofree char *path = build_path (objects, id);
  g_autoptr(GVariant) announced = NULL;

  cpd_bus_objects_ensure (objects);
  announced = g_hash_table_lookup (objects->table, id);
  if (announced != NULL)
    g_variant_ref (announced);
  g_hash_table_insert (objects->table, g_strdup (id), g_variant_ref (now));
  if (objects->told != NULL)
    return;
  if (announced == NULL)
    announce_added (objects, path, now);
  else
    announce_changed (objects, path, announced, now);
}

/* Withdrawing what was never published is no error: its events came too late for it. */
void
cpd_bus_objects_withdraw (CpdBusObjects *objects, const char *id)
{
  g_autofree char *path = build_path (objects, id);

  cpd_bus_objects_ensure (objects);
  if (g_hash_table_remove (objects->table, id) && objects->told == NULL)
    announce_removed (objects, path);
}

void
cpd_bus_objects_hold (CpdBusObjects *objects)
{
  GHashTableIter iter;
  gpointer id, properties;

  cpd_bus_objects_ensure (objects);
  if (objects->told != NULL)
    return;
  objects->told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);
  g_hash_table_iter_init (&iter, objects->table);
  while (g_hash_table_iter_next (&iter, &id, &properties))
    g_hash_table_insert (objects->told, g_strdup (id), g_variant_ref (properties));
}

void
cpd_bus_objects_catch_up (CpdBusObjects *objects)
{
  g_autoptr(GHashTable) told = g_steal_pointer (&objects->told);
  GHashTableIter iter;
  gpointer id, value;

  if (told == NULL)
    return;
  g_hash_table_iter_init (&iter, told);
  while (g_hash_table_iter_next (&iter, &id, &value))
    {
      g_autofree char *path = build_path (objects, id);

      if (!g_hash_table_contains (objects->table, id))
        announce_removed (objects, path);
    }
  g_hash_table_iter_init (&iter, objects->table);
  while (g_hash_table_iter_next (&iter, &id, &value))
    {
      GVariant *before = g_hash_table_lookup (told, id);
      g_autofree char *path = build_path (objects, id);

      if (before == NULL)
        announce_added (objects, path, value);
      else
        announce_changed (objects, path, before, value);
    }
}

const char *
cpd_bus_objects_get_root (CpdBusObjects *objects)
{
  return objects->root;
}

gboolean
cpd_bus_objects_contains (CpdBusObjects *objects, const char *id)
{
  cpd_bus_objects_ensure (objects);
  return g_hash_table_contains (objects->table, id);
}

GVariant *
cpd_bus_objects_get (CpdBusObjects *objects, const char *id)
{
  GVariant *properties;

  cpd_bus_objects_ensure (objects);
  properties = g_hash_table_lookup (objects->table, id);
  return properties != NULL ? g_variant_ref (properties) : NULL;
}

/* (nullable): NULL when there is no such object or property. */
GVariant *
cpd_bus_objects_get_property (CpdBusObjects *objects, const char *id, const char *name)
{
  g_autoptr(GVariant) properties = cpd_bus_objects_get (objects, id);

  return properties != NULL ? g_variant_lookup_value (properties, name, NULL) : NULL;
}

char **
cpd_bus_objects_list_ids (CpdBusObjects *objects)
{
  g_autoptr(GStrvBuilder) ids = g_strv_builder_new ();
  GHashTableIter iter;
  gpointer id;

  cpd_bus_objects_ensure (objects);
  g_hash_table_iter_init (&iter, objects->table);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    g_strv_builder_add (ids, id);
  return g_strv_builder_end (ids);
}

GVariant *
cpd_bus_objects_get_managed (CpdBusObjects *objects)
{
  GVariantBuilder all = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{oa{sa{sv}}}"));
  GHashTableIter iter;
  gpointer id, properties;

  cpd_bus_objects_ensure (objects);
  g_hash_table_iter_init (&iter, objects->table);
  while (g_hash_table_iter_next (&iter, &id, &properties))
    {
      g_autofree char *path = build_path (objects, id);

      g_variant_builder_open (&all, G_VARIANT_TYPE ("{oa{sa{sv}}}"));
      g_variant_builder_add (&all, "o", path);
      g_variant_builder_open (&all, G_VARIANT_TYPE ("a{sa{sv}}"));
      g_variant_builder_add (&all, "{s@a{sv}}", objects->interface, (GVariant *) properties);
      g_variant_builder_close (&all);
      g_variant_builder_close (&all);
    }
  return g_variant_new ("(a{oa{sa{sv}}})", &all);
}
