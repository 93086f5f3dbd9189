/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "bus/cpd-bus-auth.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

static GDBusAnnotationInfo action = {
  -1, (char *) CPOD_ANNOTATION_ACTION, (char *) "org.cpod.Cpod1.manage", NULL
};
static GDBusAnnotationInfo other = {
  -1, (char *) "org.freedesktop.DBus.Deprecated", (char *) "true", NULL
};
static GDBusAnnotationInfo *with_action[] = { &other, &action, NULL };
static GDBusAnnotationInfo *without_action[] = { &other, NULL };

static GDBusMethodInfo guarded = { -1, (char *) "Guarded", NULL, NULL, with_action };
static GDBusMethodInfo forgotten = { -1, (char *) "Forgotten", NULL, NULL, without_action };
static GDBusMethodInfo bare = { -1, (char *) "Bare", NULL, NULL, NULL };

static void
test_root (void)
{
  g_autoptr(CpdBusPeer) root = cpd_bus_peer_new (":1.1", 0, 1);
  g_autoptr(GError) error = NULL;

  g_assert_true (cpd_bus_auth_check (&guarded, root, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (cpd_bus_auth_get_action (&guarded, NULL), ==, "org.cpod.Cpod1.manage");
}

/* Not even root may call what was forgotten. */
static void
test_no_action (void)
{
  g_autoptr(CpdBusPeer) root = cpd_bus_peer_new (":1.1", 0, 1);
  g_autoptr(GError) first = NULL, second = NULL;

  g_assert_false (cpd_bus_auth_check (&forgotten, root, &first));
  g_assert_error (first, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED);
  g_assert_cmpstr (first->message, ==, "method Forgotten carries no action");

  g_assert_false (cpd_bus_auth_check (&bare, root, &second));
  g_assert_cmpstr (second->message, ==, "method Bare carries no action");
}

static void
test_others (void)
{
  guint32 uid = geteuid () + 1;
  g_autoptr(CpdBusPeer) user = cpd_bus_peer_new (":1.1", uid, 1);
  g_autoptr(CpdBusPeer) private = cpd_bus_peer_new (NULL, uid, 1);
  g_autoptr(CpdBusPeer) self = cpd_bus_peer_new (NULL, geteuid (), 1);
  g_autoptr(GError) error = NULL;

  g_assert_false (cpd_bus_auth_check (&guarded, user, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED);
  g_assert_nonnull (strstr (error->message, "org.cpod.Cpod1.manage"));
  g_assert_nonnull (strstr (error->message, "only root is served"));

  g_assert_false (cpd_bus_auth_check (&guarded, private, NULL));
  g_assert_true (cpd_bus_auth_check (&guarded, self, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/auth/root", test_root);
  g_test_add_func ("/auth/no-action", test_no_action);
  g_test_add_func ("/auth/others", test_others);
  return g_test_run ();
}
