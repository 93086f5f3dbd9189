/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "oci/cpd-resources.h"

G_BEGIN_DECLS

/*
 * What the OCI runtime's config.json is made from. All values are final: image
 * and options were merged, the user was looked up. Nothing is owned.
 */
typedef struct
{
  const char *id;
  const char *name;
  const char *rootfs;                   /* absolute path of the mounted root */
  const char *hostname;
  const char *const *args;
  const char *const *env;               /* complete */
  const char *cwd;
  guint32 uid;
  guint32 gid;
  const guint32 *additional_gids;
  gsize n_additional_gids;
  gboolean read_only;
  gboolean privileged;
  gboolean terminal;
  guint rows;                           /* of it; 0 when nobody has said */
  guint columns;
  gboolean host_network;
  const char *const *capabilities;      /* sorted, "CAP_..." */
  /* those of them that were asked for by name: a user other than root gets no others; NULL when
   * that is not known, which stands for what is in no default set */
  const char *const *added_capabilities;
  const char *seccomp_profile;          /* path of a containers/common profile, NULL for unconfined */
  const char *cgroup_path;              /* "/cpod/ID", or "slice:cpod:ID" with the systemd manager */
  const CpdResources *resources;        /* (nullable) */
  gboolean private_cgroupns;
  const char *stop_signal;              /* for the annotation */
  const char *const *sysctls;           /* "NAME=VALUE"; NULL for the usual ones */
  const char *const *ulimits;           /* "NAME=SOFT:HARD", "nofile=1024:-1"; NULL for the usual ones */
  const char *const *own_ulimits;       /* (nullable): what was asked for this one, over those */
  const int *oom_score_adj;             /* (nullable) */
  gint64 shm_size;                      /* bytes; 0 for the usual size */
  /* files to bind mount: {source, destination} pairs, NULL-terminated */
  const char *const *binds;
} CpdRuntimeSpec;

/* The text of config.json (OCI runtime spec 1.0.2): podman's defaults for mounts, masked and
 * read-only paths, namespaces, resources; mounts sorted so that parents come first. */
char  *cpd_runtime_spec_to_json          (const CpdRuntimeSpec  *spec,
                                          GError               **error);

/* podman's default set with ADD and DROP applied ("NET_ADMIN", "CAP_NET_ADMIN", "all", any case),
 * sorted. INVALID_ARGUMENT for an unknown name, or one both added and dropped. */
char **cpd_capabilities_merge            (const char *const     *add,
                                          const char *const     *drop,
                                          gboolean               privileged,
                                          GError               **error);

/* The same with USUAL in place of podman's default set, if that is not NULL. */
char **cpd_capabilities_merge_from       (const char *const     *usual,
                                          const char *const     *add,
                                          const char *const     *drop,
                                          gboolean               privileged,
                                          GError               **error);

/* "user[:group]", numbers or names from etc/passwd and etc/group below ROOTFS, resolved inside it.
 * HOME gets the home directory ("/" when unknown). INVALID_ARGUMENT when a name is unknown. */
gboolean cpd_user_lookup                 (const char            *rootfs,
                                          const char            *user,
                                          guint32               *uid,
                                          guint32               *gid,
                                          GArray               **additional_gids,
                                          char                 **home,
                                          GError               **error);

/* What etc/passwd or etc/group (FILE) below ROOTFS calls the numbers: guint32 to char *. */
GHashTable *cpd_user_read_names          (const char            *rootfs,
                                          const char            *file,
                                          GError               **error);

G_END_DECLS
