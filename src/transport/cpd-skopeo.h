/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "common/cpd-child.h"

G_BEGIN_DECLS

/*
 * skopeo as it is run for one caller. Everything that speaks to registries,
 * or reads what other tools have stored, is in it.
 */
typedef struct
{
  char *program;                /* (owned) */
  char *registries_conf;        /* (owned) (nullable) */
  char *policy;                 /* (owned) (nullable) */
  char *tmp_dir;                /* (owned) for what it unpacks on the way */
  int auth;                     /* (owned) file in memory with credentials, as podman's auth.json */
  int tls_verify;               /* 0, 1, or -1 for what registries.conf says */
  char *os;                     /* (owned) (nullable) */
  char *architecture;           /* (owned) (nullable) */
  char *variant;                /* (owned) (nullable) */
  guint silence;                /* seconds of nothing after which it is given up, 0 for never */
  GCancellable *cancellable;    /* (owned) (nullable) */
} CpdSkopeo;

/* With credentials from AUTH, a descriptor that stays the caller's, or with none (-1). INVALID_ARGUMENT. */
CpdSkopeo *cpd_skopeo_new         (const char       *program,
                                   int               auth,
                                   GCancellable     *cancellable,
                                   GError          **error);
void       cpd_skopeo_free        (CpdSkopeo        *skopeo);

/* The bytes of the manifest or index that REFERENCE ("docker://host/name:tag", "oci:...") names. */
char      *cpd_skopeo_inspect_raw (const CpdSkopeo  *skopeo,
                                   const char       *reference,
                                   GError          **error);

/* The tags of a repository, "docker://host/name", in the registry's order. */
char     **cpd_skopeo_list_tags    (const CpdSkopeo  *skopeo,
                                    const char       *reference,
                                    GError          **error);

typedef enum
{
  CPD_SKOPEO_COPY_VERIFY = 1 << 0,      /* the policy decides; else nothing is asked of the image */
  CPD_SKOPEO_COPY_KEEP_DIGESTS = 1 << 1,
} CpdSkopeoCopyFlags;

/* Copies an image. FORMAT is "oci", "v2s2" or NULL for what it is; DIGEST (nullable) gets that of the manifest as
 * it was written. The credentials are for whichever side is a registry. */
gboolean   cpd_skopeo_copy        (const CpdSkopeo   *skopeo,
                                   const char        *from,
                                   const char        *to,
                                   CpdSkopeoCopyFlags flags,
                                   const char        *format,
                                   char             **digest,
                                   CpdChildProgress   progress,
                                   gpointer           user_data,
                                   GError           **error);

/* Runs it with its "experimental-image-proxy" on SOCKET. */
CpdChild  *cpd_skopeo_run_proxy   (const CpdSkopeo   *skopeo,
                                   int                socket,
                                   GError           **error);
/* The environment that programs get which speak to the net for a caller. */
char     **cpd_skopeo_make_environment (const CpdSkopeo *skopeo);
/* An error with what skopeo said about REFERENCE, and the code that fits. */
void       cpd_skopeo_set_error   (const char        *reference,
                                   const char        *said,
                                   GError           **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdSkopeo, cpd_skopeo_free)

G_END_DECLS
