/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* How a further process in a container differs from its first one. Nothing is owned. */
typedef struct
{
  const char *const *args;
  const char *const *env;               /* complete */
  const char *cwd;                      /* NULL for the first one's */
  guint32 uid;
  guint32 gid;
  const guint32 *additional_gids;
  gsize n_additional_gids;
  gboolean same_user;                   /* as the first one's: it keeps what that user was given */
  gboolean privileged;
  gboolean terminal;
  guint rows;                           /* of the terminal; 0 for what it comes with */
  guint columns;
} CpdExecSpec;

/* The OCI runtime's "process" object of such a process; CONTAINER is the text of the container's config.json.
 * As podman has it: what SPEC does not say (limits, security labels, umask) is like the first process's. */
char *cpd_exec_spec_to_json (const char         *container,
                             const CpdExecSpec  *spec,
                             GError            **error);

G_END_DECLS
