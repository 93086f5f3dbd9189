/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/cpd-oci-features.h"
#include "public/cpod-error.h"
#include "test-config.h"

#define CONF "/etc/cpod/cpod.conf"

static char *
make_program (TestPlaces *places, const char *name, mode_t mode)
{
  char *path = test_places_path (places, name);

  test_places_write (places, name, "#!/bin/false\n");
  g_assert_cmpint (chmod (path, mode), ==, 0);
  return path;
}

static CpdConfig *
load_text (TestPlaces *places, const char *format, const char *argument)
{
  g_auto(GStrv) parts = g_strsplit (format, "@", -1);
  g_autofree char *text = g_strjoinv (argument, parts);

  test_places_write (places, CONF, text);
  return test_places_load (places);
}

/* Missing files, directories and what may not be executed are passed over. */
static void
test_search (TestPlaces *places, gconstpointer data)
{
  g_autofree char *plain = make_program (places, "plain/mine", 0644);
  g_autofree char *good = make_program (places, "good/mine", 0755);
  g_autofree char *later = make_program (places, "later/mine", 0755);
  g_autoptr(CpdConfig) config = load_text (
    places, "[engine]\nruntime = \"mine\"\nruntime_supports_json = [\"mine\"]\n[engine.runtimes]\n"
            "mine = [\"/nonexistent\", \"@\", \"@/plain/mine\", \"@/good/mine\", \"@/later/mine\"]\n", places->base);
  const CpdOciRuntime *runtime = cpd_oci_runtimes_find (config->runtimes, NULL, NULL);

  g_assert_cmpstr (runtime->path, ==, good);
  g_assert_cmpstr (runtime->name, ==, "mine");
  g_assert_true (cpd_oci_runtimes_supports_json (config->runtimes, runtime));
  g_assert_false (cpd_oci_runtimes_supports_nocgroups (config->runtimes, runtime));
  g_assert_true (runtime == cpd_oci_runtimes_find (config->runtimes, "", NULL));
  g_assert_cmpstr (config->oci_runtime, ==, good);
  test_assert_warnings (config, 0);
}

