/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/cpd-json.h"
#include "oci/cpd-resources.h"
#include "oci/cpd-ulimits.h"
#include "public/cpod-error.h"

#define MIB (1024 * 1024)

/* Puts the options, in GVariant's text format, over what is there. */
static gboolean
apply (CpdResources *resources, const char *options, gboolean cgroup_v2, GError **error)
{
  g_autoptr(GVariant) parsed = g_variant_parse (G_VARIANT_TYPE_VARDICT, options, NULL, NULL, error);

  g_assert_no_error (error != NULL ? *error : NULL);
  return cpd_resources_apply_options (resources, parsed, cgroup_v2, error);
}

static char *
to_spec (const CpdResources *resources)
{
  g_autoptr(JsonObject) spec = json_object_new ();

  cpd_resources_add_to_spec (resources, spec);
  return cpd_json_print_object (spec);
}

static void
test_spec (void)
{
  g_auto(CpdResources) resources = { 0 };
  g_autofree char *nothing = to_spec (&resources);
  g_autofree char *all = NULL;

  g_assert_cmpstr (nothing, ==, "{}");
  g_assert_true (cpd_resources_is_empty (&resources));
  g_assert_true (apply (&resources, "{'memory': <int64 1048576>, 'memory-swap': <int64 0>, 'memory-swappiness': <int64 0>,"
                                    " 'cpus': <1.5>, 'cpu-shares': <int64 2>, 'cpuset-cpus': <'0-2,4'>,"
                                    " 'blkio-weight': <int64 10>, 'pids-limit': <int64 0>,"
                                    " 'oom-kill-disable': <true>}", FALSE, NULL));
  all = to_spec (&resources);
  g_assert_cmpstr (all, ==, "{\"memory\":{\"limit\":1048576,\"swap\":-1,\"swappiness\":0,\"disableOOMKiller\":true},"
                            "\"cpu\":{\"shares\":2,\"quota\":150000,\"period\":100000,\"cpus\":\"0-2,4\"},"
                            "\"blockIO\":{\"weight\":10},\"pids\":{\"limit\":-1}}");
}

/* What is recorded is what is read again. */
static void
test_record (void)
{
  g_auto(CpdResources) resources = { 0 }, again = { 0 }, copy = { 0 };
  g_autoptr(JsonObject) object = NULL;
  g_autofree char *one = NULL, *two = NULL, *three = NULL;

  g_assert_true (apply (&resources, "{'memory': <int64 1>, 'cpuset-mems': <'1'>, 'pids-limit': <int64 5>}", TRUE, NULL));
  object = cpd_resources_to_object (&resources);
  cpd_resources_from_object (&again, object);
  cpd_resources_copy (&again, &copy);
  one = to_spec (&resources);
  two = to_spec (&again);
  three = to_spec (&copy);
  g_assert_cmpstr (one, ==, two);
  g_assert_cmpstr (one, ==, three);
  g_assert_cmpint (cpd_resources_get (&copy, CPD_RESOURCE_PIDS_LIMIT), ==, 5);
  g_assert_cmpint (cpd_resources_get (&copy, CPD_RESOURCE_CPU_SHARES), ==, 0);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *options;
    const char *key;
    gboolean only_v2;
  } cases[] = {
    { "{'memory': <int64 -2>}", "'memory'" },
    { "{'memory-swap': <int64 5>}", "'memory-swap'" },
    { "{'memory': <int64 5>, 'memory-swap': <int64 4>}", "'memory-swap'" },
    { "{'memory': <int64 5>, 'memory-reservation': <int64 6>}", "'memory-reservation'" },
    { "{'cpus': <2.0>, 'cpu-period': <int64 1000>}", "'cpus'" },
    { "{'cpus': <nan>}", "'cpus'" },
    { "{'cpus': <inf>}", "'cpus'" },
    { "{'cpuset-cpus': <'0,'>}", "'cpuset-cpus'" },
    { "{'cpuset-mems': <'0\\n'>}", "'cpuset-mems'" },
    { "{'blkio-weight': <int64 1001>}", "'blkio-weight'" },
    { "{'memory-swappiness': <int64 10>}", "'memory-swappiness'", TRUE },
    { "{'oom-kill-disable': <true>}", "'oom-kill-disable'", TRUE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gboolean v2 = cases[i].only_v2; v2 <= TRUE; v2++)
      {
        g_auto(CpdResources) resources = { 0 };
        g_autoptr(GError) error = NULL;

        g_assert_false (apply (&resources, cases[i].options, v2, &error));
        g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
        g_assert_nonnull (strstr (error->message, cases[i].key));
      }
}

