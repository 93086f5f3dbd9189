/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-container-config.h"

#include <signal.h>
#include <string.h>

#include "public/cpod-error.h"

#define ID "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"

#define IMAGE \
  "{\"config\": {\"Entrypoint\": [\"/entry\", \"-e\"], \"Cmd\": [\"cmd\"], \"Env\": [\"A=image\", \"B=image\"," \
  " \"PATH=/image\", \"nonsense\"], \"Labels\": {\"app\": \"image\", \"only\": \"image\", \"odd\": 7}," \
  " \"User\": \"www\", \"WorkingDir\": \"/srv\", \"StopSignal\": \"SIGQUIT\"}}"

static CpdContainerConfig *
try_merge (const char *image_config, const char *options, GError **error)
{
  g_autoptr(GVariant) variant = g_variant_ref_sink (g_variant_new_parsed (options));
  CpdImageRow image = { .id = (char *) ID, .config = (char *) image_config };
  const CpdConfigPlaces nowhere = { .system = "/nonexistent" };
  g_autoptr(CpdConfig) settings = cpd_config_new_from (&nowhere, NULL, NULL);

  return cpd_container_config_new (ID, &image, variant, settings, error);
}

static CpdContainerConfig *
merge (const char *image_config, const char *options)
{
  g_autoptr(GError) error = NULL;
  CpdContainerConfig *config = try_merge (image_config, options, &error);

  g_assert_no_error (error);
  return config;
}

static void
assert_strv (char **strings, const char *expected)
{
  g_autofree char *joined = g_strjoinv (" ", strings);

  g_assert_cmpstr (joined, ==, expected);
}

static void
assert_args (const char *image_config, const char *options, const char *expected)
{
  g_autoptr(CpdContainerConfig) config = merge (image_config, options);

  assert_strv (config->args, expected);
}

static void
assert_bad (const char *image_config, const char *options, const char *key)
{
  g_autoptr(GError) error = NULL;

  g_test_message ("merging %s", options);
  g_assert_null (try_merge (image_config, options, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, key));
}

static void
test_args (void)
{
  const char *only_cmd = "{\"config\": {\"Cmd\": [\"a\", \"b\"]}}";

  assert_args (IMAGE, "@a{sv} {}", "/entry -e cmd");
  assert_args (IMAGE, "{'command': <['x', 'y']>}", "/entry -e x y");
  assert_args (IMAGE, "{'command': <@as []>}", "/entry -e cmd");
  /* The image's command was meant for the image's entrypoint. */
  assert_args (IMAGE, "{'entrypoint': <['/own']>}", "/own");
  assert_args (IMAGE, "{'entrypoint': <['/own']>, 'command': <['x']>}", "/own x");
  assert_args (IMAGE, "{'entrypoint': <@as []>, 'command': <['x']>}", "x");
  assert_args (only_cmd, "@a{sv} {}", "a b");
  assert_args (only_cmd, "{'command': <['x']>}", "x");
  assert_args ("{}", "{'command': <['x', '']>}", "x ");
}

static void
test_no_args (void)
{
  assert_bad ("{}", "@a{sv} {}", "option 'command'");
  assert_bad ("[]", "@a{sv} {}", "option 'command'");
  assert_bad ("{\"config\": null}", "@a{sv} {}", "option 'command'");
  assert_bad ("{\"config\": {\"Cmd\": [1, null]}}", "@a{sv} {}", "option 'command'");
  assert_bad (IMAGE, "{'entrypoint': <@as []>}", "option 'command'");
  assert_bad (IMAGE, "{'entrypoint': <['']>}", "option 'command'");
}

static void
test_env (void)
{
  g_autoptr(CpdContainerConfig) config =
    merge (IMAGE, "{'env': <['B=own', 'C=own=more', 'C2=', 'TERM=dumb']>, 'hostname': <'box'>}");

  assert_strv (config->env, "PATH=/image TERM=dumb container=cpod HOSTNAME=box A=image B=own C=own=more C2=");
  assert_bad (IMAGE, "{'env': <['A']>}", "option 'env': 'A'");
  assert_bad (IMAGE, "{'env': <['=x']>}", "option 'env': '=x'");
  assert_bad (IMAGE, "{'env': <['']>}", "option 'env': ''");
}

