/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-runtime-spec.h"

#include <string.h>
#include <sys/resource.h>

#include "common/cpd-json.h"
#include "oci/cpd-capabilities.h"
#include "oci/cpd-runtime-mounts.h"
#include "oci/cpd-seccomp.h"
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

static const char *const usual_ulimits[] = { "nofile=1048576:1048576", "nproc=32768:32768", NULL };
static const char *const usual_sysctls[] = { "net.ipv4.ping_group_range=0 0", NULL };

static const struct
{
  const char *name;
  __rlimit_resource_t resource;
} limit_names[] = {
  { "as", RLIMIT_AS }, { "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU }, { "data", RLIMIT_DATA },
  { "fsize", RLIMIT_FSIZE }, { "locks", RLIMIT_LOCKS }, { "memlock", RLIMIT_MEMLOCK },
  { "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE }, { "nofile", RLIMIT_NOFILE },
  { "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS }, { "rtprio", RLIMIT_RTPRIO },
  { "rttime", RLIMIT_RTTIME }, { "sigpending", RLIMIT_SIGPENDING }, { "stack", RLIMIT_STACK },
};

static gboolean
bad_limit (const char *text, GError **error)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%s' is no limit of resources like nofile=1024:2048", text);
  return FALSE;
}

/* A number or -1, which is no limit; END gets what follows. */
static gboolean
parse_limit_value (const char *text, char **end, rlim_t *value)
{
  gboolean unlimited = g_str_has_prefix (text, "-1");

  if (!unlimited && !g_ascii_isdigit (*text))
    return FALSE;
  *value = (rlim_t) g_ascii_strtoull (unlimited ? text + 1 : text, end, 10);
  if (unlimited)
    *value = RLIM_INFINITY;
  return TRUE;
}

/* "NAME=SOFT[:HARD]"; -1 is no limit. */
static gboolean
parse_limit (const char *text, gsize *index, rlim_t *soft, rlim_t *hard)
{
  const char *equals = strchr (text, '=');
  char *end = NULL;
  gsize i = 0;

  if (equals == NULL)
    return FALSE;
  while (i < G_N_ELEMENTS (limit_names)
         && (strlen (limit_names[i].name) != (gsize) (equals - text)
             || g_ascii_strncasecmp (limit_names[i].name, text, (gsize) (equals - text)) != 0))
    i++;
  *index = i;
  if (i == G_N_ELEMENTS (limit_names) || !parse_limit_value (equals + 1, &end, soft))
    return FALSE;
  *hard = *soft;
  if (*end == ':' && !parse_limit_value (end + 1, &end, hard))
    return FALSE;
  return *end == '\0' && *soft <= *hard;
}

/* No more than the service itself may have: asking for more fails without CAP_SYS_RESOURCE. */
static gboolean
add_limit (JsonArray *limits, const char *text, GError **error)
{
  g_autofree char *upper = NULL, *type = NULL;
  JsonObject *limit;
  struct rlimit own;
  rlim_t soft, hard;
  gsize i;

  if (!parse_limit (text, &i, &soft, &hard))
    return bad_limit (text, error);
  if (getrlimit (limit_names[i].resource, &own) < 0)
    return TRUE;
  hard = MIN (hard, own.rlim_max);      /* RLIM_INFINITY is the greatest of numbers */
  soft = MIN (soft, hard);
  upper = g_ascii_strup (limit_names[i].name, -1);
  type = g_strconcat ("RLIMIT_", upper, NULL);
  limit = json_object_new ();
  json_object_set_string_member (limit, "type", type);
  json_object_set_int_member (limit, "hard", (gint64) hard);
  json_object_set_int_member (limit, "soft", (gint64) soft);
  json_array_add_object_element (limits, limit);
  return TRUE;
}

static JsonArray *
make_limits (const CpdRuntimeSpec *spec, GError **error)
{
  g_autoptr(JsonArray) limits = json_array_new ();

  for (const char *const *limit = spec->ulimits != NULL ? spec->ulimits : usual_ulimits; *limit != NULL; limit++)
    if (!add_limit (limits, *limit, error))
      return NULL;
  return g_steal_pointer (&limits);
}

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
  JsonArray *limits = make_limits (spec, error);
  JsonObject *process;

  if (limits == NULL)
    return NULL;
  process = json_object_new ();
  json_object_set_boolean_member (process, "terminal", spec->terminal);
  json_object_set_object_member (process, "user", make_user (spec));
  cpd_json_set_strv (process, "args", spec->args);
  cpd_json_set_strv (process, "env", spec->env);
  json_object_set_string_member (process, "cwd", spec->cwd != NULL && *spec->cwd != '\0' ? spec->cwd : "/");
  json_object_set_object_member (process, "capabilities", make_capabilities (spec));
  json_object_set_array_member (process, "rlimits", limits);
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
      if (!spec->cgroup_v2 && strcmp (types[i], "cgroup") == 0)
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
  if (spec->pids_limit > 0)
    {
      JsonObject *pids = json_object_new ();

      json_object_set_int_member (pids, "limit", spec->pids_limit);
      json_object_set_object_member (resources, "pids", pids);
    }
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

static JsonObject *
make_annotations (const CpdRuntimeSpec *spec)
{
  JsonObject *annotations = json_object_new ();

  json_object_set_string_member (annotations, "io.container.manager", "cpod");
  cpd_json_set_string (annotations, "org.cpod.name", spec->name);
  cpd_json_set_string (annotations, "org.opencontainers.image.stopSignal", spec->stop_signal);
  return annotations;
}

char *
cpd_runtime_spec_to_json (const CpdRuntimeSpec *spec, GError **error)
{
  g_autoptr(JsonObject) root = json_object_new ();
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
  return cpd_json_print_object (root);
}
