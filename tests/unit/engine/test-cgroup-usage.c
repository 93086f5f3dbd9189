/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "engine/host/cpd-cgroup-usage.h"

/* Directories as the kernel would have them; files are NAME, TEXT and a NULL at the end. */
typedef struct
{
  char *top;
  char *one;
  char *other;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->top = g_dir_make_tmp ("cgroup-XXXXXX", NULL);
  fixture->one = g_build_filename (fixture->top, "one", NULL);
  fixture->other = g_build_filename (fixture->top, "other", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_true (cpd_fs_remove_tree (fixture->top, NULL));
  g_free (fixture->top);
  g_free (fixture->one);
  g_free (fixture->other);
}

static void
add_files (const char *hierarchy, const char *const *files)
{
  g_autofree char *directory = g_build_filename (hierarchy, "cpod", "c", NULL);

  g_assert_cmpint (g_mkdir_with_parents (directory, 0700), ==, 0);
  for (; files[0] != NULL; files += 2)
    {
      g_autofree char *path = g_build_filename (directory, files[0], NULL);

      g_assert_true (g_file_set_contents (path, files[1], -1, NULL));
    }
}

static gboolean
read_usage (const Fixture *fixture, CpdCgroupUsage *usage)
{
  const char *const hierarchies[] = { fixture->one, fixture->other, NULL };

  return cpd_cgroup_read_usage_below (hierarchies, "/cpod/c", usage);
}

static void
test_v1 (Fixture *fixture, gconstpointer data)
{
  const char *const memory[] = {
    "memory.usage_in_bytes", "5000\n", "memory.limit_in_bytes", "8192\n",
    "memory.stat", "cache 4000\ninactive_file 7\ntotal_inactive_file 1500\ntotal_inactive_filex 3\n", NULL,
  };
  const char *const others[] = {
    "cpuacct.usage", "123456789\n", "cpu.stat", "nr_periods 0\nthrottled_time 5\n", "pids.current", "3\n",
    "blkio.throttle.io_service_bytes", "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:16 Read 1\n8:16 Write 2\nTotal 33\n", NULL,
  };
  CpdCgroupUsage usage;

  add_files (fixture->one, memory);
  add_files (fixture->other, others);
  g_assert_true (read_usage (fixture, &usage));
  g_assert_cmpuint (usage.cpu_ns, ==, 123456789);
  g_assert_cmpuint (usage.memory, ==, 3500);
  g_assert_cmpuint (usage.memory_limit, ==, 8192);
  g_assert_cmpuint (usage.pids, ==, 3);
  g_assert_cmpuint (usage.read_bytes, ==, 11);
  g_assert_cmpuint (usage.written_bytes, ==, 22);
}

static void
test_v2 (Fixture *fixture, gconstpointer data)
{
  const char *const files[] = {
    "memory.current", "5000\n", "memory.max", "max\n", "memory.stat", "anon 1\ninactive_file 6000\n",
    "cpu.stat", "usage_usec 42\nuser_usec 40\nsystem_usec 2\n", "pids.current", "7\n",
    "io.stat", "8:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=9 dios=9\n8:16 rbytes=1 wbytes=2 rios=1 wios=2\n", NULL,
  };
  CpdCgroupUsage usage;

  add_files (fixture->other, files);
  g_assert_true (read_usage (fixture, &usage));
  g_assert_cmpuint (usage.cpu_ns, ==, 42000);
  g_assert_cmpuint (usage.memory, ==, 0);
  g_assert_cmpuint (usage.memory_limit, ==, (guint64) sysconf (_SC_PHYS_PAGES) * (guint64) sysconf (_SC_PAGESIZE));
  g_assert_cmpuint (usage.pids, ==, 7);
  g_assert_cmpuint (usage.read_bytes, ==, 101);
  g_assert_cmpuint (usage.written_bytes, ==, 202);
}

/* Controllers may be switched off, and files be empty. */
static void
test_little (Fixture *fixture, gconstpointer data)
{
  const char *const files[] = { "pids.current", "", "io.stat", "", "memory.stat", "inactive_file", NULL };
  CpdCgroupUsage usage;

  g_assert_false (read_usage (fixture, &usage));
  add_files (fixture->one, files);
  g_assert_true (read_usage (fixture, &usage));
  g_assert_cmpuint (usage.cpu_ns + usage.memory + usage.pids + usage.read_bytes + usage.written_bytes, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/cgroup-usage/v1", Fixture, NULL, set_up, test_v1, tear_down);
  g_test_add ("/cgroup-usage/v2", Fixture, NULL, set_up, test_v2, tear_down);
  g_test_add ("/cgroup-usage/little", Fixture, NULL, set_up, test_little, tear_down);
  return g_test_run ();
}