static void
test_labels (void)
{
  g_autoptr(CpdContainerConfig) config =
    merge (IMAGE, "{'labels': <{'app': 'own', 'zz': 'a=b', 'aa': ''}>}");

  assert_strv (config->labels, "aa  app own odd  only image zz a=b");
}

static void
test_texts (void)
{
  g_autoptr(CpdContainerConfig) image = merge (IMAGE, "@a{sv} {}");
  g_autoptr(CpdContainerConfig) own =
    merge (IMAGE, "{'user': <'1:2'>, 'workdir': <'/tmp'>, 'hostname': <'a-b.c'>, 'network': <'host'>}");
  g_autoptr(CpdContainerConfig) defaults = merge ("{\"config\": {\"User\": \"\", \"WorkingDir\": \"\"}}",
                                                  "{'command': <['x']>}");

  g_assert_cmpstr (image->user, ==, "www");
  g_assert_cmpstr (image->workdir, ==, "/srv");
  g_assert_cmpstr (image->hostname, ==, "abcdef012345");
  g_assert_cmpstr (image->network, ==, "none");
  g_assert_cmpstr (own->user, ==, "1:2");
  g_assert_cmpstr (own->workdir, ==, "/tmp");
  g_assert_cmpstr (own->hostname, ==, "a-b.c");
  g_assert_cmpstr (own->network, ==, "host");
  g_assert_cmpstr (defaults->user, ==, "0");
  g_assert_cmpstr (defaults->workdir, ==, "/");

  assert_bad (IMAGE, "{'workdir': <'relative'>}", "option 'workdir': 'relative'");
  assert_bad (IMAGE, "{'workdir': <''>}", "option 'workdir'");
  assert_bad (IMAGE, "{'network': <'bridge'>}", "option 'network': 'bridge'");
  assert_bad (IMAGE, "{'hostname': <'a b'>}", "option 'hostname': 'a b'");
  assert_bad (IMAGE, "{'hostname': <''>}", "option 'hostname'");
  assert_bad (IMAGE, "{'hostname': <'-a'>}", "option 'hostname'");
  assert_bad (IMAGE, "{'hostname': <'a\\nb'>}", "option 'hostname'");
  assert_bad (IMAGE, "{'hostname': <'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'>}", "option 'hostname'");
}

static void
test_stop (void)
{
  g_autoptr(CpdContainerConfig) image = merge (IMAGE, "@a{sv} {}");
  g_autoptr(CpdContainerConfig) own = merge (IMAGE, "{'stop-signal': <'RTMIN+3'>, 'stop-timeout': <uint32 0>}");
  g_autoptr(CpdContainerConfig) defaults = merge ("{}", "{'command': <['x']>}");

  g_assert_cmpint (image->stop_signal, ==, SIGQUIT);
  g_assert_cmpuint (image->stop_timeout, ==, 10);
  g_assert_cmpint (own->stop_signal, ==, 37);
  g_assert_cmpuint (own->stop_timeout, ==, 0);
  g_assert_cmpint (defaults->stop_signal, ==, SIGTERM);
  assert_bad (IMAGE, "{'stop-signal': <'SIGNOTHING'>}", "option 'stop-signal': 'SIGNOTHING'");
}

