/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>

#include "engine/exec/cpd-exec-config.h"
#include "public/cpod-error.h"

static const char *const command[] = { "sh", "-c", "true", NULL };

static CpdExecConfig *
make (const char *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) parsed = g_variant_parse (G_VARIANT_TYPE_VARDICT, options, NULL, NULL, &error);
  CpdExecConfig *config;

  g_assert_no_error (error);
  config = cpd_exec_config_new (command, parsed, &error);
  g_assert_no_error (error);
  return config;
}

static void
assert_strings (char **strings, const char *expected)
{
  g_autofree char *joined = g_strjoinv (" ", strings);

  g_assert_cmpstr (joined, ==, expected);
}

/* Nothing is lost on the way into a row and out of it. */
static void
test_round_trip (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdExecConfig) config = make ("{'env': <['A=b', 'C=']>, 'workdir': <'/w'>, 'user': <'u:g'>,"
                                          " 'privileged': <true>, 'tty': <true>, 'size': <(uint32 24, uint32 80)>, 'stdin': <true>}");
  g_autofree char *json = NULL;
  g_autoptr(CpdExecConfig) again = NULL;

  config->foreground = g_strdup ("bus :1.2");
  json = cpd_exec_config_to_json (config);
  again = cpd_exec_config_parse (json, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (again->foreground, ==, "bus :1.2");
  assert_strings (again->args, "sh -c true");
  assert_strings (again->env, "A=b C=");
  g_assert_cmpstr (again->workdir, ==, "/w");
  g_assert_cmpstr (again->user, ==, "u:g");
  g_assert_true (again->privileged && again->tty && again->keep_stdin);
  g_assert_cmpuint (again->rows, ==, 24);
  g_assert_cmpuint (again->columns, ==, 80);
}

static void
test_nothing_given (void)
{
  g_autoptr(CpdExecConfig) config = make ("{}");
  g_autofree char *json = cpd_exec_config_to_json (config);
  g_autoptr(CpdExecConfig) again = cpd_exec_config_parse (json, NULL);

  g_assert_null (again->env[0]);
  g_assert_null (again->workdir);
  g_assert_null (again->user);
  g_assert_null (again->foreground);
  g_assert_false (again->privileged || again->tty || again->keep_stdin);
}

static void
test_no_command (void)
{
  static const char *const none[] = { NULL }, *const empty[] = { "", NULL };
  g_autoptr(GVariant) options = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_autoptr(GError) first = NULL, second = NULL;

  g_assert_null (cpd_exec_config_new (none, options, &first));
  g_assert_error (first, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_null (cpd_exec_config_new (empty, options, &second));
  g_assert_error (second, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
}

static void
test_damaged (void)
{
  static const char *const texts[] = { "", "[]", "{", "{}", "{\"args\": []}" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (cpd_exec_config_parse (texts[i], &error));
      g_assert_nonnull (error);
      g_assert_true (error->domain == CPOD_ERROR);
    }
}

static void
assert_env (const char *options, const char *expected)
{
  static const char *const container[] = { "PATH=/bin", "A=1", "E=", NULL };
  g_autoptr(CpdExecConfig) config = make (options);
  g_auto(GStrv) env = cpd_exec_config_build_env (config, (char **) container, "/home");

  assert_strings (env, expected);
}

static void
test_env (void)
{
  assert_env ("{}", "PATH=/bin A=1 E= HOME=/home");
  assert_env ("{'env': <['A=2=3', 'N=']>}", "PATH=/bin A=2=3 E= N= HOME=/home");
  assert_env ("{'env': <['HOME=/own']>}", "PATH=/bin A=1 E= HOME=/own");
  assert_env ("{'tty': <true>}", "PATH=/bin A=1 E= HOME=/home TERM=xterm");
  assert_env ("{'tty': <true>, 'env': <['TERM=dumb']>}", "PATH=/bin A=1 E= TERM=dumb HOME=/home");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exec-config/round-trip", test_round_trip);
  g_test_add_func ("/exec-config/nothing-given", test_nothing_given);
  g_test_add_func ("/exec-config/no-command", test_no_command);
  g_test_add_func ("/exec-config/damaged", test_damaged);
  g_test_add_func ("/exec-config/env", test_env);
  return g_test_run ();
}
