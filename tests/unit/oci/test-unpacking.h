/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "oci/cpd-layer.h"

G_BEGIN_DECLS

/* Where a layer is unpacked to, on a tmpfs of its own. */
typedef struct
{
  char *scratch;
  char *root_path;
  char *blob_path;
  int root;
  int blob;
  CpdLayerInfo info;
} TestUnpacking;

void test_unpacking_set_up    (TestUnpacking *self,
                               gconstpointer  data);
void test_unpacking_tear_down (TestUnpacking *self,
                               gconstpointer  data);

G_END_DECLS
