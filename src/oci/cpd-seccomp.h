/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * The "linux.seccomp" section of the OCI runtime spec from a profile in the
 * format of containers/common, for this machine's architecture and the
 * capabilities BOUNDING ("CAP_..."). PROFILE is the file's path.
 * INVALID_ARGUMENT names what is wrong in the profile.
 */
JsonObject *cpd_seccomp_translate (const char         *profile,
                                   const char *const  *bounding,
                                   GError            **error);

G_END_DECLS
