/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-event-rows.h"
#include "cli/cli-filters.h"
#include "cli/cli-ps-rows.h"
#include "cli/cli-template.h"

#define NOW (G_GINT64_CONSTANT (1700000000) * G_USEC_PER_SEC)

static GVariant *
make_container (const char *state)
{
  g_autofree char *text = g_strdup_printf (
    "{'id': <'0123456789abcdef'>, 'name': <'web'>, 'image': <'busybox'>, 'state': <'%s'>, 'exit-code': <3>,"
    " 'created': <uint64 1699999000000000>, 'started': <uint64 1699999400000000>,"
    " 'finished': <uint64 1699999990000000>, 'command': <['sleep', '1000000000000000000']>,"
    " 'labels': <{'a': 'b'}>}", state);

  return g_variant_ref_sink (g_variant_new_parsed (text));
}

static void
test_status (void)
{
  static const char *const cases[][2] = {
    { "running", "Up 10 minutes ago" }, { "exited", "Exited (3) 10 seconds ago" },
    { "stopped", "Exited (3) 10 seconds ago" }, { "configured", "Created" }, { "created", "Created" },
    { "paused", "Paused" }, { "removing", "Removing" }, { "stopping", "Stopping" }, { "new word", "Created" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GVariant) container = make_container (cases[i][0]);
      g_autofree char *status = cli_ps_status (container, NOW);

      g_assert_cmpstr (status, ==, cases[i][1]);
    }
}

static void
assert_member (GVariant   *row,
               const char *key,
               const char *expected)
{
  g_autoptr(GVariant) value = cli_value_get (row, key);
  g_autoptr(GString) text = g_string_new (NULL);

  g_assert_nonnull (value);
  cli_value_print (value, text);
  g_assert_cmpstr (text->str, ==, expected);
}

static void
test_row (void)
{
  g_autoptr(GVariant) container = make_container ("running");
  g_autoptr(GVariant) row = g_variant_ref_sink (cli_ps_row (container, NOW, TRUE));
  g_autoptr(GVariant) whole = g_variant_ref_sink (cli_ps_row (container, NOW, FALSE));
  g_autoptr(GVariant) json = g_variant_ref_sink (cli_ps_json (container, NOW));

  assert_member (row, "ID", "0123456789ab");
  assert_member (row, "Command", "sleep 10000000000...");
  assert_member (row, "Labels", "a=b");
  assert_member (whole, "ID", "0123456789abcdef");
  assert_member (whole, "Command", "sleep 1000000000000000000");
  assert_member (json, "Names", "[web]");
  assert_member (json, "Command", "[sleep 1000000000000000000]");
  assert_member (json, "Exited", "false");
}

static void
test_event (void)
{
  g_autoptr(GVariant) event = g_variant_ref_sink (g_variant_new_parsed (
    "{'seq': <uint64 7>, 'time': <uint64 1700000000000001>, 'type': <'container'>, 'status': <'died'>,"
    " 'id': <'abc'>, 'name': <'web'>, 'attributes': <{'exit-code': <3>, 'image': <'busybox'>}>,"
    " 'uid': <uint32 5>}"));
  g_autofree char *text = cli_event_text (event, FALSE);
  g_autoptr(GVariant) row = cli_event_row (event);

  g_assert_cmpstr (text, ==, "2023-11-14 22:13:20.000001 +0000 UTC container died abc"
                             " (image=busybox, name=web, exit-code=3)");
  assert_member (row, "Seq", "7");
  assert_member (row, "Image", "busybox");
  assert_member (row, "Uid", "5");
}

static void
test_filters (void)
{
  static const CliFilter known[] = { { "name", "name" }, { "status", "state" } };
  char *good[] = { (char *) "name=a", (char *) "status=running", (char *) "name=b=c", NULL };
  char *bad[] = { (char *) "nmae=a", NULL };
  char *without[] = { (char *) "name", NULL };
  g_auto(GVariantBuilder) unused = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantBuilder builder;
  g_autoptr(GVariant) dict = NULL;
  g_autoptr(GError) error = NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_assert_true (cli_filters_add (&builder, known, G_N_ELEMENTS (known), good, &error));
  g_assert_no_error (error);
  dict = g_variant_ref_sink (g_variant_builder_end (&builder));
  g_assert_cmpuint (g_variant_n_children (dict), ==, 2);
  assert_member (dict, "name", "[a b=c]");
  assert_member (dict, "state", "[running]");

  g_assert_false (cli_filters_add (&unused, known, G_N_ELEMENTS (known), bad, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (cli_filters_add (&unused, known, G_N_ELEMENTS (known), without, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

int
main (int    argc,
      char **argv)
{
  g_setenv ("TZ", "UTC", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/rows/status", test_status);
  g_test_add_func ("/cli/rows/container", test_row);
  g_test_add_func ("/cli/rows/event", test_event);
  g_test_add_func ("/cli/filters", test_filters);
  return g_test_run ();
}
