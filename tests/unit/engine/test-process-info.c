/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "engine/host/cpd-process-args.h"
#include "engine/host/cpd-process-info.h"

/* After the name: state, parent, group, session, terminal, ..., times, nice, start, sizes. */
#define REST " S 1 2 3 34817 5 4194560 1 2 3 4 250 150 7 8 20 -5 1 0 123456 8192000 10 18446744073709551615 0 0\n"
#define STATUS(name) \
  "Name:\t" name "\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4711\nNgid:\t0\nPid:\t4711\nPPid:\t4700\nTracerPid:\t0\n" \
  "Uid:\t1000\t1001\t1002\t1003\nGid:\t100\t101\t102\t103\nFDSize:\t64\nGroups:\t4 27 4294967294 \n" \
  "NStgid:\t4711\t12\t1\nNSpid:\t4711\t12\t1\nNSpgid:\t4711\t11\t1\nNSsid:\t4711\t12\t1\n" \
  "CapInh:\t0000000000000001\nCapPrm:\t0000000000000002\nCapEff:\t0000000000000003\nCapBnd:\t000001ffffffffff\n" \
  "CapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n"

static void
test_fields (void)
{
  g_autoptr(CpdProcessInfo) info = cpd_process_info_parse ("4711 (sleep)" REST, STATUS ("sleep"), 1);
  g_autofree char *terminal = NULL;

  g_assert_nonnull (info);
  g_assert_cmpstr (info->name, ==, "sleep");
  g_assert_cmpint (info->host_pid, ==, 4711);
  g_assert_cmpint (info->host_parent, ==, 4700);
  g_assert_cmpint (info->pid, ==, 12);
  g_assert_cmpint (info->group, ==, 11);
  g_assert_cmpint (info->state, ==, 'S');
  g_assert_cmpint (info->nice, ==, -5);
  g_assert_cmpuint (info->cpu_us, ==, 400 * G_USEC_PER_SEC / (guint64) sysconf (_SC_CLK_TCK));
  g_assert_cmpuint (info->start_ticks, ==, 123456);
  g_assert_cmpuint (info->virtual_size, ==, 8192000);
  g_assert_cmpuint (info->resident_size, ==, 10 * (guint64) sysconf (_SC_PAGESIZE));
  g_assert_cmpuint (info->real_uid, ==, 1000);
  g_assert_cmpuint (info->uid, ==, 1001);
  g_assert_cmpuint (info->real_gid, ==, 100);
  g_assert_cmpuint (info->gid, ==, 101);
  g_assert_cmpuint (info->groups->len, ==, 3);
  g_assert_cmpuint (g_array_index (info->groups, guint32, 2), ==, 4294967294u);
  g_assert_cmpuint (info->capabilities[CPD_CAPABILITIES_EFFECTIVE], ==, 3);
  g_assert_cmpuint (info->capabilities[CPD_CAPABILITIES_BOUNDING], ==, G_GUINT64_CONSTANT (0x1ffffffffff));
  g_assert_cmpstr (cpd_process_seccomp (info), ==, "filter");
  terminal = cpd_process_terminal (info);
  g_assert_cmpstr (terminal, ==, "pts/1");
}

/* Names are the process's own choice, but for their length. */
static void
test_hostile_names (void)
{
  static const char *const names[] = {
    "a) R 1 (", ") R 99 99", "(", ")", "((((", "", " ", "a\nb", ") S 1 2 3\n", "\xff\xfe", "1 (x) R 1 1",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *stat = g_strconcat ("4711 (", names[i], ")", REST, NULL);
      g_autoptr(CpdProcessInfo) info = cpd_process_info_parse (stat, STATUS ("x\\nUid:\\t0"), 1);

      g_test_message ("%s", names[i]);
      g_assert_nonnull (info);
      g_assert_cmpstr (info->name, ==, names[i]);
      g_assert_cmpint (info->state, ==, 'S');
      g_assert_cmpuint (info->start_ticks, ==, 123456);
      g_assert_cmpuint (info->uid, ==, 1001);
    }
}

