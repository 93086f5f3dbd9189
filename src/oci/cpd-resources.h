/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What a container's cgroup may be limited to by a number. */
typedef enum
{
  CPD_RESOURCE_MEMORY,                  /* bytes; -1 for no limit, as with all that are no share or period */
  CPD_RESOURCE_MEMORY_SWAP,             /* bytes, memory included */
  CPD_RESOURCE_MEMORY_RESERVATION,
  CPD_RESOURCE_MEMORY_SWAPPINESS,
  CPD_RESOURCE_CPU_SHARES,
  CPD_RESOURCE_CPU_QUOTA,               /* µs in each period */
  CPD_RESOURCE_CPU_PERIOD,
  CPD_RESOURCE_BLKIO_WEIGHT,
  CPD_RESOURCE_PIDS_LIMIT,
  CPD_N_RESOURCES
} CpdResource;

/* The limits of a container. Empty when it is zeroed. */
typedef struct
{
  guint set;                            /* a bit for each CpdResource that has a value */
  gint64 values[CPD_N_RESOURCES];
  char *cpuset_cpus;                    /* (owned) (nullable): "0-2,4" */
  char *cpuset_mems;                    /* (owned) (nullable) */
  gboolean oom_kill_disable;
} CpdResources;

void        cpd_resources_clear         (CpdResources        *resources);
void        cpd_resources_copy          (const CpdResources  *resources,
                                         CpdResources        *copy);
gboolean    cpd_resources_is_empty      (const CpdResources  *resources);
/* 0 when it is not set. */
gint64      cpd_resources_get           (const CpdResources  *resources,
                                         CpdResource          which);
void        cpd_resources_set           (CpdResources        *resources,
                                         CpdResource          which,
                                         gint64               value);
/* The option that sets it. */
const char *cpd_resource_get_key        (CpdResource          which);

/* Puts what OPTIONS (a{sv}) say over what is there. INVALID_ARGUMENT names the option. */
gboolean    cpd_resources_apply_options (CpdResources        *resources,
                                         GVariant            *options,
                                         gboolean             cgroup_v2,
                                         GError             **error);
/* What brings a cgroup that was given AFTER back to BEFORE. */
void        cpd_resources_undo          (const CpdResources  *before,
                                         const CpdResources  *after,
                                         gboolean             cgroup_v2,
                                         CpdResources        *undo);

/* As they are recorded. */
JsonObject *cpd_resources_to_object     (const CpdResources  *resources);
void        cpd_resources_from_object   (CpdResources        *resources,
                                         JsonObject          *object);
/* The members of linux.resources of the OCI runtime spec, but for devices. */
void        cpd_resources_add_to_spec   (const CpdResources  *resources,
                                         JsonObject          *spec);
/* podman's members of HostConfig. */
void        cpd_resources_add_to_inspect (const CpdResources *resources,
                                         JsonObject          *host_config);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdResources, cpd_resources_clear)

G_END_DECLS
