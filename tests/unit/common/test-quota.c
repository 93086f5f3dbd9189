/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-quota.h"

static void
test_share (void)
{
  g_autoptr(CpdQuota) quota = cpd_quota_new ();

  g_assert_true (cpd_quota_take (quota, "a", 2));
  g_assert_true (cpd_quota_take (quota, "a", 2));
  g_assert_false (cpd_quota_take (quota, "a", 2));
  g_assert_true (cpd_quota_take (quota, "b", 2));
  cpd_quota_give (quota, "a");
  g_assert_true (cpd_quota_take (quota, "a", 2));
  g_assert_cmpuint (cpd_quota_count (quota, "a"), ==, 2);
  /* A limit that has become smaller takes nothing away. */
  g_assert_false (cpd_quota_take (quota, "a", 1));
  cpd_quota_give (quota, "a");
  cpd_quota_give (quota, "a");
  g_assert_cmpuint (cpd_quota_count (quota, "a"), ==, 0);
  g_assert_cmpuint (cpd_quota_count (quota, "b"), ==, 1);

  g_assert_true (cpd_quota_take_many (quota, "c", 4, 10));
  g_assert_false (cpd_quota_take_many (quota, "c", 7, 10));
  g_assert_false (cpd_quota_take_many (quota, "c", G_MAXUINT, 0));
  g_assert_true (cpd_quota_take_many (quota, "c", 6, 10));
  cpd_quota_give_many (quota, "c", 4);
  g_assert_cmpuint (cpd_quota_count (quota, "c"), ==, 6);
  cpd_quota_give_many (quota, "c", 6);
  g_assert_cmpuint (cpd_quota_count (quota, "c"), ==, 0);
}

static void
test_no_limit (void)
{
  g_autoptr(CpdQuota) quota = cpd_quota_new ();

  for (guint i = 0; i < 1000; i++)
    g_assert_true (cpd_quota_take (quota, "a", 0));
  g_assert_cmpuint (cpd_quota_count (quota, "a"), ==, 1000);
}

static gpointer
take_and_give (gpointer data)
{
  guint taken = 0;

  for (guint i = 0; i < 10000; i++)
    if (cpd_quota_take (data, "a", 3))
      {
        g_assert_cmpuint (cpd_quota_count (data, "a"), <=, 3);
        taken++;
        cpd_quota_give (data, "a");
      }
  return GUINT_TO_POINTER (taken);
}

static void
test_threads (void)
{
  g_autoptr(CpdQuota) quota = cpd_quota_new ();
  GThread *threads[8];
  guint taken = 0;

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("test", take_and_give, quota);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    taken += GPOINTER_TO_UINT (g_thread_join (threads[i]));
  g_assert_cmpuint (taken, >=, 10000);
  g_assert_cmpuint (cpd_quota_count (quota, "a"), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/quota/share", test_share);
  g_test_add_func ("/quota/no-limit", test_no_limit);
  g_test_add_func ("/quota/threads", test_threads);
  return g_test_run ();
}
