/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  CPD_KEY_BOOLEAN,              /* b */
  CPD_KEY_INTEGER,              /* x, from 0 unless it is signed */
  CPD_KEY_SIZE,                 /* x: bytes; "64m" or a number */
  CPD_KEY_STRING,               /* s */
  CPD_KEY_PATH,                 /* s: absolute, or "" */
  CPD_KEY_LIST,                 /* as */
  CPD_KEY_MAP,                  /* a{sas}: names and lists of paths */
} CpdKeyType;

typedef enum
{
  CPD_KEY_RESTART = 1 << 0,     /* is read at the start only */
  CPD_KEY_OWN = 1 << 1,         /* in files of cpod only: elsewhere it means a directory of podman's */
  CPD_KEY_FILLED = 1 << 2,      /* if it is set then not to an empty list or text */
  CPD_KEY_SIGNED = 1 << 3,      /* -1 is a value */
  CPD_KEY_NOTED = 1 << 4,       /* accepted, but cpod has no use for it */
} CpdKeyFlags;

/* A key of the configuration. The table of them makes the parser, the manual and the tests. */
typedef struct
{
  const char *name;             /* "engine.static_dir" */
  CpdKeyType type;
  const char *fallback;         /* its value where no file sets it, in GVariant's text format; "${KEY}" in a path
                                 * stands for the value of another */
  guint flags;
  const char *choices;          /* (nullable): "cgroupfs|systemd" */
  const char *older;            /* (nullable): the name that it had in libpod.conf, where it had another */
  const char *doc;
} CpdConfigKey;

typedef enum
{
  CPD_KEY_CALLER_CALLS_MAX,
  CPD_KEY_CALLER_JOBS_MAX,
  CPD_KEY_CALLER_STREAMS_MAX,
  CPD_KEY_CGROUP_MANAGER,
  CPD_KEY_CGROUP_PARENT,
  CPD_KEY_CNI_PLUGIN_DIRS,
  CPD_KEY_CONMON_ENV_VARS,
  CPD_KEY_CONMON_PATH,
  CPD_KEY_DEFAULT_CAPABILITIES,
  CPD_KEY_DEFAULT_MOUNTS_FILE,
  CPD_KEY_DEFAULT_NETWORK,
  CPD_KEY_DEFAULT_SYSCTLS,
  CPD_KEY_DEFAULT_ULIMITS,
  CPD_KEY_DETACH_KEYS,
  CPD_KEY_ENABLE_PORT_RESERVATION,
  CPD_KEY_ENV,
  CPD_KEY_EVENTS_LOGFILE_MAX_SIZE,
  CPD_KEY_EVENTS_LOGFILE_PATH,
  CPD_KEY_EVENTS_LOGGER,
  CPD_KEY_EVENTS_MAX_AGE,
  CPD_KEY_EVENTS_MAX_ROWS,
  CPD_KEY_GRAPH_DRIVER,
  CPD_KEY_GRAPH_ROOT,
  CPD_KEY_HOOKS_DIR,
  CPD_KEY_HOOKS_DIR_NOT_EXIST_FATAL,
  CPD_KEY_IMAGE_DEFAULT_TRANSPORT,
  CPD_KEY_INFRA_COMMAND,
  CPD_KEY_INFRA_IMAGE,
  CPD_KEY_INIT_PATH,
  CPD_KEY_LABEL,
  CPD_KEY_LAYER_ENTRIES_MAX,
  CPD_KEY_LAYER_SIZE_MAX,
  CPD_KEY_LOCK_TYPE,
  CPD_KEY_LOG_SIZE_MAX,
  CPD_KEY_NAMESPACE,
  CPD_KEY_NETWORK_CMD_PATH,
  CPD_KEY_NETWORK_CONFIG_DIR,
  CPD_KEY_NO_PIVOT_ROOT,
  CPD_KEY_NUM_LOCKS,
  CPD_KEY_OVERLAY_MOUNT_PROGRAM,
  CPD_KEY_OVERLAY_MOUNTOPT,
  CPD_KEY_PIDS_LIMIT,
  CPD_KEY_PREPARE_VOLUME_ON_CREATE,
  CPD_KEY_RECORDED_PATHS,
  CPD_KEY_REGISTRIES_CONF_PATH,
  CPD_KEY_RUN_ROOT,
  CPD_KEY_RUNTIME,
  CPD_KEY_RUNTIME_PATH,
  CPD_KEY_RUNTIME_SUPPORTS_JSON,
  CPD_KEY_RUNTIME_SUPPORTS_NOCGROUPS,
  CPD_KEY_RUNTIMES,
  CPD_KEY_SECCOMP_PROFILE,
  CPD_KEY_SHM_SIZE,
  CPD_KEY_SIGNATURE_POLICY_PATH,
  CPD_KEY_SKOPEO_PATH,
  CPD_KEY_STATIC_DIR,
  CPD_KEY_STOP_TIMEOUT,
  CPD_KEY_TMP_DIR,
  CPD_KEY_TZ,
  CPD_KEY_UNREAD_SIGNALS_MAX,
  CPD_KEY_VOLUME_PATH,
  CPD_N_KEYS
} CpdKey;

/* The table, by CpdKey. */
extern const CpdConfigKey cpd_config_keys[CPD_N_KEYS];

/* The key that PATH ("engine.static_dir") or BARE, its name in libpod.conf, names; -1 for none. */
int                 cpd_config_find_key      (const char *path);
const GVariantType *cpd_config_key_type      (CpdKey      key);
/* "string", "list of strings": for messages and the manual. */
const char         *cpd_config_key_type_name (CpdKey      key);
/* Whether podman or its relatives know PATH, which cpod has no use for. */
gboolean            cpd_config_is_foreign    (const char *path);
/* Whether PATH is a table that has a key of cpod in it, whatever else. */
gboolean            cpd_config_is_ours_below (const char *path);

G_END_DECLS
