/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cpod-client.h"

G_BEGIN_DECLS

#define CPOD_TYPE_CONTAINER_LIST (cpod_container_list_get_type ())
G_DECLARE_FINAL_TYPE (CpodContainerList, cpod_container_list, CPOD, CONTAINER_LIST, GObject)

CpodContainerList *cpod_container_list_new        (CpodClient           *client);
CpodClient        *cpod_container_list_get_client (CpodContainerList    *self);
gboolean           cpod_container_list_get_all    (CpodContainerList    *self);
void               cpod_container_list_set_all    (CpodContainerList    *self,
                                                   gboolean              all);
gboolean           cpod_container_list_get_loaded (CpodContainerList    *self);
const GError      *cpod_container_list_get_error  (CpodContainerList    *self);
CpodContainer     *cpod_container_list_find       (CpodContainerList    *self,
                                                   const char           *name,
                                                   guint                *position);

G_END_DECLS
