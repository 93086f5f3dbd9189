/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What an OCI runtime says of itself: by its command "features" (the OCI runtime spec's), or else by its version. */
typedef struct
{
  gboolean is_crun;
  gboolean is_runc;
  gboolean is_known;            /* it has the command "features", and what follows is from there */
  gboolean cgroup_v1;
  gboolean cgroup_v2;
  gboolean systemd;             /* has systemd make cgroups */
  gboolean seccomp;
} CpdOciFeatures;

/* Runs the program at PATH, once for each file that was there. Any thread. */
CpdOciFeatures cpd_oci_features_probe (const char *path);

G_END_DECLS
