/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "config/cpd-config-files.h"
#include "config/cpd-oci-runtimes.h"

G_BEGIN_DECLS

/*
 * Where the engine keeps things, what it runs, and what containers get that
 * ask for nothing else. It does not change once the engine has it: a reload
 * makes another. The fields are what the values come out as; those without
 * a field of their own are read by their key.
 */
typedef struct
{
  char *static_dir;             /* state database, container logs: /var/lib/cpod */
  char *graph_root;             /* images and layers: /var/lib/cpod/storage */
  char *volume_path;            /* /var/lib/cpod/storage/volumes */
  char *run_root;               /* per-boot files, on a tmpfs: /run/cpod */
  char *tmp_dir;                /* per-boot records of runtimes and exits: /run/cpod */
  char *conmon;                 /* (nullable): the one that was found, or the one that should be there */
  char *oci_runtime;            /* (nullable): path of the default one */
  char *seccomp_profile;        /* (nullable): NULL for unconfined */
  gboolean systemd_cgroups;     /* made by systemd, not by the OCI runtime itself */
  char *cgroup_parent;          /* "/cpod", or "machine.slice" */
  guint events_max_rows;        /* 0 for no limit */
  gint64 events_max_age;        /* microseconds, 0 for no limit */
  char **capabilities;          /* of a container that asks for none */
  char **sysctls;               /* "NAME=VALUE" */
  char **ulimits;               /* "NAME=SOFT:HARD" */
  char **env;                   /* "NAME=VALUE" */
  gint64 pids_limit;            /* 0 for none */
  gint64 log_size_max;          /* 0 for no limit */
  gint64 shm_size;
  guint stop_timeout;           /* seconds */

  CpdConfigValues *values;      /* (owned): where all of this is from */
  CpdOciRuntimes *runtimes;     /* (owned) */
  char *root;                   /* (owned) (nullable): as it was given */
  gatomicrefcount references;
} CpdConfig;

/* What the files and the environment say; with ROOT all state is below it (ROOT/lib, ROOT/run), whatever they say of that.
 * BAD_CONFIG. */
CpdConfig *cpd_config_new            (const char             *root,
                                      GError                **error);
CpdConfig *cpd_config_new_from       (const CpdConfigPlaces  *places,
                                      const char             *root,
                                      GError                **error);
CpdConfig *cpd_config_ref            (CpdConfig              *config);
void       cpd_config_unref          (CpdConfig              *config);
/* Before anybody else has CONFIG: a value that it takes from another place. */
void       cpd_config_override       (CpdConfig              *config,
                                      CpdKey                  key,
                                      GVariant               *value,
                                      const char             *origin);
/* Puts what is read at the start only back to what STARTED has. */
void       cpd_config_keep           (CpdConfig              *config,
                                      const CpdConfig        *started);
gboolean   cpd_config_is_cgroup_v2   (void);

GVariant  *cpd_config_get            (const CpdConfig        *config,
                                      CpdKey                  key);
const char *cpd_config_get_string    (const CpdConfig        *config,
                                      CpdKey                  key);
gboolean   cpd_config_get_boolean    (const CpdConfig        *config,
                                      CpdKey                  key);
gint64     cpd_config_get_int        (const CpdConfig        *config,
                                      CpdKey                  key);
/* (transfer full) */
char     **cpd_config_get_list       (const CpdConfig        *config,
                                      CpdKey                  key);
gboolean   cpd_config_is_set         (const CpdConfig        *config,
                                      CpdKey                  key);
const char *cpd_config_get_origin    (const CpdConfig        *config,
                                      CpdKey                  key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdConfig, cpd_config_unref)

G_END_DECLS
