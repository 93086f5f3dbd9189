/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "bus/cpd-bus-auth.h"
#include "bus/cpd-bus-create-options.h"
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

  g_assert_cmpint (cpd_bus_auth_check (&guarded, root, &error), ==, CPD_BUS_AUTH_GRANTED);
  g_assert_no_error (error);
  g_assert_cmpstr (cpd_bus_auth_get_action (&guarded, NULL), ==, "org.cpod.Cpod1.manage");
}

/* Not even root may call what was forgotten. */
static void
test_no_action (void)
{
  g_autoptr(CpdBusPeer) root = cpd_bus_peer_new (":1.1", 0, 1);
  g_autoptr(GError) first = NULL, second = NULL;

  g_assert_cmpint (cpd_bus_auth_check (&forgotten, root, &first), ==, CPD_BUS_AUTH_REFUSED);
  g_assert_error (first, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED);
  g_assert_cmpstr (first->message, ==, "method Forgotten carries no action");

  g_assert_cmpint (cpd_bus_auth_check (&bare, root, &second), ==, CPD_BUS_AUTH_REFUSED);
  g_assert_cmpstr (second->message, ==, "method Bare carries no action");
}

/* polkit answers only a service of root's about others, and only about those who have a name on the bus. */
static void
test_others (void)
{
  guint32 uid = geteuid () + 1;
  g_autoptr(CpdBusPeer) user = cpd_bus_peer_new (":1.1", uid, 1);
  g_autoptr(CpdBusPeer) private = cpd_bus_peer_new (NULL, uid, 1);
  g_autoptr(CpdBusPeer) self = cpd_bus_peer_new (NULL, geteuid (), 1);
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (cpd_bus_auth_check (&guarded, user, NULL), ==,
                   geteuid () == 0 ? CPD_BUS_AUTH_ASK : CPD_BUS_AUTH_REFUSED);
  g_assert_cmpint (cpd_bus_auth_check (&guarded, private, &error), ==, CPD_BUS_AUTH_REFUSED);
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED);
  g_assert_nonnull (strstr (error->message, "org.cpod.Cpod1.manage"));
  g_assert_cmpint (cpd_bus_auth_check (&guarded, self, NULL), ==, CPD_BUS_AUTH_GRANTED);
}

/* Somebody has to have said of every option of Create() whether it reaches into the host. */
static void
test_every_option_is_judged (void)
{
  for (const CpdBusOption *option = cpd_bus_create_options; option->key != NULL; option++)
    if (!cpd_reach_is_judged (option->key))
      g_error ("option '%s' of Create(): say in engine/containers/cpd-reach.c how far it reaches into the host", option->key);
  g_assert_false (cpd_reach_is_judged ("bind"));
}

static void
test_grants (void)
{
  const char *reach[] = { "privileged", "network=host", NULL };
  CpdGrant grant = { NULL, (char *) "1", (char **) reach, FALSE };
  CpdGrant empty = { NULL, NULL, NULL, FALSE };
  g_autoptr(GError) image = NULL, more = NULL;

  g_assert_true (cpd_grant_check_image (NULL, "name", "2", NULL));
  g_assert_true (cpd_grant_check_image (&empty, "name", "2", NULL));
  g_assert_true (cpd_grant_check_image (&grant, "name", "1", NULL));
  g_assert_false (cpd_grant_check_image (&grant, "name", "2", &image));
  g_assert_error (image, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED);

  g_assert_true (cpd_grant_check_reach (NULL, reach, NULL));
  g_assert_true (cpd_grant_check_reach (&grant, reach, NULL));
  g_assert_true (cpd_grant_check_reach (&grant, reach + 1, NULL));
  g_assert_true (cpd_grant_check_reach (&empty, reach + 2, NULL));
  g_assert_false (cpd_grant_check_reach (&empty, reach, &more));
  g_assert_error (more, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED);
  g_assert_nonnull (strstr (more->message, "privileged"));
}

/* What is remembered of a caller has a bound. */
static void
test_made (void)
{
  g_autoptr(CpdBusPeer) peer = cpd_bus_peer_new (":1.1", 1, 1);

  for (guint i = 0; i < 10000; i++)
    {
      g_autofree char *id = g_strdup_printf ("%u", i);

      cpd_bus_peer_add_made (peer, id);
      g_assert_true (cpd_bus_peer_has_made (peer, id));
    }
  g_assert_false (cpd_bus_peer_has_made (peer, "0"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/auth/root", test_root);
  g_test_add_func ("/auth/no-action", test_no_action);
  g_test_add_func ("/auth/others", test_others);
  g_test_add_func ("/auth/every-option-is-judged", test_every_option_is_judged);
  g_test_add_func ("/auth/grants", test_grants);
  g_test_add_func ("/auth/made", test_made);
  return g_test_run ();
}