static void
test_missing (TestPlaces *places, gconstpointer data)
{
  g_autoptr(GError) error = NULL, unknown = NULL;
  g_autofree char *path = NULL;
  g_autoptr(CpdConfig) config = load_text (
    places, "[engine]\nruntime = \"mine\"\n[engine.runtimes]\nmine = [\"@/a/mine\", \"@/b/mine\"]\n", places->base);

  /* A warning at the start, an error when it is needed, which lists what was tried. */
  test_assert_warnings (config, 1);
  g_assert_null (config->oci_runtime);
  g_assert_null (cpd_oci_runtimes_find (config->runtimes, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_OCI_RUNTIME);
  g_assert_nonnull (strstr (error->message, "/a/mine, /"));
  g_assert_nonnull (strstr (error->message, "/b/mine"));
  g_assert_null (cpd_oci_runtimes_find (config->runtimes, "no-such", &unknown));
  g_assert_error (unknown, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (unknown->message, "mine"));
  /* It was installed meanwhile. */
  path = make_program (places, "b/mine", 0755);
  g_assert_cmpstr (cpd_oci_runtimes_find (config->runtimes, NULL, NULL)->path, ==, path);
}

/* A path is a name of its own: it does not stand in for the configured one of that name. */
static void
test_absolute (TestPlaces *places, gconstpointer data)
{
  g_autofree char *one = make_program (places, "one/crun", 0755);
  g_autofree char *two = make_program (places, "two/crun", 0755);
  g_autoptr(CpdConfig) config = load_text (
    places, "[engine]\nruntime = \"@/one/crun\"\n[engine.runtimes]\ncrun = [\"@/two/crun\"]\n", places->base);
  const CpdOciRuntime *runtime = cpd_oci_runtimes_find (config->runtimes, NULL, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_cmpstr (runtime->path, ==, one);
  g_assert_cmpstr (runtime->name, ==, one);
  g_assert_true (cpd_oci_runtimes_supports_json (config->runtimes, runtime));
  g_assert_true (cpd_oci_runtimes_supports_nocgroups (config->runtimes, runtime));
  g_assert_cmpstr (cpd_oci_runtimes_find (config->runtimes, "crun", NULL)->path, ==, two);
  g_assert_null (cpd_oci_runtimes_find (config->runtimes, "/nonexistent/crun", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_OCI_RUNTIME);
  g_assert_nonnull (strstr (error->message, "/nonexistent/crun"));
}

/* What was found stays as it is for who has it, though it has gone, and may be found elsewhere. */
static void
test_vanished (TestPlaces *places, gconstpointer data)
{
  g_autofree char *first = make_program (places, "a/mine", 0755);
  g_autofree char *later = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdConfig) config = load_text (
    places, "[engine]\nruntime = \"mine\"\n[engine.runtimes]\nmine = [\"@/a/mine\", \"@/b/mine\"]\n", places->base);
  const CpdOciRuntime *before = cpd_oci_runtimes_find (config->runtimes, "mine", NULL);

  g_assert_cmpstr (before->path, ==, first);
  g_assert_cmpint (unlink (first), ==, 0);
  g_assert_null (cpd_oci_runtimes_find (config->runtimes, "mine", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_OCI_RUNTIME);
  later = make_program (places, "b/mine", 0755);
  g_assert_cmpstr (cpd_oci_runtimes_find (config->runtimes, "mine", NULL)->path, ==, later);
  g_assert_cmpstr (before->path, ==, first);
}

static CpdOciFeatures
probe (TestPlaces *places, const char *script)
{
  g_autofree char *path = test_places_path (places, "probed");
  g_autofree char *text = g_strconcat ("#!/bin/sh\n", script, NULL);

  unlink (path);
  test_places_write (places, "probed", text);
  g_assert_cmpint (chmod (path, 0755), ==, 0);
  return cpd_oci_features_probe (path);
}

/* Another file at the same path is asked again. */
static void
test_features (TestPlaces *places, gconstpointer data)
{
  CpdOciFeatures runc = probe (places, "echo '{\"ociVersionMin\": \"1.0.0\", \"linux\": {\"cgroup\": {\"v1\": true,"
                                       " \"systemd\": true}, \"seccomp\": {\"enabled\": true}}, \"annotations\":"
                                       " {\"org.opencontainers.runc.version\": \"1.1.5\"}}'\n");
  CpdOciFeatures old = probe (places, "[ $1 = --version ] && echo crun version 1.8.1\n");
  CpdOciFeatures odd = probe (places, "echo '[]'\n");
  CpdOciFeatures broken = probe (places, "exit 1\n");

  g_assert_true (runc.is_known && runc.is_runc && runc.cgroup_v1 && runc.systemd && runc.seccomp);
  g_assert_false (runc.is_crun || runc.cgroup_v2);
  g_assert_true (old.is_crun);
  g_assert_false (old.is_known || old.is_runc);
  g_assert_false (odd.is_known || odd.is_crun || odd.is_runc);
  g_assert_false (broken.is_known || broken.is_crun || broken.is_runc);
  g_assert_false (cpd_oci_features_probe ("/nonexistent/runc").is_known);
}

static CpdOciRuntimes *
find_by_default (const char *crun, const char *runc, gboolean cgroup_v2)
{
  g_autoptr(CpdConfigValues) values = cpd_config_values_new ();
  g_autoptr(GVariant) crun_list = g_variant_ref_sink (g_variant_new_strv (&crun, 1));
  g_autoptr(GVariant) runc_list = g_variant_ref_sink (g_variant_new_strv (&runc, 1));

  cpd_config_values_set (values, CPD_KEY_RUNTIMES,
                         g_variant_new_parsed ("{'crun': %@as, 'runc': %@as}", crun_list, runc_list), "test");
  return cpd_oci_runtimes_new (values, cgroup_v2);
}

static void
test_default (TestPlaces *places, gconstpointer data)
{
  g_autofree char *crun = make_program (places, "crun", 0755);
  g_autofree char *runc = make_program (places, "runc", 0755);
  g_autoptr(CpdOciRuntimes) on_v2 = find_by_default (crun, runc, TRUE);
  g_autoptr(CpdOciRuntimes) on_v1 = find_by_default (crun, runc, FALSE);
  g_autoptr(CpdOciRuntimes) second = find_by_default ("/nonexistent/crun", runc, TRUE);
  g_autoptr(CpdOciRuntimes) none = find_by_default ("/nonexistent/crun", "/nonexistent/runc", TRUE);
  g_autoptr(GError) error = NULL;

  g_assert_cmpstr (cpd_oci_runtimes_find (on_v2, NULL, &error)->path, ==, crun);
  g_assert_cmpstr (cpd_oci_runtimes_find (on_v1, NULL, &error)->path, ==, runc);
  g_assert_cmpstr (cpd_oci_runtimes_find (second, NULL, &error)->path, ==, runc);
  g_assert_no_error (error);
  g_assert_null (cpd_oci_runtimes_find (none, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_OCI_RUNTIME);
  g_assert_nonnull (strstr (error->message, "/nonexistent/crun"));
  g_assert_nonnull (strstr (error->message, "/nonexistent/runc"));
}

static void
test_runtime_path (TestPlaces *places, gconstpointer data)
{
  g_autofree char *old = make_program (places, "old/special", 0755);
  g_autoptr(CpdConfig) config = load_text (places, "runtime_path = [\"@/none/special\", \"@/old/special\"]\n", places->base);
  GPtrArray *warnings = cpd_config_values_warnings (config->values);

  test_assert_warnings (config, 1);
  g_assert_nonnull (strstr (warnings->pdata[0], CONF ":1: engine.runtime_path is deprecated"));
  test_assert_value (config, "engine.runtime", "'special'");
  g_assert_cmpstr (test_origin (places, config, "engine.runtime"), ==, CONF ":1");
  g_assert_cmpstr (config->oci_runtime, ==, old);
  /* What says more than it goes before it. */
  g_clear_pointer (&config, cpd_config_unref);
  config = load_text (places, "runtime_path = [\"@/old/special\"]\nruntime = \"crun\"\n", places->base);
  test_assert_value (config, "engine.runtime", "'crun'");
}

static void
test_environment (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) config = NULL;

  g_setenv ("CPOD_CONMON", "/nonexistent/conmon", TRUE);
  g_setenv ("CPOD_OCI_RUNTIME", "/nonexistent/runc", TRUE);
  config = load_text (places, "[engine]\nruntime = \"crun\"\nconmon_path = [\"/bin/true\"]\n", "");
  g_unsetenv ("CPOD_CONMON");
  g_unsetenv ("CPOD_OCI_RUNTIME");
  g_assert_cmpstr (config->conmon, ==, "/nonexistent/conmon");
  g_assert_null (config->oci_runtime);
  g_assert_cmpstr (test_origin (places, config, "engine.runtime"), ==, "environment");
  g_assert_cmpstr (test_origin (places, config, "engine.conmon_path"), ==, "environment");
}

static void
test_conmon (TestPlaces *places, gconstpointer data)
{
  g_autofree char *plain = make_program (places, "a/conmon", 0644);
  g_autofree char *good = make_program (places, "b/conmon", 0755);
  g_autoptr(CpdConfig) config = load_text (
    places, "[engine]\nconmon_path = [\"@/none\", \"@\", \"@/a/conmon\", \"@/b/conmon\"]\n", places->base);

  g_assert_cmpstr (config->conmon, ==, good);
  g_clear_pointer (&config, cpd_config_unref);
  config = load_text (places, "[engine]\nconmon_path = [\"@/none\", \"@/nor-this\"]\n", places->base);
  g_assert_null (config->conmon);
}

#define ADD(name, function) \
  g_test_add ("/config/" name, TestPlaces, NULL, test_places_set_up, function, test_places_tear_down)

int
main (int argc, char **argv)
{
  g_unsetenv ("CPOD_CONMON");
  g_unsetenv ("CPOD_OCI_RUNTIME");
  g_test_init (&argc, &argv, NULL);
  ADD ("A06/search", test_search);
  ADD ("A06/missing", test_missing);
  ADD ("A06/absolute", test_absolute);
  ADD ("A06/vanished", test_vanished);
  ADD ("A06/features", test_features);
  ADD ("A06/default", test_default);
  ADD ("A06/runtime-path", test_runtime_path);
  ADD ("A06/environment", test_environment);
  ADD ("A07/conmon", test_conmon);
  return g_test_run ();
}
