/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-holds.h"

#include <string.h>

static void
on_changed (gboolean held, gpointer user_data)
{
  g_string_append_c (user_data, held ? '+' : '-');
}

static void
assert_told (GString *told, const char *expected)
{
  while (told->len < strlen (expected))
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (told->str, ==, expected);
}

static void
test_told (void)
{
  g_autoptr(GString) told = g_string_new (NULL);
  g_autoptr(CpdHolds) holds = cpd_holds_new (g_main_context_default (), on_changed, told);
  CpdHold *first = cpd_holds_take (holds);
  CpdHold *second = cpd_holds_take (holds);

  g_assert_true (cpd_holds_any (holds));
  g_assert_false (cpd_holds_wait_none (holds, 1000));
  assert_told (told, "+");
  cpd_hold_release (first);
  g_assert_true (cpd_holds_any (holds));
  cpd_hold_release (second);
  assert_told (told, "+-");
  g_assert_true (cpd_holds_wait_none (holds, 1000));
  first = cpd_holds_take (holds);
  assert_told (told, "+-+");
  cpd_hold_release (first);
}

/* What ends before anybody is told is told to nobody. */
static void
test_short (void)
{
  g_autoptr(GString) told = g_string_new (NULL);
  g_autoptr(CpdHolds) holds = cpd_holds_new (g_main_context_default (), on_changed, told);

  for (int i = 0; i < 1000; i++)
    {
      g_autoptr(CpdHold) hold = cpd_holds_take (holds);
    }
  g_usleep (150 * 1000);        /* the time after which a longer one would be told of */
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpstr (told->str, ==, "");
}

static gpointer
release (gpointer hold)
{
  g_usleep (20 * 1000);
  cpd_hold_release (hold);
  return NULL;
}

static void
test_wait (void)
{
  g_autoptr(GString) told = g_string_new (NULL);
  g_autoptr(CpdHolds) holds = cpd_holds_new (g_main_context_default (), on_changed, told);
  GThread *thread = g_thread_new ("holder", release, cpd_holds_take (holds));

  g_assert_true (cpd_holds_wait_none (holds, 60 * G_USEC_PER_SEC));
  g_assert_false (cpd_holds_any (holds));
  g_thread_join (thread);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/A18/holds/told", test_told);
  g_test_add_func ("/A18/holds/short", test_short);
  g_test_add_func ("/A18/holds/wait", test_wait);
  return g_test_run ();
}