static void
test_capabilities (void)
{
  g_autoptr(CpdContainerConfig) defaults = merge (IMAGE, "@a{sv} {}");
  g_autoptr(CpdContainerConfig) own = merge (IMAGE, "{'cap-add': <['NET_ADMIN']>, 'cap-drop': <['CHOWN']>}");
  g_autoptr(CpdContainerConfig) all = merge (IMAGE, "{'privileged': <true>}");
  const char *const *capabilities = (const char *const *) own->capabilities;

  g_assert_false (defaults->privileged);
  g_assert_true (g_strv_contains ((const char *const *) defaults->capabilities, "CAP_CHOWN"));
  g_assert_false (g_strv_contains ((const char *const *) defaults->capabilities, "CAP_SYS_ADMIN"));
  g_assert_true (g_strv_contains (capabilities, "CAP_NET_ADMIN"));
  g_assert_false (g_strv_contains (capabilities, "CAP_CHOWN"));
  g_assert_true (all->privileged);
  g_assert_true (g_strv_contains ((const char *const *) all->capabilities, "CAP_SYS_ADMIN"));
  assert_bad (IMAGE, "{'cap-add': <['NONSENSE']>}", "'cap-add'");
}

/* What is stored is what was meant, to the letter. */
static void
test_round_trip (void)
{
  g_autoptr(CpdContainerConfig) config =
    merge (IMAGE, "{'command': <['a b', '\"', 'ä\\n']>, 'read-only': <true>, 'stdin': <true>, 'privileged': <true>,"
                  " 'cap-add': <['NET_ADMIN']>, 'stop-timeout': <uint32 4294967295>, 'labels': <{'k': 'v', 'a': ''}>}");
  g_autofree char *json = cpd_container_config_to_json (config);
  g_autoptr(CpdContainerConfig) again = cpd_container_config_parse (json, NULL);
  g_autofree char *json_again = cpd_container_config_to_json (again);

  g_assert_cmpstr (json, ==, json_again);
  g_assert_true (g_strv_equal ((const char *const *) config->args, (const char *const *) again->args));
  g_assert_true (g_strv_equal ((const char *const *) config->labels, (const char *const *) again->labels));
  g_assert_true (again->read_only && again->keep_stdin && again->privileged);
  g_assert_cmpuint (again->stop_timeout, ==, G_MAXUINT32);
  g_assert_cmpint (again->stop_signal, ==, SIGQUIT);
}

static void
test_damaged (void)
{
  g_autoptr(GError) no_json = NULL, no_object = NULL, image = NULL;

  g_assert_null (cpd_container_config_parse ("{", &no_json));
  g_assert_true (g_str_has_prefix (no_json->message, "stored configuration: "));
  g_assert_null (cpd_container_config_parse ("[]", &no_object));
  g_assert_error (no_object, CPOD_ERROR, CPOD_ERROR_STORE_FAILED);
  g_assert_null (try_merge ("{", "@a{sv} {}", &image));
  g_assert_nonnull (strstr (image->message, "configuration of image " ID));
}

/* Who reads a configuration relies on what every one of them has. */
static void
test_incomplete (void)
{
  const char *const incomplete[] = {
    "{}",
    "{\"args\":[],\"workdir\":\"/\",\"user\":\"0\",\"hostname\":\"h\",\"network\":\"none\",\"stopSignal\":15}",
    "{\"args\":[\"a\"],\"workdir\":\"/\",\"user\":\"0\",\"hostname\":\"h\",\"network\":1,\"stopSignal\":15}",
    "{\"args\":[\"a\"],\"workdir\":\"/\",\"user\":\"0\",\"hostname\":\"h\",\"network\":\"none\",\"stopSignal\":-1}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (incomplete); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (cpd_container_config_parse (incomplete[i], &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/container-config/args", test_args);
  g_test_add_func ("/container-config/no-args", test_no_args);
  g_test_add_func ("/container-config/env", test_env);
  g_test_add_func ("/container-config/labels", test_labels);
  g_test_add_func ("/container-config/texts", test_texts);
  g_test_add_func ("/container-config/stop", test_stop);
  g_test_add_func ("/container-config/capabilities", test_capabilities);
  g_test_add_func ("/container-config/round-trip", test_round_trip);
  g_test_add_func ("/container-config/damaged", test_damaged);
  g_test_add_func ("/container-config/incomplete", test_incomplete);
  return g_test_run ();
}
