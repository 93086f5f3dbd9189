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
/* Whether a valid name says no registry. */
gboolean cpd_reference_is_short (const char  *name);
/* A full name without its tag and digest. */
char  *cpd_reference_repository (const char   *full_name);
/* A full name as a registry takes it: where there is a digest, a tag would add nothing. */
char  *cpd_reference_pullable   (const char   *full_name);

G_END_DECLS