static void
test_nonsense (void)
{
  static const struct
  {
    const char *stat;
    const char *status;
  } cases[] = {
    { "", STATUS ("x") }, { "4711", STATUS ("x") }, { "4711 (x", STATUS ("x") }, { ")(", STATUS ("x") },
    { "4711 (x)", STATUS ("x") }, { "4711 (x) S 1 2 3", STATUS ("x") }, { "4711 (x)" REST, "" },
    { "4711 (x)" REST, "Pid:\t1\nPPid:\t0\nNSpid:\t1\t1\n" }, { "4711 (x)" REST, "Pid:\t\nPPid:\t\nNSpid:\t\nUid:\t\nGid:\t\n" },
    { "4711 (x)" REST, "Pid:\tone\nPPid:\t0\nNSpid:\t1\t1\nUid:\t0\t0\nGid:\t0\t0\n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_test_message ("%s / %s", cases[i].stat, cases[i].status);
      g_assert_null (cpd_process_info_parse (cases[i].stat, cases[i].status, 1));
    }
}

/* A process on its way into the container is not yet in it. */
static void
test_levels (void)
{
  g_autoptr(CpdProcessInfo) outer = cpd_process_info_parse ("1 (x)" REST, STATUS ("x"), 0);
  g_autoptr(CpdProcessInfo) inner = cpd_process_info_parse ("1 (x)" REST, STATUS ("x"), 2);

  g_assert_cmpint (outer->pid, ==, 4711);
  g_assert_cmpint (inner->pid, ==, 1);
  g_assert_null (cpd_process_info_parse ("1 (x)" REST, STATUS ("x"), 3));
}

static void
test_terminals (void)
{
  static const struct
  {
    guint number;
    const char *name;
  } cases[] = {
    { 0, "" }, { 0x8800, "pts/0" }, { 0x8805, "pts/5" }, { 0x8900, "pts/256" }, { 0x108800, "pts/256" }, { 0x0401, "tty1" },
    { 0x0440, "ttyS0" }, { 0x0501, "console" }, { 0x0500, "5:0" }, { 0xe500, "229:0" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const CpdProcessInfo info = { .terminal = cases[i].number };
      g_autofree char *name = cpd_process_terminal (&info);

      g_assert_cmpstr (name, ==, cases[i].name);
    }
}

static void
test_self (void)
{
  int level = cpd_process_level ("/proc", getpid ());
  g_autoptr(CpdProcessInfo) info = NULL;

  g_assert_cmpint (level, >=, 0);
  info = cpd_process_info_read ("/proc", getpid (), (guint) level);
  g_assert_nonnull (info);
  g_assert_cmpint (info->host_pid, ==, getpid ());
  g_assert_cmpint (info->host_parent, ==, getppid ());
  g_assert_cmpuint (info->uid, ==, geteuid ());
  g_assert_cmpint (info->state, ==, 'R');
  g_assert_null (cpd_process_info_read ("/proc", 0, 0));
  g_assert_cmpint (cpd_process_level ("/proc", 0), ==, -1);
}

/* A directory like /proc, with command lines. */
typedef struct
{
  char *path;
  GArray *pids;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->path = g_dir_make_tmp ("proc-XXXXXX", NULL);
  fixture->pids = g_array_new (FALSE, FALSE, sizeof (guint32));
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_true (cpd_fs_remove_tree (fixture->path, NULL));
  g_free (fixture->path);
  g_array_unref (fixture->pids);
}

/* The path of its command line, which is not there yet. */
static char *
add_process (Fixture *fixture, guint32 pid)
{
  g_autofree char *directory = g_strdup_printf ("%s/%u", fixture->path, pid);

  g_assert_cmpint (g_mkdir (directory, 0700), ==, 0);
  g_array_append_val (fixture->pids, pid);
  return g_build_filename (directory, "cmdline", NULL);
}

static void
add_args (Fixture *fixture, guint32 pid, const char *bytes, gssize length)
{
  g_autofree char *path = add_process (fixture, pid);

  g_assert_true (g_file_set_contents (path, bytes, length, NULL));
}

static void
test_args (Fixture *fixture, gconstpointer data)
{
  g_autofree char *large = g_strnfill (3 * CPD_PROCESS_ARGS_MAX, 'x');
  g_autofree char *path = NULL;
  g_autoptr(GPtrArray) args = NULL;

  add_args (fixture, 1, "sh\0-c\0\0true\0", 12);
  add_args (fixture, 2, "", 0);
  add_args (fixture, 3, "title: of its own", -1);
  add_args (fixture, 4, "padded\0\0\0\0\0", 11);
  add_args (fixture, 5, "\0\0\0", 3);
  add_args (fixture, 6, large, -1);
  path = add_process (fixture, 7);
  args = cpd_process_args_read (fixture->path, fixture->pids, G_MAXINT);
  g_assert_cmpuint (args->len, ==, 7);
  g_assert_cmpstr (args->pdata[0], ==, "sh -c  true");
  g_assert_null (args->pdata[1]);
  g_assert_cmpstr (args->pdata[2], ==, "title: of its own");
  g_assert_cmpstr (args->pdata[3], ==, "padded");
  g_assert_null (args->pdata[4]);
  g_assert_cmpuint (strlen (args->pdata[5]), ==, CPD_PROCESS_ARGS_MAX);
  g_assert_null (args->pdata[6]);
}

static void
test_much (Fixture *fixture, gconstpointer data)
{
  const guint most = CPD_PROCESS_ARGS_SUM / CPD_PROCESS_ARGS_MAX;
  g_autofree char *large = g_strnfill (CPD_PROCESS_ARGS_MAX, 'x');
  g_autoptr(GPtrArray) args = NULL;

  for (guint i = 1; i <= most + 10; i++)
    add_args (fixture, i, large, -1);
  args = cpd_process_args_read (fixture->path, fixture->pids, G_MAXINT);
  g_assert_cmpuint (args->len, ==, most + 10);
  g_assert_nonnull (args->pdata[most - 1]);
  g_assert_null (args->pdata[most]);
}

/* What cannot be read yet holds nobody up, and many of it take no more than a few threads. */
static void
test_stuck (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = NULL;
  g_autoptr(GPtrArray) last = NULL;
  int fd;

  path = add_process (fixture, 1);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(GPtrArray) args = cpd_process_args_read (fixture->path, fixture->pids, 1);

      g_assert_cmpuint (args->len, ==, 1);
      g_assert_null (args->pdata[0]);
    }

  /* Somebody has it at last: all threads go on, and there are command lines again. */
  fd = g_open (path, O_RDWR | O_CLOEXEC, 0);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_usleep (1000);
  g_assert_true (g_close (fd, NULL));
  g_assert_true (g_file_set_contents (path, "now", -1, NULL));
  while (last == NULL || last->pdata[0] == NULL)
    {
      g_clear_pointer (&last, g_ptr_array_unref);
      last = cpd_process_args_read (fixture->path, fixture->pids, G_MAXINT);
    }
  g_assert_cmpstr (last->pdata[0], ==, "now");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process-info/fields", test_fields);
  g_test_add_func ("/process-info/hostile-names", test_hostile_names);
  g_test_add_func ("/process-info/nonsense", test_nonsense);
  g_test_add_func ("/process-info/levels", test_levels);
  g_test_add_func ("/process-info/terminals", test_terminals);
  g_test_add_func ("/process-info/self", test_self);
  g_test_add ("/process-args/read", Fixture, NULL, set_up, test_args, tear_down);
  g_test_add ("/process-args/much", Fixture, NULL, set_up, test_much, tear_down);
  g_test_add ("/process-args/stuck", Fixture, NULL, set_up, test_stuck, tear_down);
  return g_test_run ();
}
