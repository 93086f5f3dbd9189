/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cpod-generated.h"

G_BEGIN_DECLS

/* A #CpodContainer that others keep up to date, and that lives on when the service starts anew. It takes no round trip
 * to make and no subscription to keep, so that a list may have thousands. */
#define CPOD_TYPE_CONTAINER_ITEM (cpod_container_item_get_type ())
G_GNUC_INTERNAL
G_DECLARE_FINAL_TYPE (CpodContainerItem, cpod_container_item, CPOD, CONTAINER_ITEM, CpodContainerProxy)

G_GNUC_INTERNAL CpodContainer *cpod_container_item_new    (GDBusConnection   *connection,
                                                           const char        *bus_name,
                                                           const char        *path);
G_GNUC_INTERNAL void           cpod_container_item_update (CpodContainer     *container,
                                                           GVariant          *properties);

G_END_DECLS
