/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-runtime-spec.h"

#include <string.h>

#include "common/cpd-json.h"
#include "oci/cpd-capabilities.h"
#include "oci/cpd-runtime-mounts.h"
#include "oci/cpd-seccomp.h"
#include "oci/cpd-terminal-spec.h"
#include "oci/cpd-ulimits.h"
#include "public/cpod-error.h"

#define UMASK 0022

static const char *const masked_paths[] = {
  "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
  "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/fs/selinux",
  "/sys/dev/block", NULL
};

static const char *const read_only_paths[] = {
  "/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL
};

static JsonObject *
make_user (const CpdRuntimeSpec *spec)
{
  JsonObject *user = json_object_new ();

  json_object_set_int_member (user, "uid", spec->uid);
  json_object_set_int_member (user, "gid", spec->gid);
  json_object_set_int_member (user, "umask", UMASK);
  if (spec->n_additional_gids > 0)
    {
      JsonArray *gids = json_array_new ();

      for (gsize i = 0; i < spec->n_additional_gids; i++)
        json_array_add_int_element (gids, spec->additional_gids[i]);
      json_object_set_array_member (user, "additionalGids", gids);
    }
  return user;
}

/* Whether a user other than root keeps the capability NAME. */
static gboolean
was_added (const CpdRuntimeSpec *spec, const char *name)
{
  if (spec->added_capabilities != NULL)
    return g_strv_contains (spec->added_capabilities, name);
  return !spec->privileged && !cpd_capability_is_default (name);
}

/* Root has what it is bound to; another user only what was asked for, and that across exec too. */
static JsonObject *
make_capabilities (const CpdRuntimeSpec *spec)
{
  JsonObject *capabilities = json_object_new ();
  g_autoptr(GPtrArray) added = g_ptr_array_new ();
  const char *const *kept = spec->capabilities;

  cpd_json_set_strv (capabilities, "bounding", spec->capabilities);
  if (spec->uid == 0)
    {
      cpd_json_set_strv (capabilities, "effective", spec->capabilities);
      cpd_json_set_strv (capabilities, "permitted", spec->capabilities);
      return capabilities;
    }
  for (; kept != NULL && *kept != NULL; kept++)
    if (was_added (spec, *kept))
      g_ptr_array_add (added, (gpointer) *kept);
  g_ptr_array_add (added, NULL);
  cpd_json_set_strv (capabilities, "effective", (const char *const *) added->pdata);
  cpd_json_set_strv (capabilities, "inheritable", (const char *const *) added->pdata);
  cpd_json_set_strv (capabilities, "permitted", (const char *const *) added->pdata);
  cpd_json_set_strv (capabilities, "ambient", (const char *const *) added->pdata);
  return capabilities;
}

static const char *const usual_sysctls[] = { "net.ipv4.ping_group_range=0 0", NULL };

static JsonObject *
make_sysctls (const CpdRuntimeSpec *spec, GError **error)
{
  g_autoptr(JsonObject) object = json_object_new ();

  for (const char *const *sysctl = spec->sysctls != NULL ? spec->sysctls : usual_sysctls; *sysctl != NULL; sysctl++)
    {
      const char *equals = strchr (*sysctl, '=');
      g_autofree char *name = equals != NULL ? g_strndup (*sysctl, (gsize) (equals - *sysctl)) : NULL;

      if (name == NULL || *name == '\0')
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no NAME=VALUE of a sysctl", *sysctl);
          return NULL;
        }
      /* The host's network is not the container's to set up. */
      if (!spec->host_network || !g_str_has_prefix (name, "net."))
        json_object_set_string_member (object, name, equals + 1);
    }
  return g_steal_pointer (&object);
}

static JsonObject *
make_process (const CpdRuntimeSpec *spec, GError **error)
{
  JsonArray *limits = cpd_ulimits_to_array (spec->ulimits, spec->own_ulimits, error);
  JsonObject *process;

  if (limits == NULL)
    return NULL;
  process = json_object_new ();
  cpd_terminal_spec_set (process, spec->terminal, spec->rows, spec->columns);
  json_object_set_object_member (process, "user", make_user (spec));
  cpd_json_set_strv (process, "args", spec->args);
  cpd_json_set_strv (process, "env", spec->env);
  json_object_set_string_member (process, "cwd", spec->cwd != NULL && *spec->cwd != '\0' ? spec->cwd : "/");
  json_object_set_object_member (process, "capabilities", make_capabilities (spec));
  json_object_set_array_member (process, "rlimits", limits);
  if (spec->oom_score_adj != NULL)
    json_object_set_int_member (process, "oomScoreAdj", *spec->oom_score_adj);
  return process;
}

static JsonArray *
make_namespaces (const CpdRuntimeSpec *spec)
{
  const char *const types[] = { "pid", "network", "ipc", "uts", "mount", "cgroup" };
  JsonArray *namespaces = json_array_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    {
      JsonObject *object;

      if (spec->host_network && strcmp (types[i], "network") == 0)
        continue;
      if (!spec->private_cgroupns && strcmp (types[i], "cgroup") == 0)
        continue;
      object = json_object_new ();
      json_object_set_string_member (object, "type", types[i]);
      json_array_add_object_element (namespaces, object);
    }
  return namespaces;
}