/* Also where the sum would not fit. */
static void
test_default_swap (void)
{
  g_auto(CpdResources) small = { 0 }, large = { 0 };

  g_assert_true (apply (&small, "{'memory': <int64 100>}", TRUE, NULL));
  g_assert_cmpint (cpd_resources_get (&small, CPD_RESOURCE_MEMORY_SWAP), ==, 200);
  g_assert_true (apply (&large, "{'memory': <int64 9223372036854775807>}", TRUE, NULL));
  g_assert_cmpint (cpd_resources_get (&large, CPD_RESOURCE_MEMORY_SWAP), ==, -1);
}

static void
test_undo (void)
{
  g_auto(CpdResources) before = { 0 }, after = { 0 }, undo = { 0 }, on_v1 = { 0 }, nothing = { 0 };

  g_assert_true (apply (&before, "{'memory': <int64 1048576>, 'cpuset-cpus': <'0'>}", TRUE, NULL));
  cpd_resources_copy (&before, &after);
  g_assert_true (apply (&after, "{'memory': <int64 2097152>, 'memory-reservation': <int64 5>, 'cpu-shares': <int64 5>,"
                                " 'cpuset-cpus': <'1'>, 'cpuset-mems': <'0'>}", TRUE, NULL));
  cpd_resources_undo (&before, &after, TRUE, &undo);
  g_assert_cmpint (cpd_resources_get (&undo, CPD_RESOURCE_MEMORY), ==, MIB);
  g_assert_cmpint (cpd_resources_get (&undo, CPD_RESOURCE_MEMORY_SWAP), ==, 2 * MIB);
  g_assert_cmpint (cpd_resources_get (&undo, CPD_RESOURCE_MEMORY_RESERVATION), ==, 1);
  g_assert_cmpint (cpd_resources_get (&undo, CPD_RESOURCE_CPU_SHARES), ==, 2598);
  g_assert_cmpstr (undo.cpuset_cpus, ==, "0");
  g_assert_true (undo.cpuset_mems == NULL || undo.cpuset_mems[0] == '0');
  cpd_resources_undo (&before, &after, FALSE, &on_v1);
  g_assert_cmpint (cpd_resources_get (&on_v1, CPD_RESOURCE_MEMORY_RESERVATION), ==, -1);
  g_assert_cmpint (cpd_resources_get (&on_v1, CPD_RESOURCE_CPU_SHARES), ==, 1024);
  cpd_resources_undo (&after, &after, FALSE, &nothing);
  g_assert_true (cpd_resources_is_empty (&nothing));
}

static JsonObject *
find_limit (JsonArray *limits, const char *type)
{
  JsonObject *found = NULL;

  for (guint i = 0; i < json_array_get_length (limits); i++)
    if (strcmp (cpd_json_get_string (json_array_get_object_element (limits, i), "type"), type) == 0)
      {
        g_assert_null (found);
        found = json_array_get_object_element (limits, i);
      }
  return found;
}

/* The usual ones are cut to the service's own, the others must fit. */
static void
test_ulimits (void)
{
  const char *const usual[] = { "nofile=-1:-1", "core=5:10", NULL };
  const char *const asked[] = { "CORE=1:2", NULL };
  const char *const too_much[] = { "stack=-1", NULL };
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonArray) limits = cpd_ulimits_to_array (usual, asked, &error);
  struct rlimit own, stack;

  g_assert_no_error (error);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &own), ==, 0);
  g_assert_cmpint (cpd_json_get_int (find_limit (limits, "RLIMIT_NOFILE"), "hard"), ==, (gint64) own.rlim_max);
  g_assert_cmpint (cpd_json_get_int (find_limit (limits, "RLIMIT_CORE"), "soft"), ==, 1);
  g_assert_cmpint (cpd_json_get_int (find_limit (limits, "RLIMIT_CORE"), "hard"), ==, 2);
  g_assert_false (cpd_ulimit_check ("core=2:1", NULL));
  g_assert_false (cpd_ulimit_check ("core=", NULL));
  g_assert_false (cpd_ulimit_check ("heap=1", NULL));

  g_assert_cmpint (getrlimit (RLIMIT_STACK, &stack), ==, 0);
  own = stack;
  own.rlim_cur = own.rlim_max = 64 * MIB;
  g_assert_cmpint (setrlimit (RLIMIT_STACK, &own), ==, 0);
  /* Whoever may raise limits could do this; then it could raise its own again. */
  if (setrlimit (RLIMIT_STACK, &stack) == 0 && stack.rlim_max != own.rlim_max)
    g_assert_true (cpd_ulimit_check (too_much[0], &error));
  else
    {
      g_assert_null (cpd_ulimits_to_array (usual, too_much, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, "67108864"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/resources/spec", test_spec);
  g_test_add_func ("/resources/record", test_record);
  g_test_add_func ("/resources/refused", test_refused);
  g_test_add_func ("/resources/default-swap", test_default_swap);
  g_test_add_func ("/resources/undo", test_undo);
  g_test_add_func ("/resources/ulimits", test_ulimits);
  return g_test_run ();
}
