/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "test-config.h"

#define VENDOR "/usr/share/containers/containers.conf"
#define ADMIN "/etc/containers/containers.conf"
#define CONF "/etc/cpod/cpod.conf"

#define assert_from(key, value, origin) \
  G_STMT_START { \
    test_assert_value (config, key, value); \
    g_assert_cmpstr (test_origin (places, config, key), ==, origin); \
  } G_STMT_END

/* Each file over those before it, key by key. */
static void
test_order (TestPlaces *places, gconstpointer data)
{
  static const char *const files[] = {
    VENDOR, ADMIN, "/etc/containers/containers.conf.d/10-a.conf", "/etc/containers/containers.conf.d/9-b.conf",
    "/user/containers/containers.conf", "/user/containers/containers.conf.d/x.conf",
    CONF, "/etc/cpod/cpod.conf.d/1.conf", "/etc/cpod/cpod.conf.d/2.conf", "/user/cpod/cpod.conf",
    "/user/cpod/cpod.conf.d/1.conf", "/named",
  };
  g_autoptr(CpdConfig) config = NULL;

  places->has_user = TRUE;
  places->named = test_places_path (places, "named");
  test_places_write (places, "/named", "");
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *text = g_strdup_printf ("[containers]\n\npids_limit = %u\n", i + 1);
      g_autofree char *value = g_strdup_printf ("%u", i + 1);
      g_autofree char *origin = g_strconcat (files[i], ":3", NULL);

      test_places_write (places, files[i], text);
      g_clear_pointer (&config, cpd_config_unref);
      config = test_places_load (places);
      assert_from ("containers.pids_limit", value, origin);
    }
  g_assert_cmpint (config->pids_limit, ==, G_N_ELEMENTS (files));
  /* Whoever is root has no files of a user. */
  places->has_user = FALSE;
  g_clear_pointer (&places->named, g_free);
  g_clear_pointer (&config, cpd_config_unref);
  config = test_places_load (places);
  assert_from ("containers.pids_limit", "9", "/etc/cpod/cpod.conf.d/2.conf:3");
}

static void
test_key_by_key (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) config = NULL;

  test_places_write (places, VENDOR, "[engine]\nstop_timeout = 3\nno_pivot_root = true\nhooks_dir = [\"/a\"]\n");
  test_places_write (places, ADMIN, "[engine]\nstop_timeout = 4\n");
  test_places_write (places, "/etc/containers/containers.conf.d/not-a-conf", "[engine]\nstop_timeout = 99\n");
  test_places_write (places, "/etc/containers/containers.conf.d/.hidden.conf", "[engine]\nstop_timeout = 99\n");
  config = test_places_load (places);
  assert_from ("engine.stop_timeout", "4", ADMIN ":2");
  assert_from ("engine.no_pivot_root", "true", VENDOR ":3");
  assert_from ("engine.hooks_dir", "['/a']", VENDOR ":4");
  assert_from ("engine.namespace", "''", "default");
}

/* A value that is nothing, or no, was set all the same. */
static void
test_presence (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) config = NULL;

  test_places_write (places, VENDOR, "[engine]\nno_pivot_root = true\nnamespace = \"x\"\nhooks_dir = [\"/a\"]\n"
                                     "[containers]\nlabel = true\n");
  test_places_write (places, CONF, "[engine]\nno_pivot_root = false\nnamespace = \"\"\nhooks_dir = []\n"
                                   "stop_timeout = 0\n[containers]\nlabel = false\n");
  config = test_places_load (places);
  assert_from ("engine.no_pivot_root", "false", CONF ":2");
  assert_from ("engine.namespace", "''", CONF ":3");
  assert_from ("engine.hooks_dir", "[]", CONF ":4");
  assert_from ("engine.stop_timeout", "0", CONF ":5");
  assert_from ("containers.label", "false", CONF ":7");
  g_assert_cmpuint (config->stop_timeout, ==, 0);
}