static JsonObject *
make_resources (const CpdRuntimeSpec *spec)
{
  JsonObject *resources = json_object_new ();
  JsonArray *devices = json_array_new ();
  JsonObject *rule = json_object_new ();

  json_object_set_boolean_member (rule, "allow", spec->privileged);
  json_object_set_string_member (rule, "access", "rwm");
  json_array_add_object_element (devices, rule);
  json_object_set_array_member (resources, "devices", devices);
  if (spec->resources != NULL)
    cpd_resources_add_to_spec (spec->resources, resources);
  return resources;
}

/* What only a container that is not privileged gets. */
static gboolean
add_confinement (JsonObject *object, const CpdRuntimeSpec *spec, GError **error)
{
  JsonObject *seccomp;

  cpd_json_set_strv (object, "maskedPaths", masked_paths);
  cpd_json_set_strv (object, "readonlyPaths", read_only_paths);
  if (spec->seccomp_profile == NULL)
    return TRUE;
  seccomp = cpd_seccomp_translate (spec->seccomp_profile, spec->capabilities, error);
  if (seccomp == NULL)
    return FALSE;
  json_object_set_object_member (object, "seccomp", seccomp);
  return TRUE;
}

static JsonObject *
make_linux (const CpdRuntimeSpec *spec, GError **error)
{
  g_autoptr(JsonObject) object = json_object_new ();
  JsonObject *sysctls = make_sysctls (spec, error);

  if (sysctls == NULL)
    return NULL;
  if (json_object_get_size (sysctls) > 0)
    json_object_set_object_member (object, "sysctl", sysctls);
  else
    json_object_unref (sysctls);
  json_object_set_object_member (object, "resources", make_resources (spec));
  cpd_json_set_string (object, "cgroupsPath", spec->cgroup_path);
  json_object_set_array_member (object, "namespaces", make_namespaces (spec));
  if (spec->privileged)
    json_object_set_array_member (object, "devices", cpd_runtime_devices ());
  else if (!add_confinement (object, spec, error))
    return NULL;
  return g_steal_pointer (&object);
}

/* As runc has "slice:prefix:name"; a path begins with a slash. */
static gboolean
is_systemd_scope (const char *cgroup_path)
{
  return cgroup_path != NULL && *cgroup_path != '/' && strchr (cgroup_path, ':') != NULL;
}

/* Properties of the scope that the OCI runtime asks systemd for, as text of GVariants. */
static void
add_scope_properties (JsonObject *annotations)
{
  /* At the machine's end the service stops its containers in their own way; then is systemd's turn. */
  json_object_set_string_member (annotations, "org.systemd.property.Before", "['cpod.service']");
  /* systemd has a limit for every unit; that of the container is set by the OCI runtime. */
  json_object_set_string_member (annotations, "org.systemd.property.TasksMax", "uint64 18446744073709551615");
}

static JsonObject *
make_annotations (const CpdRuntimeSpec *spec)
{
  JsonObject *annotations = json_object_new ();

  json_object_set_string_member (annotations, "io.container.manager", "cpod");
  cpd_json_set_string (annotations, "org.cpod.name", spec->name);
  cpd_json_set_string (annotations, "org.opencontainers.image.stopSignal", spec->stop_signal);
  if (is_systemd_scope (spec->cgroup_path))
    add_scope_properties (annotations);
  return annotations;
}

/* No limit is the greatest number there is, which json-glib has none for; in a text a quote has a backslash. */
static char *
spell_infinity (const char *json)
{
  g_autoptr(GString) text = g_string_new (json);

  g_string_replace (text, "\"hard\":-1,", "\"hard\":18446744073709551615,", 0);
  g_string_replace (text, "\"soft\":-1}", "\"soft\":18446744073709551615}", 0);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
cpd_runtime_spec_to_json (const CpdRuntimeSpec *spec, GError **error)
{
  g_autoptr(JsonObject) root = json_object_new ();
  g_autofree char *json = NULL;
  JsonObject *process = make_process (spec, error);
  JsonObject *rootfs, *linux_object;

  if (process == NULL)
    {
      g_prefix_error (error, "failed to describe container %s to the OCI runtime: ", spec->id);
      return NULL;
    }
  rootfs = json_object_new ();
  json_object_set_string_member (rootfs, "path", spec->rootfs);
  if (spec->read_only)
    json_object_set_boolean_member (rootfs, "readonly", TRUE);

  json_object_set_string_member (root, "ociVersion", "1.0.2");
  json_object_set_object_member (root, "process", process);
  json_object_set_object_member (root, "root", rootfs);
  cpd_json_set_string (root, "hostname", spec->hostname);
  json_object_set_array_member (root, "mounts", cpd_runtime_mounts (spec));
  json_object_set_object_member (root, "annotations", make_annotations (spec));
  linux_object = make_linux (spec, error);
  if (linux_object == NULL)
    {
      g_prefix_error (error, "failed to describe container %s to the OCI runtime: ", spec->id);
      return NULL;
    }
  json_object_set_object_member (root, "linux", linux_object);
  json = cpd_json_print_object (root);
  return spell_infinity (json);
}
