/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* A connection to the bus at ADDRESS (owned); there is none without it, so the program ends when it fails. */
GDBusConnection *connect_to (const char *address);
