/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-create-options.h"
#include "bus/cpd-bus-options.h"
#include "public/cpod-error.h"

static gboolean
check_small (GVariant *value, GError **error)
{
  if (g_variant_get_uint32 (value) <= 9)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "%u is not in the range 0 to 9",
               g_variant_get_uint32 (value));
  return FALSE;
}

static const CpdBusOption table[] = {
  { "count", G_VARIANT_TYPE_UINT32, check_small },
  { "force", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

static void
assert_good (const CpdBusOption *options_table, const char *text)
{
  g_autoptr(GVariant) options = g_variant_ref_sink (g_variant_new_parsed (text));
  g_autoptr(GError) error = NULL;

  cpd_bus_options_check (options_table, options, &error);
  g_assert_no_error (error);
}

static void
assert_bad (const CpdBusOption *options_table, const char *text, const char *message)
{
  g_autoptr(GVariant) options = g_variant_ref_sink (g_variant_new_parsed (text));
  g_autoptr(GError) error = NULL;

  g_assert_false (cpd_bus_options_check (options_table, options, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (error->message, ==, message);
}

static void
test_good (void)
{
  assert_good (table, "@a{sv} {}");
  assert_good (table, "{'count': <uint32 9>, 'force': <true>}");
  assert_good (cpd_bus_no_options, "@a{sv} {}");
}

static void
test_unknown (void)
{
  assert_bad (table, "{'forse': <true>}", "unknown option 'forse': known are count, force");
  assert_bad (cpd_bus_no_options, "{'force': <true>}", "unknown option 'force': this method has none");
}

static void
test_type (void)
{
  assert_bad (table, "{'count': <int32 1>}", "option 'count' must be of type 'u', not 'i'");
  assert_bad (table, "{'force': <'yes'>}", "option 'force' must be of type 'b', not 's'");
}

static void
test_range (void)
{
  assert_bad (table, "{'count': <uint32 10>}", "option 'count': 10 is not in the range 0 to 9");
}

static void
test_twice (void)
{
  assert_bad (table, "[{'force', <true>}, {'force', <false>}]", "option 'force' is given twice");
}

static void
test_readers (void)
{
  g_autoptr(GVariant) options = g_variant_ref_sink (g_variant_new_parsed
    ("{'b': <true>, 'u': <uint32 4294967295>, 's': <'text'>, 'as': <['a', 'b']>, 't': <uint64 7>}"));
  g_autofree char *text = cpd_bus_options_get_string (options, "s");
  g_autofree char *no_text = cpd_bus_options_get_string (options, "x");
  g_auto(GStrv) list = cpd_bus_options_get_strings (options, "as");
  const char *const expected[] = { "a", "b", NULL };

  g_assert_true (cpd_bus_options_get_boolean (options, "b", FALSE));
  g_assert_true (cpd_bus_options_get_boolean (options, "x", TRUE));
  g_assert_cmpint (cpd_bus_options_get_uint32 (options, "u", -1), ==, G_MAXUINT32);
  g_assert_cmpint (cpd_bus_options_get_uint32 (options, "x", -1), ==, -1);
  g_assert_cmpint (cpd_bus_options_get_time (options, "t"), ==, 7);
  g_assert_cmpstr (text, ==, "text");
  g_assert_null (no_text);
  g_assert_cmpstrv (list, expected);
  g_assert_null (cpd_bus_options_get_strings (options, "x"));
}

static void
test_create (void)
{
  const CpdBusOption *create = cpd_bus_create_options;

  assert_good (create, "{'name': <'web-1'>, 'env': <['A=', 'B=c=d']>, 'labels': <{'a': 'b'}>,"
               " 'network': <'host'>, 'stop-signal': <'SIGINT'>, 'workdir': <'/srv'>,"
               " 'hostname': <'web.example'>, 'cap-drop': <['all']>, 'privileged': <false>}");
  assert_bad (create, "{'env': <['A=b', 'C']>}", "option 'env': entry 1 is not of the form KEY=value");
  assert_bad (create, "{'env': <['=b']>}", "option 'env': entry 0 is not of the form KEY=value");
  assert_bad (create, "{'workdir': <'srv'>}", "option 'workdir': 'srv' is no absolute path");
  assert_bad (create, "{'network': <'bridge'>}",
              "option 'network': 'bridge' is unknown: known are none, host");
  assert_bad (create, "{'hostname': <'a b'>}", "option 'hostname': 'a b' is no host name of at most"
              " 64 letters, digits, '.', '-' and '_'");
  assert_bad (create, "{'labels': <['a=b']>}", "option 'labels' must be of type 'a{ss}', not 'as'");
}

static void
test_shared_checks (void)
{
  const CpdBusOption shared[] = {
    { "name", G_VARIANT_TYPE_STRING, cpd_bus_check_name },
    { "signal", G_VARIANT_TYPE_STRING, cpd_bus_check_signal },
    { "since", G_VARIANT_TYPE_UINT64, cpd_bus_check_time },
    { NULL }
  };
  const char *const bad[] = { "{'name': <'-x'>}", "{'signal': <'SIGNOPE'>}", "{'signal': <'0'>}",
                              "{'since': <uint64 9223372036854775808>}" };

  assert_good (shared, "{'name': <'x'>, 'signal': <'9'>, 'since': <uint64 1>}");
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GVariant) options = g_variant_ref_sink (g_variant_new_parsed (bad[i]));
      g_autoptr(GError) error = NULL;

      g_assert_false (cpd_bus_options_check (shared, options, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_str_has_prefix (error->message, "option '"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/options/good", test_good);
  g_test_add_func ("/options/unknown", test_unknown);
  g_test_add_func ("/options/type", test_type);
  g_test_add_func ("/options/range", test_range);
  g_test_add_func ("/options/twice", test_twice);
  g_test_add_func ("/options/readers", test_readers);
  g_test_add_func ("/options/create", test_create);
  g_test_add_func ("/options/shared-checks", test_shared_checks);
  return g_test_run ();
}
