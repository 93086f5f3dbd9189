/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-auth.h"

#include <unistd.h>

#include "public/cpod-error.h"
#include "public/cpod-names.h"

/*
 * The policy stands as an annotation in the interface files, where clients
 * see it too. A method without one was forgotten, and is refused.
 */
const char *
cpd_bus_auth_get_action (const GDBusMethodInfo *method, GError **error)
{
  const char *action = g_dbus_annotation_info_lookup (method->annotations, CPOD_ANNOTATION_ACTION);

  if (action == NULL || *action == '\0')
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
                 "method %s carries no action", method->name);
  return action != NULL && *action != '\0' ? action : NULL;
}

/* Whether PEER may call METHOD: root only, until polkit is asked. */
gboolean
cpd_bus_auth_check (const GDBusMethodInfo *method, const CpdBusPeer *peer, GError **error)
{
  const char *action = cpd_bus_auth_get_action (method, error);
  guint32 uid = cpd_bus_peer_get_uid (peer);

  if (action == NULL)
    return FALSE;
  if (uid == 0)
    return TRUE;

  /* Who can talk to a private peer started it, and gains nothing by it. */
  if (cpd_bus_peer_is_private (peer) && uid == (guint32) geteuid ())
    return TRUE;

  g_set_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
               "user %u is not authorized for %s: only root is served", uid, action);
  return FALSE;
}
