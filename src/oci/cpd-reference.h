/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The full form of an image name: a registry ("localhost" when there is none) and a tag ("latest").
 * INVALID_ARGUMENT when it is no valid reference (upper-case repository, bad tag, ...). */
char  *cpd_reference_normalize  (const char   *name,
                                 GError      **error);
/* The full names that a short one may stand for, best first: as given, localhost/..., docker.io/library/... */
char **cpd_reference_candidates (const char   *name,
                                 GError      **error);

G_END_DECLS
