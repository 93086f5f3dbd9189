/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/**
 * cpod_client_get_interactive:
 * @self: a client
 *
 * Gets whether the calls that the client makes may ask the user for
 * authorization.
 *
 * Returns: whether they may
 *
 * Since: 0.1
 */
gboolean
cpod_client_get_interactive (CpodClient *self)
{
  g_return_val_if_fail (CPOD_IS_CLIENT (self), FALSE);

  return self->interactive;
}

/**
 * cpod_client_set_interactive:
 * @self: a client
 * @interactive: whether the calls that the client makes may ask the user for
 *   authorization
 *
 * Sets whether a call that needs authorization makes the user's authentication
 * agent ask for it, as is right for what the user has just asked for. Otherwise
 * such a call fails at once. Calls on proxies have the flag
 * %G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION for this.
 *
 * Since: 0.1
 */
void
cpod_client_set_interactive (CpodClient *self,
                             gboolean    interactive)
{
  g_return_if_fail (CPOD_IS_CLIENT (self));

  interactive = !!interactive;
  if (self->interactive == interactive)
    return;

  self->interactive = interactive;
  g_object_notify (G_OBJECT (self), "interactive");
}