static void
test_lists (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) config = NULL;
  g_autofree char *message = NULL;

  test_places_write (places, ADMIN, "[containers]\nenv = [\"A=1\"]\n");
  test_places_write (places, CONF, "[containers]\nenv = [\"B=2\", {append = true}]\ndefault_sysctls = [\"a=b\",\"c=d\"]\n");
  config = test_places_load (places);
  assert_from ("containers.env", "['A=1', 'B=2']", CONF ":2");
  g_assert_cmpstr (config->sysctls[1], ==, "c=d");
  test_places_write (places, CONF, "[containers]\nenv = [\"B=2\", 3]\n");
  message = test_places_fail (places);
  g_assert_nonnull (strstr (message, CONF ":2: containers.env: entry 2 of the list: expected a list of strings, found an "
                                     "integer: 3"));
}

static void
test_dependent_defaults (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) config = test_places_load (places);

  g_assert_cmpstr (config->static_dir, ==, "/var/lib/cpod");
  g_assert_cmpstr (config->graph_root, ==, "/var/lib/cpod/storage");
  g_assert_cmpstr (config->volume_path, ==, "/var/lib/cpod/storage/volumes");
  g_assert_cmpstr (config->run_root, ==, "/run/cpod");
  g_assert_cmpstr (config->tmp_dir, ==, "/run/cpod");
  test_assert_value (config, "engine.events_logfile_path", "'/run/cpod/events/events.log'");

  test_places_write (places, CONF, "[engine]\nstatic_dir = \"/srv/state/\"\ntmp_dir = \"/run/other\"\n");
  g_clear_pointer (&config, cpd_config_unref);
  config = test_places_load (places);
  assert_from ("engine.static_dir", "'/srv/state'", CONF ":2");
  assert_from ("storage.graphroot", "'/srv/state/storage'", "default");
  assert_from ("engine.volume_path", "'/srv/state/storage/volumes'", "default");
  assert_from ("engine.events_logfile_path", "'/run/other/events/events.log'", "default");
  g_assert_cmpstr (config->run_root, ==, "/run/cpod");
}

/* In a file of podman's these are podman's directories: two engines in one would be the end of both. */
static void
test_podmans_paths (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) config = NULL;

  test_places_write (places, ADMIN, "[engine]\nstatic_dir = \"/var/lib/containers/storage/libpod\"\n"
                                    "tmp_dir = \"/run/libpod\"\nvolume_path = \"/var/lib/containers/storage/volumes\"\n");
  config = test_places_load (places);
  g_assert_cmpstr (config->static_dir, ==, "/var/lib/cpod");
  g_assert_cmpstr (config->tmp_dir, ==, "/run/cpod");
  g_assert_cmpstr (config->volume_path, ==, "/var/lib/cpod/storage/volumes");
  test_assert_warnings (config, 0);
}

static void
test_root (TestPlaces *places, gconstpointer data)
{
  CpdConfigPlaces where = { .system = places->base };
  g_autoptr(CpdConfig) config = NULL;

  test_places_write (places, CONF, "[engine]\nstatic_dir = \"/srv\"\nvolume_path = \"/volumes\"\ntmp_dir = \"/tmp/x\"\n"
                                   "events_logfile_path = \"/events\"\nstop_timeout = 5\n"
                                   "[storage]\ngraphroot = \"/g\"\nrunroot = \"/r\"\n");
  config = cpd_config_new_from (&where, "/some/root/", NULL);
  g_assert_cmpstr (config->static_dir, ==, "/some/root/lib");
  g_assert_cmpstr (config->graph_root, ==, "/some/root/lib/storage");
  g_assert_cmpstr (config->volume_path, ==, "/some/root/lib/storage/volumes");
  g_assert_cmpstr (config->run_root, ==, "/some/root/run");
  g_assert_cmpstr (config->tmp_dir, ==, "/some/root/run");
  assert_from ("engine.static_dir", "'/some/root/lib'", "option");
  assert_from ("engine.events_logfile_path", "'/some/root/run/events/events.log'", "option");
  assert_from ("engine.stop_timeout", "5", CONF ":6");
}

