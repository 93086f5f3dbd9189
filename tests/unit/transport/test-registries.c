/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport/cpd-registries.h"

#include <glib/gstdio.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

static char *directory;
static char *conf;
static char *drop_ins;

/* What is read when the file and one or two drop-ins have these texts; NULL for none. */
static CpdRegistries *
load (const char *text, const char *first, const char *second, GError **error)
{
  g_autofree char *one = g_build_filename (drop_ins, "1.conf", NULL);
  g_autofree char *two = g_build_filename (drop_ins, "2.conf", NULL);
  const char *const paths[] = { conf, one, two };
  const char *const texts[] = { text, first, second };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_unlink (paths[i]);
      if (texts[i] != NULL)
        g_assert_true (g_file_set_contents (paths[i], texts[i], -1, NULL));
    }
  return cpd_registries_load (conf, drop_ins, error);
}

static void
assert_resolves (const CpdRegistries *registries, const char *name, const char *wanted)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) names = cpd_registries_resolve (registries, name, &error);
  g_autofree char *all = names != NULL ? g_strjoinv (" ", names) : NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (all, ==, wanted);
}

static void
assert_unresolved (const CpdRegistries *registries, const char *name, const char *words)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (cpd_registries_resolve (registries, name, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (g_strstr_len (error->message, -1, words));
}

static void
test_nothing (void)
{
  g_autoptr(CpdRegistries) registries = load (NULL, NULL, NULL, NULL);

  g_assert_nonnull (registries);
  assert_resolves (registries, "quay.io/a", "quay.io/a:latest");
  assert_resolves (registries, "localhost/a:1", "localhost/a:1");
  assert_unresolved (registries, "a:1", conf);
  assert_unresolved (registries, "UPPER", "UPPER");
}

static void
test_search (void)
{
  g_autoptr(CpdRegistries) registries = load ("unqualified-search-registries = [\"docker.io\", \"quay.io\"]", NULL, NULL, NULL);
  g_autoptr(CpdRegistries) old = load ("[registries.search]\nregistries = [\"docker.io\"]", NULL, NULL, NULL);
  g_autoptr(CpdRegistries) later = load ("unqualified-search-registries = [\"docker.io\"]",
                                         "unqualified-search-registries = [\"one.example\"]",
                                         "unqualified-search-registries = [\"two.example\"]", NULL);

  assert_resolves (registries, "a", "docker.io/library/a:latest quay.io/a:latest");
  assert_resolves (registries, "user/a:1", "docker.io/user/a:1 quay.io/user/a:1");
  assert_resolves (old, "a", "docker.io/library/a:latest");
  assert_resolves (later, "a", "two.example/a:latest");
}

static void
test_enforcing (void)
{
  g_autoptr(CpdRegistries) several =
    load ("unqualified-search-registries = [\"docker.io\", \"quay.io\"]\nshort-name-mode = \"enforcing\"", NULL, NULL, NULL);
  g_autoptr(CpdRegistries) one =
    load ("unqualified-search-registries = [\"docker.io\"]\nshort-name-mode = \"enforcing\"", NULL, NULL, NULL);

  assert_unresolved (several, "a", "docker.io, quay.io");
  assert_resolves (one, "a", "docker.io/library/a:latest");
}

static void
test_aliases (void)
{
  g_autoptr(CpdRegistries) registries =
    load ("unqualified-search-registries = [\"quay.io\"]", "[aliases]\n\"a\" = \"docker.io/library/a\"\n\"b\" = \"one.example/b\"",
          "[aliases]\n\"b\" = \"two.example/b\"\n\"a\" = \"\"\n\"c/d\" = \"two.example/e\"", NULL);

  assert_resolves (registries, "b", "two.example/b:latest");
  assert_resolves (registries, "b:1", "two.example/b:1");
  assert_resolves (registries, "c/d@sha256:0123456789012345678901234567890123456789012345678901234567890123",
                   "two.example/e@sha256:0123456789012345678901234567890123456789012345678901234567890123");
  assert_resolves (registries, "a", "quay.io/a:latest");
}

static void
test_errors (void)
{
  static const char *const texts[] = {
    "nonsense", "unqualified-search-registries = 1", "unqualified-search-registries = [1]", "short-name-mode = \"x\"",
    "aliases = 1", "[aliases]\na = 1",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (load (NULL, NULL, texts[i], &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG);
      g_assert_nonnull (g_strstr_len (error->message, -1, "2.conf:"));
    }
}

int
main (int argc, char *argv[])
{
  int status;

  g_test_init (&argc, &argv, NULL);
  directory = g_dir_make_tmp ("registries-XXXXXX", NULL);
  conf = g_build_filename (directory, "registries.conf", NULL);
  drop_ins = g_build_filename (directory, "registries.conf.d", NULL);
  g_assert_no_errno (g_mkdir (drop_ins, 0700));
  g_test_add_func ("/transport/registries/nothing", test_nothing);
  g_test_add_func ("/transport/registries/search", test_search);
  g_test_add_func ("/transport/registries/enforcing", test_enforcing);
  g_test_add_func ("/transport/registries/aliases", test_aliases);
  g_test_add_func ("/transport/registries/errors", test_errors);
  status = g_test_run ();
  cpd_fs_remove_tree (directory, NULL);
  g_free (directory);
  g_free (conf);
  g_free (drop_ins);
  return status;
}
