/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host/cpd-oom-log.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define RECORD(priority, cgroup) \
  #priority ",811,90314250,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=container,mems_allowed=0," \
  "oom_memcg=/machine.slice/cpod-" OTHER ".scope,task_memcg=" cgroup ",task=dd,pid=731,uid=0\n"

static void
test_parse (void)
{
  const struct
  {
    const char *record;
    const char *id;
  } cases[] = {
    { RECORD (6, "/machine.slice/cpod-" ID ".scope"), ID },
    { RECORD (6, "/machine.slice/cpod-" ID ".scope/container"), ID },
    { RECORD (4, "/a.slice/a-b.slice/cpod-" ID ".scope/container/inner"), ID },
    /* A record that was torn has the part that counts. */
    { "6,812,90314251,c;,task_memcg=/machine.slice/cpod-" ID ".scope,task=dd\n", ID },
    /* What a program wrote. */
    { RECORD (14, "/machine.slice/cpod-" ID ".scope"), NULL },
    { RECORD (6, "/system.slice/cron.service"), NULL },
    { RECORD (6, "/machine.slice/libpod-" ID ".scope"), NULL },
    { RECORD (6, "/machine.slice/cpod-" ID ".slice"), NULL },
    { RECORD (6, "/machine.slice/cpod-" ID "a.scope"), NULL },
    { RECORD (6, "/machine.slice/cpod-aaaa.scope"), NULL },
    { RECORD (6, "/machine.slice,task=/cpod-" ID ".scope"), NULL },
    { "6,813,90314252,-;cgroup: fork rejected by pids controller in /machine.slice/cpod-" ID ".scope\n", NULL },
    { "6,814,90314253,-", NULL },
    { ";task_memcg=/cpod-" ID ".scope", NULL },
    { "", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *id = cpd_oom_log_parse (cases[i].record);

      g_test_message ("%s", cases[i].record);
      g_assert_cmpstr (id, ==, cases[i].id);
    }
}

static void
append (int fd, const char *record)
{
  g_assert_cmpint (write (fd, record, strlen (record)), ==, (gssize) strlen (record));
}

static void
test_take (void)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp (NULL, &path, NULL);
  CpdOomLog *log;

  append (fd, RECORD (6, "/machine.slice/cpod-" OTHER ".scope"));
  log = cpd_oom_log_new (path);
  g_assert_false (cpd_oom_log_take (log, OTHER));       /* from before */
  append (fd, RECORD (6, "/machine.slice/cpod-" ID ".scope/container"));
  g_assert_false (cpd_oom_log_take (log, OTHER));
  g_assert_true (cpd_oom_log_take (log, ID));
  g_assert_false (cpd_oom_log_take (log, ID));
  append (fd, RECORD (6, "/machine.slice/cpod-" ID ".scope"));
  g_assert_true (cpd_oom_log_take (log, ID));
  cpd_oom_log_free (log);
  g_unlink (path);
  close (fd);
}

static void
test_no_log (void)
{
  g_autoptr(CpdOomLog) log = cpd_oom_log_new ("/nonexistent/kmsg");

  g_assert_false (cpd_oom_log_take (log, ID));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/oom-log/parse", test_parse);
  g_test_add_func ("/oom-log/take", test_take);
  g_test_add_func ("/oom-log/no-log", test_no_log);
  return g_test_run ();
}