static void
test_unknown (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) config = NULL;
  GPtrArray *warnings;
  g_autofree char *expected = test_places_path (places, CONF ":3: engine.sttic_dir: there is no such key");

  /* Files of podman's may have what this version does not know; what podman knows is fine everywhere. */
  test_places_write (places, ADMIN, "surprise = 1\n[engine]\nfrom_the_future = true\nremote = true\n[new]\nthing = 1\n");
  test_places_write (places, CONF, "[engine]\nremote = false\nsttic_dir = \"/x\"\n[engine.runtimes_flags]\nx = 1\n"
                                   "[containers]\ndns_servers = []\n[nonsense]\nkey = 1\n[network.\"a.b\"]\nc = 1\n");
  config = test_places_load (places);
  warnings = cpd_config_values_warnings (config->values);
  g_assert_cmpuint (warnings->len, ==, 3);
  g_assert_cmpstr (warnings->pdata[0], ==, expected);
  g_assert_nonnull (strstr (warnings->pdata[1], CONF ":9: nonsense.key: "));
  g_assert_nonnull (strstr (warnings->pdata[2], CONF ":11: network.a.b.c: "));
}

static void
assert_refused (TestPlaces *places, const char *text, const char *part)
{
  g_autofree char *message = NULL;

  test_places_write (places, CONF, text);
  message = test_places_fail (places);
  if (strstr (message, part) == NULL)
    g_error ("'%s' does not have '%s'", message, part);
}

static void
test_errors (TestPlaces *places, gconstpointer data)
{
  g_autofree char *huge = g_strnfill ((2 << 20), '#');
  g_autofree char *path = test_places_path (places, CONF);

  assert_refused (places, "[engine]\nstatic_dir = \"relative\"\n",
                  CONF ":2: engine.static_dir: expected an absolute path, found a string: 'relative'");
  assert_refused (places, "[engine]\nstatic_dir = \"\"\n", "engine.static_dir: expected a path, found an empty string");
  assert_refused (places, "[engine]\nruntime_path = []\n",
                  CONF ":2: engine.runtime_path: expected a list with at least one entry, found an empty list");
  assert_refused (places, "conmon_path = []\n", CONF ":1: conmon_path: expected a list with at least one entry");
  assert_refused (places, "[engine.runtimes]\nmine = []\n", CONF ":1: engine.runtimes: mine: expected a list with");
  assert_refused (places, "[engine]\nstop_timeout = -1\n", "expected a number from 0 to 4294967295, found an integer: -1");
  assert_refused (places, "[containers]\npids_limit = -2\n", "expected a number from -1 to");
  assert_refused (places, "[containers]\nshm_size = \"many\"\n", "expected a size like \"64m\", found a string: 'many'");
  assert_refused (places, "[engine]\ncgroup_manager = \"openrc\"\n",
                  "expected one of cgroupfs|systemd, found a string: 'openrc'");
  assert_refused (places, "[engine]\nlock_type = \"spin\"\n", "expected one of shm|file");
  assert_refused (places, "[engine]\nstop_timeout = = 4\n", CONF ":2: ");
  assert_refused (places, huge, "it is larger than 1 MiB");
  g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  {
    g_autofree char *message = test_places_fail (places);

    g_assert_nonnull (strstr (message, "it is no regular file"));
  }
}

