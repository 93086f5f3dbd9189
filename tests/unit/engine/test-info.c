/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host/cpd-info.h"

#include <glib/gstdio.h>
#include <string.h>

#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "test-engine.h"
#include "test-scratch.h"

static gboolean
add_one (CpdEngine *engine, GVariantBuilder *section, GError **error)
{
  cpd_info_add_string (section, "one", "1");
  return TRUE;
}

static gboolean
add_half (CpdEngine *engine, GVariantBuilder *section, GError **error)
{
  cpd_info_add_string (section, "half", "known");
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the other half is not");
  return FALSE;
}

static gboolean
add_two (CpdEngine *engine, GVariantBuilder *section, GError **error)
{
  cpd_info_add_string (section, "two", "bad \xff text");
  return TRUE;
}

/* One part that fails takes nothing from the others, nor what it knows itself. */
static void
test_partial (void)
{
  const CpdInfoPart parts[] = { { "one", add_one }, { "half", add_half }, { "two", add_two }, { NULL } };
  GVariantBuilder errors = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  g_autoptr(GVariant) section = g_variant_ref_sink (cpd_info_section (NULL, "test", parts, &errors));
  g_autoptr(GVariant) failed = g_variant_ref_sink (g_variant_builder_end (&errors));
  g_autofree char *text = g_variant_print (section, FALSE);
  g_autofree char *failure = g_variant_print (failed, FALSE);

  g_assert_cmpstr (text, ==, "{'one': <'1'>, 'half': <'known'>, 'two': <'bad \357\277\275 text'>}");
  g_assert_cmpstr (failure, ==, "{'test.half': 'the other half is not'}");
}

static GVariant *
get_info (const char *root)
{
  CpdEngine *engine = test_engine_open (root);
  GVariant *info = cpd_engine_get_info (engine);

  test_engine_close (engine);
  return info;
}

static GVariant *
get_section (GVariant *info, const char *name, const GVariantType *type)
{
  GVariant *section = g_variant_lookup_value (info, name, type);

  g_assert_nonnull (section);
  return section;
}

static void
assert_keys (GVariant *section, const char *const *keys)
{
  for (; *keys != NULL; keys++)
    {
      g_autoptr(GVariant) value = g_variant_lookup_value (section, *keys, NULL);

      g_test_message ("key %s", *keys);
      g_assert_nonnull (value);
    }
}

static void
test_keys (void)
{
  static const char *const host_keys[] = {
    "arch", "cgroupControllers", "cgroupManager", "cgroupVersion", "conmon", "cpuUtilization", "cpus", "distribution",
    "eventLogger", "freeLocks", "hostname", "idMappings", "kernel", "linkmode", "logDriver", "memFree", "memTotal",
    "networkBackend", "ociRuntime", "os", "security", "serviceIsRemote", "swapFree", "swapTotal", "uptime", NULL
  };
  static const char *const store_keys[] = {
    "configFile", "containerStore", "graphDriverName", "graphOptions", "graphRoot", "graphRootAllocated",
    "graphRootUsed", "graphStatus", "imageCopyTmpDir", "imageStore", "runRoot", "volumePath", NULL
  };
  g_autofree char *root = test_scratch_new ("64m");
  g_autoptr(GVariant) info = get_info (root);
  g_autoptr(GVariant) host = get_section (info, "host", G_VARIANT_TYPE_VARDICT);
  g_autoptr(GVariant) store = get_section (info, "store", G_VARIANT_TYPE_VARDICT);
  g_autoptr(GVariant) errors = get_section (info, "errors", G_VARIANT_TYPE ("a{ss}"));
  g_autoptr(GVariant) registries = get_section (info, "registries", G_VARIANT_TYPE_VARDICT);
  g_autofree char *text = g_variant_print (errors, FALSE);
  guint64 allocated = 0;

  g_assert_cmpstr (text, ==, "{}");
  assert_keys (host, host_keys);
  assert_keys (store, store_keys);
  g_assert_true (g_variant_lookup (store, "graphRootAllocated", "t", &allocated));
  g_assert_cmpuint (allocated, >=, 64 * 1024 * 1024);
  test_scratch_free (g_steal_pointer (&root));
}

/* A program that is missing is told, and the rest is there. */
static void
test_missing_program (void)
{
  g_autofree char *root = test_scratch_new ("64m");
  g_autoptr(GVariant) info = NULL, host = NULL, errors = NULL, conmon = NULL, kernel = NULL;
  g_autofree char *gone = g_build_filename (root, "conmon", NULL);
  const char *message = NULL;

  g_setenv ("CPOD_CONMON", gone, TRUE);
  info = get_info (root);
  g_unsetenv ("CPOD_CONMON");
  host = get_section (info, "host", G_VARIANT_TYPE_VARDICT);
  errors = get_section (info, "errors", G_VARIANT_TYPE ("a{ss}"));
  conmon = g_variant_lookup_value (host, "conmon", NULL);
  kernel = g_variant_lookup_value (host, "kernel", NULL);
  g_assert_null (conmon);
  g_assert_nonnull (kernel);
  g_assert_cmpuint (g_variant_n_children (errors), ==, 1);
  g_assert_true (g_variant_lookup (errors, "host.conmon", "&s", &message));
  g_assert_nonnull (strstr (message, gone));
  test_scratch_free (g_steal_pointer (&root));
}

static void
write_program (const char *path, const char *log, const char *version)
{
  g_autofree char *text = g_strdup_printf ("#!/bin/sh\necho x >> %s\necho version %s\n", log, version);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_cmpint (g_chmod (path, 0755), ==, 0);
}

static void
assert_version (CpdPrograms *programs, const char *path, const char *expected)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) value = cpd_programs_describe (programs, NULL, path, &error);
  const char *version = NULL;

  g_assert_no_error (error);
  g_variant_ref_sink (value);
  g_assert_true (g_variant_lookup (value, "version", "&s", &version));
  g_assert_cmpstr (version, ==, expected);
}

static gsize
count_runs (const char *log)
{
  g_autofree char *text = NULL;
  gsize length = 0;

  g_assert_true (g_file_get_contents (log, &text, &length, NULL));
  return length / 2;
}

/* A program is asked once, and again when it is another one. */
static void
test_cache (void)
{
  g_autofree char *root = test_scratch_new ("16m");
  g_autofree char *path = g_build_filename (root, "program", NULL);
  g_autofree char *log = g_build_filename (root, "log", NULL);
  g_autoptr(CpdPrograms) programs = cpd_programs_new ();
  g_autoptr(GError) error = NULL;

  write_program (path, log, "1");
  for (int i = 0; i < 3; i++)
    assert_version (programs, path, "version 1");
  g_assert_cmpuint (count_runs (log), ==, 1);
  write_program (path, log, "two");
  assert_version (programs, path, "version two");
  g_assert_cmpuint (count_runs (log), ==, 2);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_null (cpd_programs_describe (programs, NULL, path, &error));
  g_assert_nonnull (strstr (error->message, path));
  test_scratch_free (g_steal_pointer (&root));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/A19/partial", test_partial);
  g_test_add_func ("/A19/keys", test_keys);
  g_test_add_func ("/A19/missing-program", test_missing_program);
  g_test_add_func ("/A19/cache", test_cache);
  return g_test_run ();
}
