/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storage/cpd-storage.h"

G_BEGIN_DECLS

/* An image was asked for where it is from and is what is here: it gets names, and there is an event "pull".
 * NO_SUCH_IMAGE when it has been removed meanwhile. */
gboolean cpd_storage_confirm_image (CpdStorage         *storage,
                                    const char         *id,
                                    const char *const  *names,
                                    const char         *event_name,
                                    const CpdCaller    *caller,
                                    GError            **error);

/* An image in a directory of its own, as skopeo's transport "dir" has it. */
typedef struct
{
  char *path;                   /* (owned) */
  gint64 number;                /* of the operation */
  gint64 size;                  /* bytes of all of it */
  guint layers;
} CpdImageLayout;

/* Lays IMAGE out for somebody else to read: with the manifest as it came if that can be, or with the OWN one, which is
 * OCI's, and with links to the blobs, so that it is whole whatever happens to the image. */
gboolean cpd_storage_lay_out       (CpdStorage         *storage,
                                    const CpdImageRow  *image,
                                    gboolean            own,
                                    CpdImageLayout     *layout,
                                    GError            **error);
/* Ends what cpd_storage_lay_out() began; if EVENT is set with that event and NAME. */
gboolean cpd_storage_end_layout    (CpdStorage         *storage,
                                    CpdImageLayout     *layout,
                                    const char         *id,
                                    const char         *event,
                                    const char         *name,
                                    const CpdCaller    *caller,
                                    GError            **error);

G_END_DECLS
