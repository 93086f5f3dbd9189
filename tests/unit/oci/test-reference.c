/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>

#include "oci/cpd-reference.h"
#include "public/cpod-error.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct
{
  const char *given;
  const char *full;             /* NULL when it is invalid */
} names[] = {
  { "busybox", "localhost/busybox:latest" },
  { "busybox:1.36", "localhost/busybox:1.36" },
  { "busybox:UPPER_tag.1-x", "localhost/busybox:UPPER_tag.1-x" },
  { "localhost/busybox", "localhost/busybox:latest" },
  { "localhost:5000/busybox", "localhost:5000/busybox:latest" },
  { "localhost:5000/a/b:c", "localhost:5000/a/b:c" },
  { "user/app", "localhost/user/app:latest" },
  { "docker.io/busybox", "docker.io/library/busybox:latest" },
  { "docker.io/user/app:1", "docker.io/user/app:1" },
  { "quay.io/a/b/c/d", "quay.io/a/b/c/d:latest" },
  { "Quay.IO/a", "Quay.IO/a:latest" },
  { "[::1]:5000/a", "[::1]:5000/a:latest" },
  { "127.0.0.1:80/a", "127.0.0.1:80/a:latest" },
  { "a.b_c__d-e---f", "localhost/a.b_c__d-e---f:latest" },
  { "busybox@" DIGEST, "localhost/busybox@" DIGEST },
  { "busybox:1@" DIGEST, "localhost/busybox:1@" DIGEST },
  { "abcdef0123", "localhost/abcdef0123:latest" },
  { "", NULL },
  { ":", NULL },
  { ":tag", NULL },
  { "/", NULL },
  { "/busybox", NULL },
  { "busybox/", NULL },
  { "a//b", NULL },
  { "a/../b", NULL },
  { "../a", NULL },
  { "Busybox", NULL },
  { "user/App", NULL },
  { "busybox:", NULL },
  { "busybox:-x", NULL },
  { "busybox:.x", NULL },
  { "busybox:a:b", NULL },
  { "busybox:a b", NULL },
  { "busy box", NULL },
  { "busybox\n", NULL },
  { "-busybox", NULL },
  { "busybox-", NULL },
  { "a..b", NULL },
  { "a___b", NULL },
  { "a._b", NULL },
  { "host.:5000/a", NULL },
  { "host-.com/a", NULL },
  { "host.com:/a", NULL },
  { "host.com:port/a", NULL },
  { "[::1/a", NULL },
  { "busybox@sha256:12", NULL },
  { "busybox@", NULL },
  { "busybox@md5:0123", NULL },
  { "b\xc3\xbcsybox", NULL },
  { "b\xff", NULL },
  { "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL },
};

static void
test_normalize (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autofree char *full = cpd_reference_normalize (names[i].given, &error);

      g_test_message ("name %" G_GSIZE_FORMAT " is %s", i, names[i].full != NULL ? names[i].full : "invalid");
      g_assert_cmpstr (full, ==, names[i].full);
      if (names[i].full == NULL)
        g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
      else
        g_assert_no_error (error);
    }
}

static void
test_idempotent (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].full != NULL)
      {
        g_autofree char *again = cpd_reference_normalize (names[i].full, NULL);

        g_assert_cmpstr (again, ==, names[i].full);
      }
}

static void
test_lengths (void)
{
  g_autofree char *longest = g_strnfill (245, 'a');       /* with "localhost/" it makes 255 */
  g_autofree char *good_tag = g_strnfill (128, 't'), *bad_tag = g_strnfill (129, 't');
  g_autofree char *good = g_strconcat ("a:", good_tag, NULL), *bad = g_strconcat ("a:", bad_tag, NULL);
  g_autofree char *too_long = g_strnfill (246, 'a'), *huge = g_strnfill (100000, 'a');
  g_autofree char *of_hub = g_strnfill (237, 'a'), *not_of_hub = g_strnfill (238, 'a');
  g_auto(GStrv) both = cpd_reference_candidates (of_hub, NULL);
  g_auto(GStrv) one = cpd_reference_candidates (not_of_hub, NULL);
  g_autofree char *full = cpd_reference_normalize (longest, NULL);
  g_autofree char *tagged = cpd_reference_normalize (good, NULL);

  g_assert_nonnull (full);
  g_assert_nonnull (tagged);
  g_assert_cmpuint (g_strv_length (both), ==, 2);       /* and "docker.io/library/" */
  g_assert_cmpuint (g_strv_length (one), ==, 1);
  g_assert_null (cpd_reference_normalize (bad, NULL));
  g_assert_null (cpd_reference_normalize (too_long, NULL));
  g_assert_null (cpd_reference_normalize (huge, NULL));
}

static void
test_candidates (void)
{
  const char *const short_name[] = { "localhost/busybox:latest", "docker.io/library/busybox:latest", NULL };
  const char *const with_path[] = { "localhost/user/app:1", "docker.io/user/app:1", NULL };
  const char *const full_name[] = { "quay.io/a:latest", NULL };
  g_auto(GStrv) one = cpd_reference_candidates ("busybox", NULL);
  g_auto(GStrv) two = cpd_reference_candidates ("user/app:1", NULL);
  g_auto(GStrv) three = cpd_reference_candidates ("quay.io/a", NULL);
  g_autoptr(GError) error = NULL;

  g_assert_cmpstrv (one, short_name);
  g_assert_cmpstrv (two, with_path);
  g_assert_cmpstrv (three, full_name);
  g_assert_null (cpd_reference_candidates ("A", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (g_strstr_len (error->message, -1, "'A'"));
}

static void
test_parts (void)
{
  static const struct { const char *full, *repository, *pullable; } cases[] = {
    { "quay.io/a:1", "quay.io/a", "quay.io/a:1" },
    { "quay.io:5000/a/b:1", "quay.io:5000/a/b", "quay.io:5000/a/b:1" },
    { "quay.io:5000/a@sha256:x", "quay.io:5000/a", "quay.io:5000/a@sha256:x" },
    { "quay.io/a:1@sha256:x", "quay.io/a", "quay.io/a@sha256:x" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *repository = cpd_reference_repository (cases[i].full);
      g_autofree char *pullable = cpd_reference_pullable (cases[i].full);

      g_assert_cmpstr (repository, ==, cases[i].repository);
      g_assert_cmpstr (pullable, ==, cases[i].pullable);
    }
  g_assert_true (cpd_reference_is_short ("a/b:1"));
  g_assert_false (cpd_reference_is_short ("a.b/b:1"));
  g_assert_false (cpd_reference_is_short ("localhost/b"));
  g_assert_false (cpd_reference_is_short ("NO"));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/oci/reference/normalize", test_normalize);
  g_test_add_func ("/oci/reference/idempotent", test_idempotent);
  g_test_add_func ("/oci/reference/lengths", test_lengths);
  g_test_add_func ("/oci/reference/candidates", test_candidates);
  g_test_add_func ("/oci/reference/parts", test_parts);
  return g_test_run ();
}