/* A named file must be there and decode; the others need not be there. */
static void
test_named (TestPlaces *places, gconstpointer data)
{
  g_autofree char *message = NULL;
  g_autoptr(CpdConfig) config = NULL;

  places->named = test_places_path (places, "libpod.conf");
  message = test_places_fail (places);
  g_assert_nonnull (strstr (message, "libpod.conf: No such file or directory"));
  test_places_write (places, "libpod.conf", "cgroup_manager = \"systemd\"\nmax_log_size = 1000\nlabel = false\n"
                     "cni_plugin_dir = [\"/cni\"]\nstatic_dir = \"/old\"\n[runtimes]\nmine = [\"/bin/true\"]\n");
  config = test_places_load (places);
  test_assert_warnings (config, 0);
  assert_from ("containers.log_size_max", "1000", "/libpod.conf:2");
  g_assert_cmpint (config->log_size_max, ==, 8192);
  assert_from ("containers.label", "false", "/libpod.conf:3");
  assert_from ("network.cni_plugin_dirs", "['/cni']", "/libpod.conf:4");
  g_assert_cmpstr (config->static_dir, ==, "/old");
  g_assert_nonnull (cpd_oci_runtimes_find (config->runtimes, "mine", NULL));
}

static void
test_keep (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) started = NULL, config = NULL;

  test_places_write (places, CONF, "[engine]\nconmon_path = [\"/a\"]\nstop_timeout = 1\n");
  started = test_places_load (places);
  test_places_write (places, CONF, "[engine]\nconmon_path = [\"/b\"]\nstop_timeout = 2\nstatic_dir = \"/elsewhere\"\n");
  config = test_places_load (places);
  cpd_config_keep (config, started);
  assert_from ("engine.conmon_path", "['/a']", CONF ":2");
  assert_from ("engine.stop_timeout", "2", CONF ":3");
  assert_from ("engine.static_dir", "'/var/lib/cpod'", "default");
  g_assert_cmpstr (config->graph_root, ==, "/var/lib/cpod/storage");
  g_assert_cmpstr (config->conmon, ==, "/a");
}

/* A user has what the system's files say, and none are written for him. */
static void
test_user (TestPlaces *places, gconstpointer data)
{
  g_autofree char *home = test_places_path (places, "user");
  g_autoptr(CpdConfig) config = NULL;

  places->has_user = TRUE;
  test_places_write (places, ADMIN, "[engine]\nconmon_path = [\"/a\"]\nno_pivot_root = true\n");
  config = test_places_load (places);
  assert_from ("engine.conmon_path", "['/a']", ADMIN ":2");
  assert_from ("engine.no_pivot_root", "true", ADMIN ":3");
  g_assert_false (g_file_test (home, G_FILE_TEST_EXISTS));
  test_places_write (places, "user/cpod/cpod.conf", "no_pivot_root = false\n");
  g_clear_pointer (&config, cpd_config_unref);
  config = test_places_load (places);
  assert_from ("engine.conmon_path", "['/a']", ADMIN ":2");
  assert_from ("engine.no_pivot_root", "false", "/user/cpod/cpod.conf:1");
}

#define ADD(name, function) \
  g_test_add ("/config/" name, TestPlaces, NULL, test_places_set_up, function, test_places_tear_down)

int
main (int argc, char **argv)
{
  g_unsetenv ("CPOD_CONMON");
  g_unsetenv ("CPOD_OCI_RUNTIME");
  g_test_init (&argc, &argv, NULL);
  ADD ("A02/order", test_order);
  ADD ("A03/trap-3/key-by-key", test_key_by_key);
  ADD ("A02/trap-1-2/presence", test_presence);
  ADD ("A02/lists", test_lists);
  ADD ("A01/dependent-defaults", test_dependent_defaults);
  ADD ("A02/podmans-paths", test_podmans_paths);
  ADD ("A02/root", test_root);
  ADD ("A01/unknown", test_unknown);
  ADD ("A01/trap-6/errors", test_errors);
  ADD ("A02/named", test_named);
  ADD ("A02/keep", test_keep);
  ADD ("A03/trap-4/user", test_user);
  return g_test_run ();
}
