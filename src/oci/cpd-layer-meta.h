/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "oci/cpd-libarchive.h"

G_BEGIN_DECLS

/* An entry of a layer and where it goes. Only cpd-layer*.c knows of it. */
typedef struct
{
  struct archive_entry *entry;  /* (unowned) */
  char *path;                   /* (owned) below the root, without "." and double slashes; "" for the root */
  char *shown;                  /* (owned) its name for messages */
  int parent;                   /* (unowned) descriptor of the directory it goes to */
  const char *base;             /* (unowned) its last name, part of PATH */
  uid_t born_uid;               /* who owns what is newly made there, if that is known */
  gid_t born_gid;
} CpdLayerItem;

void            cpd_layer_item_clear     (CpdLayerItem        *item);
/* Sets an error that names the item. The archive is to blame for what no other file system would do either. */
void            cpd_layer_item_fail      (const CpdLayerItem  *item,
                                          int                  saved_errno,
                                          const char          *what,
                                          GError             **error);
void            cpd_layer_item_reject    (const CpdLayerItem  *item,
                                          const char          *why,
                                          GError             **error);
/* Owner, mode, extended attributes, times. FD is the open file, or -1 for what is not opened. */
gboolean        cpd_layer_item_set_meta  (const CpdLayerItem  *item,
                                          int                  fd,
                                          GError             **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdLayerItem, cpd_layer_item_clear)

G_END_DECLS
