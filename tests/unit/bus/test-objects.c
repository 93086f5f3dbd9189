/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "bus/cpd-bus-objects.h"
#include "bus/cpd-bus-rows.h"

#define ROOT "/org/cpod/Cpod1/containers"
#define INTERFACE "org.cpod.Cpod1.Container"

typedef struct
{
  CpdBusObjects *objects;
  GPtrArray *emitted;           /* (element-type utf8) */
} Fixture;

static void
record (const char *path, const char *interface, const char *signal,
        GVariant *parameters, gpointer user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GVariant) owned = g_variant_ref_sink (parameters);
  g_autofree char *text = g_variant_print (owned, FALSE);

  g_ptr_array_add (fixture->emitted, g_strdup_printf ("%s %s.%s %s", path, interface, signal, text));
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->objects = cpd_bus_objects_new (ROOT, INTERFACE, record, fixture);
  fixture->emitted = g_ptr_array_new_with_free_func (g_free);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  cpd_bus_objects_free (fixture->objects);
  g_ptr_array_unref (fixture->emitted);
}

static void
publish (Fixture *fixture, const char *id, const char *properties)
{
  cpd_bus_objects_publish (fixture->objects, id, g_variant_new_parsed (properties));
}

static void
assert_emitted (Fixture *fixture, guint index, const char *text)
{
  g_assert_cmpuint (fixture->emitted->len, ==, index + 1);
  g_assert_cmpstr (fixture->emitted->pdata[index], ==, text);
}

static void
test_life (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GVariant) name = NULL;

  publish (fixture, "a", "{'Name': <'x'>, 'Pid': <uint32 0>}");
  assert_emitted (fixture, 0, ROOT " org.freedesktop.DBus.ObjectManager.InterfacesAdded ('" ROOT "/a',"
                  " {'" INTERFACE "': {'Name': <'x'>, 'Pid': <uint32 0>}})");

  publish (fixture, "a", "{'Name': <'y'>, 'Pid': <uint32 0>}");
  assert_emitted (fixture, 1, ROOT "/a org.freedesktop.DBus.Properties.PropertiesChanged"
                  " ('" INTERFACE "', {'Name': <'y'>}, [])");
  name = cpd_bus_objects_get_property (fixture->objects, "a", "Name");
  g_assert_cmpstr (g_variant_get_string (name, NULL), ==, "y");

  cpd_bus_objects_withdraw (fixture->objects, "a");
  assert_emitted (fixture, 2, ROOT " org.freedesktop.DBus.ObjectManager.InterfacesRemoved"
                  " ('" ROOT "/a', ['" INTERFACE "'])");
  g_assert_false (cpd_bus_objects_contains (fixture->objects, "a"));
}

static void
test_no_difference (Fixture *fixture, gconstpointer data)
{
  publish (fixture, "a", "{'Name': <'x'>, 'Names': <['b', 'c']>}");
  publish (fixture, "a", "{'Names': <['b', 'c']>, 'Name': <'x'>}");
  g_assert_cmpuint (fixture->emitted->len, ==, 1);

  cpd_bus_objects_withdraw (fixture->objects, "never-there");
  g_assert_cmpuint (fixture->emitted->len, ==, 1);
}

/* A difference is one to what was announced last, not to what was announced first. */
static void
test_back_and_forth (Fixture *fixture, gconstpointer data)
{
  publish (fixture, "a", "{'Pid': <uint32 0>}");
  publish (fixture, "a", "{'Pid': <uint32 7>}");
  publish (fixture, "a", "{'Pid': <uint32 0>}");
  g_assert_cmpuint (fixture->emitted->len, ==, 3);
}

static void
test_reads (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GVariant) managed = NULL;
  g_autofree char *text = NULL;
  g_auto(GStrv) ids = NULL;

  publish (fixture, "a", "{'Pid': <uint32 1>}");
  publish (fixture, "b", "{'Pid': <uint32 2>}");
  ids = cpd_bus_objects_list_ids (fixture->objects);
  g_assert_cmpuint (g_strv_length (ids), ==, 2);
  g_assert_true (g_strv_contains ((const char *const *) ids, "b"));
  g_assert_null (cpd_bus_objects_get_property (fixture->objects, "a", "Name"));
  g_assert_null (cpd_bus_objects_get_property (fixture->objects, "c", "Pid"));

  cpd_bus_objects_withdraw (fixture->objects, "b");
  managed = g_variant_ref_sink (cpd_bus_objects_get_managed (fixture->objects));
  text = g_variant_print (managed, FALSE);
  g_assert_cmpstr (text, ==, "({'" ROOT "/a': {'" INTERFACE "': {'Pid': <uint32 1>}}},)");
}

/* With a thousand containers, what is kept of each is what counts. */
static void
test_size (void)
{
  char id[65] = { 0 }, name[254] = { 0 };
  CpdContainerRow row = {
    .id = id, .name = name, .namespace = (char *) "team",
    .image = (char *) "registry.example.org/some/thing:latest", .image_id = id,
    .created = G_MAXINT64, .status = { .state = CPD_CONTAINER_CONFIGURED },
  };
  g_autoptr(GVariant) properties = NULL;

  memset (id, 'f', 64);
  memset (name, 'n', 253);
  properties = g_variant_ref_sink (cpd_bus_container_properties (&row));
  g_assert_cmpuint (g_variant_n_children (properties), ==, 15);
  g_assert_cmpuint (g_variant_get_size (properties), <, 1024);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/objects/life", Fixture, NULL, set_up, test_life, tear_down);
  g_test_add ("/objects/no-difference", Fixture, NULL, set_up, test_no_difference, tear_down);
  g_test_add ("/objects/back-and-forth", Fixture, NULL, set_up, test_back_and_forth, tear_down);
  g_test_add ("/objects/reads", Fixture, NULL, set_up, test_reads, tear_down);
  g_test_add_func ("/objects/size", test_size);
  return g_test_run ();
}
