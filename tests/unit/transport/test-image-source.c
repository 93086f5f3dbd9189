/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport/cpd-image-source.h"

#include "public/cpod-error.h"

static void
test_split (void)
{
  static const struct { const char *reference; CpdTransport transport; const char *rest, *name; } cases[] = {
    { "busybox:1", CPD_TRANSPORT_DOCKER, "busybox:1", "busybox:1" },
    { "docker://quay.io/a", CPD_TRANSPORT_DOCKER, "quay.io/a", "quay.io/a" },
    { "oci:/dir", CPD_TRANSPORT_OCI, "/dir", NULL },
    { "oci:/dir:name", CPD_TRANSPORT_OCI, "/dir:name", "name" },
    { "oci:/dir:", CPD_TRANSPORT_OCI, "/dir:", NULL },
    { "oci-archive:/file:quay.io/a:1", CPD_TRANSPORT_OCI_ARCHIVE, "/file:quay.io/a:1", "quay.io/a:1" },
    { "docker-archive:/file:a:1", CPD_TRANSPORT_DOCKER_ARCHIVE, "/file:a:1", "a:1" },
    { "docker-archive:/file:@0", CPD_TRANSPORT_DOCKER_ARCHIVE, "/file:@0", NULL },
    { "dir:/dir:odd", CPD_TRANSPORT_DIR, "/dir:odd", NULL },
    { "containers-storage:a:1", CPD_TRANSPORT_CONTAINERS_STORAGE, "a:1", "a:1" },
    { "containers-storage:[vfs@/a+/b]a:1", CPD_TRANSPORT_CONTAINERS_STORAGE, "[vfs@/a+/b]a:1", "a:1" },
    { "dirty:1", CPD_TRANSPORT_DOCKER, "dirty:1", "dirty:1" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autofree char *name = NULL;
      CpdTransport transport;
      const char *rest;

      g_test_message ("%s", cases[i].reference);
      g_assert_true (cpd_image_source_split (cases[i].reference, &transport, &rest, &error));
      g_assert_no_error (error);
      g_assert_cmpint (transport, ==, cases[i].transport);
      g_assert_cmpstr (rest, ==, cases[i].rest);
      name = cpd_image_source_get_name (transport, rest);
      g_assert_cmpstr (name, ==, cases[i].name);
    }
}

static void
test_unsupported (void)
{
  const char *const references[] = { "docker-daemon:a:1", "ostree:a", "sif:/a", "tarball:/a" };

  for (gsize i = 0; i < G_N_ELEMENTS (references); i++)
    {
      g_autoptr(GError) error = NULL;
      CpdTransport transport;
      const char *rest;

      g_assert_false (cpd_image_source_split (references[i], &transport, &rest, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/transport/image-source/split", test_split);
  g_test_add_func ("/transport/image-source/unsupported", test_unsupported);
  return g_test_run ();
}
