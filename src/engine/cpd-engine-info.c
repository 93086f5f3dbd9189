/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "config.h"
#include "engine/cpd-engine-private.h"

static void
add_string (GVariantBuilder *info, const char *key, const char *value)
{
  g_variant_builder_add (info, "{sv}", key, g_variant_new_string (value != NULL ? value : ""));
}

GVariant *
cpd_engine_get_info (CpdEngine *engine, GError **error)
{
  g_autoptr(GVariantBuilder) info = g_variant_builder_new (G_VARIANT_TYPE_VARDICT);
  g_autoptr(GPtrArray) images = cpd_store_list_images (engine->store, error);
  const CpdConfig *config = engine->config;
  struct utsname names;
  struct sysinfo system;

  if (images == NULL)
    return NULL;
  if (uname (&names) == 0)
    {
      add_string (info, "kernel", names.release);
      add_string (info, "arch", names.machine);
    }
  add_string (info, "os", "linux");
  add_string (info, "version", CPD_VERSION);
  add_string (info, "cgroup-version", cpd_config_is_cgroup_v2 () ? "v2" : "v1");
  add_string (info, "cgroup-manager", config->systemd_cgroups ? "systemd" : "cgroupfs");
  add_string (info, "graph-driver", cpd_storage_get_driver (engine->storage));
  add_string (info, "graph-root", config->graph_root);
  add_string (info, "run-root", config->run_root);
  add_string (info, "static-dir", config->static_dir);
  add_string (info, "oci-runtime", config->oci_runtime);
  add_string (info, "conmon", config->conmon);
  add_string (info, "boot-id", engine->boot_id);
  g_variant_builder_add (info, "{sv}", "containers",
                         g_variant_new_uint32 (cpd_store_count_containers (engine->store, FALSE)));
  g_variant_builder_add (info, "{sv}", "running",
                         g_variant_new_uint32 (cpd_store_count_containers (engine->store, TRUE)));
  g_variant_builder_add (info, "{sv}", "images", g_variant_new_uint32 (images->len));
  if (sysinfo (&system) == 0)
    g_variant_builder_add (info, "{sv}", "uptime", g_variant_new_uint64 ((guint64) system.uptime));
  return g_variant_ref_sink (g_variant_builder_end (info));
}
