/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cpd-json.h"
#include "engine/host/cpd-cgroup-config.h"
#include "engine/host/cpd-cgroup.h"
#include "public/cpod-error.h"

#define ID "0123456789012345678901234567890123456789012345678901234567890123"

static gboolean
set_parent (CpdCgroupConfig *cgroup, gboolean systemd, const char *parent, GError **error)
{
  g_autoptr(GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("{'cgroup-parent': <%s>}", parent));
  CpdConfig settings = { .systemd_cgroups = systemd };

  return cpd_cgroup_config_set (cgroup, options, &settings, error);
}

/* libpod's table: which parent goes with which manager. */
static void
test_parents (void)
{
  static const struct
  {
    const char *parent;
    const char *cgroupfs;       /* what comes out; NULL when it is refused */
    const char *systemd;
  } cases[] = {
    { "/cpod", "/cpod", NULL }, { "cpod/inner", "/cpod/inner", NULL }, { "/a//b/", "/a/b", NULL },
    { "user.slice", NULL, "user.slice" }, { "/x/user-a.slice", NULL, "user-a.slice" }, { "", NULL, NULL },
    { "a.sli", "/a.sli", NULL }, { ".slice", NULL, NULL }, { "slice", "/slice", NULL }, { "-a.slice", NULL, NULL },
    { "a-.slice", NULL, NULL }, { "a--b.slice", NULL, NULL }, { "a b.slice", NULL, NULL }, { "/a/../b", NULL, NULL },
    { "../b.slice", NULL, NULL }, { "/a\nb", NULL, NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gboolean systemd = FALSE; systemd <= TRUE; systemd++)
      {
        g_auto(CpdCgroupConfig) cgroup = { 0 };
        g_autoptr(GError) error = NULL;
        const char *expected = systemd ? cases[i].systemd : cases[i].cgroupfs;

        g_assert_cmpint (set_parent (&cgroup, systemd, cases[i].parent, &error), ==, expected != NULL);
        g_assert_cmpstr (cgroup.parent, ==, expected);
        if (expected != NULL)
          continue;
        g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
        g_assert_true (g_str_has_prefix (error->message, "option 'cgroup-parent': '"));
        g_assert_nonnull (strstr (error->message, cases[i].parent));
      }
}

/* A parent that the configuration names wrongly is told by the name of its key. */
static void
test_configured_parent (void)
{
  g_autoptr(GVariant) options = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_auto(CpdCgroupConfig) cgroup = { 0 };
  g_autoptr(GError) error = NULL;
  CpdConfig settings = { .cgroup_parent = (char *) "machine.slice" };

  g_assert_false (cpd_cgroup_config_set (&cgroup, options, &settings, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_true (g_str_has_prefix (error->message, "engine.cgroup_parent: 'machine.slice'"));
}

static void
assert_path (CpdCgroupsMode mode, gboolean systemd, const char *parent, const char *spec, const char *kernel)
{
  const CpdCgroupConfig cgroup = { .mode = mode, .systemd = systemd, .parent = (char *) parent };
  g_autofree char *path = cpd_cgroup_config_spec_path (&cgroup, "12ab", "/user.slice/u.service");
  g_autofree char *found = path != NULL ? cpd_cgroup_path_of_spec (path) : NULL;

  g_assert_cmpstr (path, ==, spec);
  g_assert_cmpstr (found, ==, kernel);
}

static void
test_paths (void)
{
  assert_path (CPD_CGROUPS_ENABLED, FALSE, "/cpod", "/cpod/12ab", "/cpod/12ab");
  assert_path (CPD_CGROUPS_NO_CONMON, FALSE, "/", "/12ab", "/12ab");
  assert_path (CPD_CGROUPS_ENABLED, TRUE, "machine.slice", "machine.slice:cpod:12ab", "/machine.slice/cpod-12ab.scope");
  assert_path (CPD_CGROUPS_ENABLED, TRUE, "a-b-c.slice", "a-b-c.slice:cpod:12ab",
               "/a.slice/a-b.slice/a-b-c.slice/cpod-12ab.scope");
  assert_path (CPD_CGROUPS_ENABLED, TRUE, "-.slice", "-.slice:cpod:12ab", "/cpod-12ab.scope");
  assert_path (CPD_CGROUPS_SPLIT, FALSE, NULL, "/user.slice/u.service/cpod-12ab", "/user.slice/u.service/cpod-12ab");
  assert_path (CPD_CGROUPS_DISABLED, FALSE, NULL, NULL, NULL);
}

static void
test_record (void)
{
  const CpdCgroupConfig before = { .is_recorded = TRUE, .mode = CPD_CGROUPS_SPLIT, .private_namespace = TRUE };
  const CpdCgroupConfig older = { 0 }, broken = { .is_recorded = TRUE };
  g_autoptr(JsonObject) object = cpd_cgroup_config_to_object (&before);
  g_autoptr(JsonObject) nothing = cpd_cgroup_config_to_object (&older);
  g_autoptr(JsonObject) no_parent = cpd_cgroup_config_to_object (&broken);
  g_auto(CpdCgroupConfig) after = { 0 }, unknown = { 0 }, useless = { 0 };

  cpd_cgroup_config_from_object (&after, object);
  g_assert_true (after.is_recorded);
  g_assert_cmpint (after.mode, ==, CPD_CGROUPS_SPLIT);
  g_assert_true (after.private_namespace);
  g_assert_false (after.systemd);
  cpd_cgroup_config_from_object (&unknown, nothing);
  g_assert_false (unknown.is_recorded);
  cpd_cgroup_config_from_object (&useless, no_parent);
  g_assert_false (useless.is_recorded);
}

/* No mistake may make this the end of what is no container. */
static void
test_own (void)
{
  static const char *const paths[] = {
    "/", "", "/cpod", "/machine.slice", "cpod/" ID, "/cpod/../" ID, "/cpod/" ID "0", "/" ID "/..", "/cpod-.scope",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr(GError) kill_error = NULL, remove_error = NULL, freeze_error = NULL;

      g_assert_false (cpd_cgroup_kill (paths[i], &kill_error));
      g_assert_nonnull (strstr (kill_error->message, "no cgroup of a container"));
      g_assert_false (cpd_cgroup_remove (paths[i], &remove_error));
      g_assert_nonnull (strstr (remove_error->message, "no cgroup of a container"));
      g_assert_false (cpd_cgroup_freeze (paths[i], TRUE, &freeze_error));
      g_assert_nonnull (strstr (freeze_error->message, "no cgroup of a container"));
    }
}

/* None of these is there, which is no error: it is what was wanted. */
static void
test_missing (void)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (cpd_cgroup_exists ("/cpod-test/" ID));
  g_assert_true (cpd_cgroup_kill ("/cpod-test/" ID, &error));
  g_assert_true (cpd_cgroup_remove ("/cpod-test/" ID, &error));
  g_assert_no_error (error);
  g_assert_false (cpd_cgroup_freeze ("/cpod-test/" ID, TRUE, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/A23/parents", test_parents);
  g_test_add_func ("/A23/configured-parent", test_configured_parent);
  g_test_add_func ("/A23/paths", test_paths);
  g_test_add_func ("/A23/record", test_record);
  g_test_add_func ("/A23/own", test_own);
  g_test_add_func ("/A23/missing", test_missing);
  return g_test_run ();
}
