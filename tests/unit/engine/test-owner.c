/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "test-engine.h"
#include "test-scratch.h"

static void
assert_locked (TestScratch *fixture, pid_t owner)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *expected = g_strdup_printf ("the process %d already serves the state in %s/lib",
                                               (int) owner, fixture->path);

  g_assert_null (cpd_engine_new (cpd_config_new (fixture->path, NULL), &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_STORE_LOCKED);
  g_assert_cmpstr (error->message, ==, expected);
}

static void
test_second (TestScratch *fixture, gconstpointer data)
{
  CpdEngine *engine = test_engine_open (fixture->path);
  pid_t child;
  int status;

  assert_locked (fixture, getpid ());
  child = fork ();
  if (child == 0)
    {
      pid_t parent = getppid ();

      assert_locked (fixture, parent);
      _exit (0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  /* Those who were turned away did no harm, and the next one may have it. */
  assert_locked (fixture, getpid ());
  test_engine_close (engine);
  test_engine_close (test_engine_open (fixture->path));
}

/* The lock goes with its owner, however that ends. */
static void
test_owner_killed (TestScratch *fixture, gconstpointer data)
{
  int ends[2];
  char byte;
  pid_t child;

  g_assert_cmpint (pipe (ends), ==, 0);
  child = fork ();
  if (child == 0)
    {
      test_engine_open (fixture->path);
      if (write (ends[1], "x", 1) != 1)
        _exit (1);
      for (;;)
        pause ();
    }
  close (ends[1]);
  g_assert_cmpint (read (ends[0], &byte, 1), ==, 1);
  close (ends[0]);
  assert_locked (fixture, child);
  g_assert_cmpint (kill (child, SIGKILL), ==, 0);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
  test_engine_close (test_engine_open (fixture->path));
}

static void
test_recover_empty (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  CpdEngine *engine = test_engine_open (fixture->path);
  g_autoptr(GPtrArray) problems = NULL;
  g_autofree char *boot_id = NULL;

  g_assert_true (cpd_engine_recover (engine, &error));
  g_assert_no_error (error);
  problems = cpd_engine_check (engine, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (problems->len, ==, 0);
  boot_id = cpd_store_get_meta (engine->store, "boot-id", NULL);
  g_assert_cmpstr (boot_id, ==, cpd_engine_get_boot_id (engine));
  /* The first start of all is no reboot. */
  g_assert_cmpuint (cpd_store_last_event (engine->store), ==, 0);
  test_engine_close (engine);
}

static void
test_refresh (TestScratch *fixture, gconstpointer data)
{
  CpdEventQuery all = { 0 };
  g_autoptr(GPtrArray) events = NULL;
  CpdEngine *engine;

  g_setenv ("CPOD_BOOT_ID", "first", TRUE);
  engine = test_engine_open (fixture->path);
  g_assert_true (cpd_engine_recover (engine, NULL));
  test_engine_close (engine);
  g_setenv ("CPOD_BOOT_ID", "second", TRUE);
  for (int i = 0; i < 2; i++)   /* once, not at each start */
    {
      engine = test_engine_open (fixture->path);
      g_assert_true (cpd_engine_recover (engine, NULL));
      g_clear_pointer (&events, g_ptr_array_unref);
      events = cpd_store_list_events (engine->store, &all, NULL, NULL, NULL);
      test_engine_close (engine);
      g_assert_cmpuint (events->len, ==, 1);
      g_assert_cmpstr (((CpdEventRow *) events->pdata[0])->status, ==, "refresh");
    }
  g_unsetenv ("CPOD_BOOT_ID");
}

static void
test_orphans (TestScratch *fixture, gconstpointer data)
{
  g_autofree char *directory = g_build_filename (fixture->path, "lib/containers",
    "abababababababababababababababababababababababababababababababab", NULL);
  g_autofree char *bundle = g_build_filename (fixture->path, "run/containers",
    "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd/rootfs", NULL);
  CpdEngine *engine = test_engine_open (fixture->path);
  g_autoptr(GPtrArray) before = NULL, after = NULL;
  gint64 number;

  g_assert_true (cpd_fs_mkdir_p (directory, 0700, NULL));
  g_assert_true (cpd_fs_mkdir_p (bundle, 0700, NULL));
  g_assert_true (cpd_engine_begin_operation (engine, "create",
    "efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef", &number, NULL));
  before = cpd_engine_check (engine, NULL);
  g_assert_cmpuint (before->len, ==, 3);
  g_assert_true (cpd_engine_recover (engine, NULL));
  after = cpd_engine_check (engine, NULL);
  g_assert_cmpuint (after->len, ==, 0);
  g_assert_false (g_file_test (directory, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (bundle, G_FILE_TEST_EXISTS));
  test_engine_close (engine);
}

static void
test_unusable (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL, broken = NULL;
  g_autoptr(CpdEngine) engine = NULL;
  g_autoptr(GVariant) health = NULL;
  g_autofree char *file = g_build_filename (fixture->path, "lib", NULL);
  g_autofree char *database = g_build_filename (fixture->path, "lib", "cpod.db", NULL);
  g_autofree char *told = NULL;

  g_assert_true (g_file_set_contents (file, "", -1, NULL));
  g_assert_null (cpd_engine_new (cpd_config_new (fixture->path, NULL), &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, file));

  g_assert_cmpint (unlink (file), ==, 0);
  g_assert_cmpint (mkdir (file, 0700), ==, 0);
  g_assert_true (g_file_set_contents (database, "this is no database, is it?", -1, NULL));
  engine = cpd_engine_new (cpd_config_new (fixture->path, NULL), &broken);
  g_assert_no_error (broken);
  health = g_variant_ref_sink (cpd_engine_get_health (engine));
  g_assert_cmpuint (g_variant_n_children (health), ==, 1);
  told = g_variant_print (health, FALSE);
  g_assert_nonnull (strstr (told, "made anew"));
}

#define ADD(path, func) g_test_add (path, TestScratch, "64m", test_scratch_set_up, func, test_scratch_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  ADD ("/owner/second", test_second);
  ADD ("/owner/killed", test_owner_killed);
  ADD ("/owner/recover-empty", test_recover_empty);
  ADD ("/owner/refresh", test_refresh);
  ADD ("/owner/orphans", test_orphans);
  ADD ("/owner/unusable", test_unusable);
  return g_test_run ();
}
