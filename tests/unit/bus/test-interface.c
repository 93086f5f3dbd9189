/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "bus/cpd-bus-auth.h"
#include "bus/cpd-bus-container-list.h"
#include "bus/cpd-bus-interface.h"
#include "bus/cpd-bus-rows.h"
#include "cpod-generated.h"

static const CpdBusInterface *const interfaces[] = {
  &cpd_bus_runtime_interface, &cpd_bus_images_interface, &cpd_bus_container_interface,
  &cpd_bus_image_interface, &cpd_bus_exec_interface, &cpd_bus_job_interface,
};

static const CpdBusMethod *
find_method (const CpdBusInterface *interface, const char *name)
{
  for (const CpdBusMethod *method = interface->methods; method->name != NULL; method++)
    if (strcmp (method->name, name) == 0)
      return method;
  return NULL;
}

/* Each method of the interface files has a handler, and the other way round. */
static void
test_handlers (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (interfaces); i++)
    {
      GDBusInterfaceInfo *info = interfaces[i]->get_info ();
      guint declared = 0, handled = 0;

      for (; info->methods[declared] != NULL; declared++)
        {
          const CpdBusMethod *method = find_method (interfaces[i], info->methods[declared]->name);

          g_test_message ("%s.%s", info->name, info->methods[declared]->name);
          g_assert_nonnull (method);
          g_assert_nonnull (method->options);
          g_assert_true ((method->work != NULL) != (method->start != NULL));
        }
      while (interfaces[i]->methods[handled].name != NULL)
        handled++;
      g_assert_cmpuint (handled, ==, declared);
    }
}

/* Each method carries an action, and takes its options as the last argument. */
static void
test_actions (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (interfaces); i++)
    for (GDBusMethodInfo **m = interfaces[i]->get_info ()->methods; *m != NULL; m++)
      {
        g_autoptr(GError) error = NULL;
        const char *action = cpd_bus_auth_get_action (*m, &error);
        guint n = 0;

        g_assert_no_error (error);
        g_assert_true (g_str_has_prefix (action, "org.cpod.Cpod1."));
        while ((*m)->in_args[n] != NULL)
          n++;
        g_assert_cmpstr ((*m)->in_args[n - 1]->signature, ==, "a{sv}");
      }
}

static void
assert_properties (GDBusInterfaceInfo *info, GVariant *floating)
{
  g_autoptr(GVariant) properties = g_variant_ref_sink (floating);
  guint n = 0;

  for (; info->properties[n] != NULL; n++)
    {
      g_autoptr(GVariant) value = g_variant_lookup_value (properties, info->properties[n]->name, NULL);

      g_test_message ("%s.%s", info->name, info->properties[n]->name);
      g_assert_nonnull (value);
      g_assert_cmpstr (g_variant_get_type_string (value), ==, info->properties[n]->signature);
    }
  g_assert_cmpuint (g_variant_n_children (properties), ==, n);
}

/* What is published has the properties of the interface files, and their types. */
static void
test_properties (void)
{
  CpdContainerRow container = { .id = (char *) "c", .status = { .exit_code = -1 } };
  CpdImageRow image = { .id = (char *) "i" };

  assert_properties (cpod_container_interface_info (), cpd_bus_container_properties (&container));
  assert_properties (cpod_image_interface_info (), cpd_bus_image_properties (&image));
}

/* A column for each key, in the order of the rows. */
static void
test_list (void)
{
  CpdContainerRow rows[] = {
    { .id = (char *) "1", .name = (char *) "a", .config = (char *) "{\"args\": [\"x\"], \"labels\": {\"k\": \"v\"}}",
      .status = { .state = CPD_CONTAINER_RUNNING, .pid = 7 } },
    { .id = (char *) "2", .name = (char *) "a", .config = (char *) "{}",
      .status = { .state = CPD_CONTAINER_EXITED, .pid = 0 } },
    { .id = (char *) "3", .name = (char *) "b", .config = (char *) "{}",
      .status = { .state = CPD_CONTAINER_EXITED, .pid = 7 } },
  };
  const char *const fields[] = { "labels", "command", "name", "state", "pid", NULL };
  g_autoptr(GPtrArray) array = g_ptr_array_new ();
  g_autoptr(GVariant) some = NULL, all = NULL;
  g_autofree char *text = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    g_ptr_array_add (array, &rows[i]);
  some = g_variant_ref_sink (cpd_bus_container_list (array, fields));
  text = g_variant_print (some, FALSE);
  g_assert_cmpstr (text, ==,
                   "{'name': <['a', 'a', 'b']>, 'state': <['running', 'exited', 'exited']>,"
                   " 'pid': <[uint32 7, 0, 7]>, 'command': <[['x'], [], []]>,"
                   " 'labels': <[{'k': 'v'}, {}, {}]>}");

  all = g_variant_ref_sink (cpd_bus_container_list (array, NULL));
  g_assert_cmpuint (g_variant_n_children (all), ==, 12);
  g_assert_true (cpd_bus_container_list_has_field ("exit-code"));
  g_assert_false (cpd_bus_container_list_has_field ("env"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/interface/handlers", test_handlers);
  g_test_add_func ("/interface/actions", test_actions);
  g_test_add_func ("/interface/properties", test_properties);
  g_test_add_func ("/interface/list", test_list);
  return g_test_run ();
}
