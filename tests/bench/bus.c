/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus.h"

GDBusConnection *
connect_to (const char *address)
{
  g_autoptr(GError) error = NULL;
  GDBusConnection *bus = g_dbus_connection_new_for_address_sync (address,
                                                                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                                                  | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                                NULL, NULL, &error);

  if (bus == NULL)
    g_error ("%s: %s", address, error->message);
  return bus;
}
