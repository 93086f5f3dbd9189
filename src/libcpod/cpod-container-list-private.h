/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cpod-container-list.h"

G_BEGIN_DECLS

struct _CpodContainerList
{
  GObject parent_instance;

  CpodClient *client;           /* (owned) */
  GHashTable *containers;       /* path → CpodContainer: all that there are */
  GPtrArray *shown;             /* those of them that are in the list, in order */
  GCancellable *cancellable;
  guint subscriptions[2];
  guint watch;
  gboolean all;
  gboolean loaded;
  GError *error;                /* (nullable): why loading has failed */
};

G_GNUC_INTERNAL void cpod_container_list_follow     (CpodContainerList  *self);
G_GNUC_INTERNAL void cpod_container_list_set_loaded (CpodContainerList  *self,
                                                     gboolean            loaded,
                                                     GError             *error);
G_GNUC_INTERNAL void cpod_container_list_show_all   (CpodContainerList  *self);
G_GNUC_INTERNAL void cpod_container_list_place      (CpodContainerList  *self,
                                                     CpodContainer      *container);
G_GNUC_INTERNAL void cpod_container_list_hide       (CpodContainerList  *self,
                                                     guint               position);

G_END_DECLS
