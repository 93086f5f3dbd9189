/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/cpd-config-keys.h"

#include <string.h>

#define PROGRAM_DIRS(name) \
  "'/usr/bin/" name "', '/usr/sbin/" name "', '/usr/local/bin/" name "', '/usr/local/sbin/" name "', '/sbin/" name "', " \
  "'/bin/" name "'"

const CpdConfigKey cpd_config_keys[CPD_N_KEYS] = {
  [CPD_KEY_CALLER_CALLS_MAX] = { "engine.caller_calls_max", CPD_KEY_INTEGER, "int64 64", 0, NULL, NULL,
    "How many calls of one caller on the bus may be without an answer at a time, those that wait for something included; 0 is "
    "no limit. The bus has a limit of its own." },
  [CPD_KEY_CALLER_JOBS_MAX] = { "engine.caller_jobs_max", CPD_KEY_INTEGER, "int64 64", 0, NULL, NULL,
    "How many jobs of one caller may run at a time; 0 is no limit. Those that other connections of its user have "
    "detached count, too." },
  [CPD_KEY_CALLER_STREAMS_MAX] = { "engine.caller_streams_max", CPD_KEY_INTEGER, "int64 256", 0, NULL, NULL,
    "How many streams that the service feeds, such as logs that are followed, all programs of one user may have open at a "
    "time; 0 is no limit but the one for all users, 512." },
  [CPD_KEY_CGROUP_MANAGER] = { "engine.cgroup_manager", CPD_KEY_STRING, "'cgroupfs'", CPD_KEY_RESTART,
    "cgroupfs|systemd", NULL,
    "Who makes the cgroups of containers. Without systemd as the init system it is always cgroupfs." },
  [CPD_KEY_CGROUP_PARENT] = { "engine.cgroup_parent", CPD_KEY_STRING, "''", CPD_KEY_RESTART, NULL, NULL,
    "The cgroup below which those of containers are made: a path with cgroupfs, a slice with systemd. Empty means /cpod "
    "or machine.slice." },
  [CPD_KEY_CNI_PLUGIN_DIRS] = { "network.cni_plugin_dirs", CPD_KEY_LIST,
    "['/usr/libexec/cni', '/usr/lib/cni', '/usr/local/lib/cni', '/opt/cni/bin']", 0, NULL, "cni_plugin_dir",
    "Where the plugins of CNI are looked for." },
  [CPD_KEY_CONMON_ENV_VARS] = { "engine.conmon_env_vars", CPD_KEY_LIST,
    "['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']", CPD_KEY_RESTART, NULL, NULL,
    "The environment of conmon and, through it, of the OCI runtime." },
  [CPD_KEY_CONMON_PATH] = { "engine.conmon_path", CPD_KEY_LIST,
    "['/usr/libexec/podman/conmon', '/usr/local/libexec/podman/conmon', '/usr/libexec/crio/conmon', "
    "'/usr/local/lib/podman/conmon', '/usr/local/libexec/crio/conmon', '/usr/bin/conmon', '/usr/sbin/conmon', "
    "'/usr/local/bin/conmon', '/usr/local/sbin/conmon', '/usr/lib/crio/bin/conmon']",
    CPD_KEY_RESTART | CPD_KEY_FILLED, NULL, NULL,
    "Where conmon is looked for: the first that is an executable file is taken." },
  [CPD_KEY_DEFAULT_CAPABILITIES] = { "containers.default_capabilities", CPD_KEY_LIST,
    "['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', "
    "'SYS_CHROOT']", 0, NULL, NULL,
    "The capabilities of a container that asks for none." },
  [CPD_KEY_DEFAULT_MOUNTS_FILE] = { "containers.default_mounts_file", CPD_KEY_PATH, "''", 0, NULL, NULL,
    "A file that lists what is mounted into every container, one HOST:CONTAINER in a line." },
  [CPD_KEY_DEFAULT_NETWORK] = { "network.default_network", CPD_KEY_STRING, "''", 0, NULL, "cni_default_network",
    "The network of a container that names none. Empty means the first by name." },
  [CPD_KEY_DEFAULT_SYSCTLS] = { "containers.default_sysctls", CPD_KEY_LIST, "['net.ipv4.ping_group_range=0 0']", 0, NULL,
    NULL, "Kernel parameters of containers, as NAME=VALUE." },
  [CPD_KEY_DEFAULT_ULIMITS] = { "containers.default_ulimits", CPD_KEY_LIST,
    "['nofile=1048576:1048576', 'nproc=32768:32768']", 0, NULL, NULL,
    "Resource limits of containers, as NAME=SOFT:HARD; -1 is no limit. None is above the service's own." },
  [CPD_KEY_DETACH_KEYS] = { "engine.detach_keys", CPD_KEY_STRING, "'ctrl-p,ctrl-q'", 0, NULL, NULL,
    "The keys that leave a container with a terminal to itself, parted by commas. Empty means none." },
  [CPD_KEY_ENABLE_PORT_RESERVATION] = { "engine.enable_port_reservation", CPD_KEY_BOOLEAN, "true", 0, NULL, NULL,
    "Whether the ports that a container publishes are held open on the host as long as it runs." },
  [CPD_KEY_ENV] = { "containers.env", CPD_KEY_LIST,
    "['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm']", 0, NULL, NULL,
    "The environment of a container, as NAME=VALUE, where neither the image nor the caller sets a variable." },
  [CPD_KEY_EVENTS_LOGFILE_MAX_SIZE] = { "engine.events_logfile_max_size", CPD_KEY_SIZE, "int64 1048576",
    CPD_KEY_RESTART, NULL, NULL,
    "How large the file of events may grow before a new one is begun, and the old one renamed to end in .1; 0 is no limit." },
  [CPD_KEY_EVENTS_LOGFILE_PATH] = { "engine.events_logfile_path", CPD_KEY_PATH, "'${engine.tmp_dir}/events/events.log'",
    CPD_KEY_OWN | CPD_KEY_RESTART, NULL, NULL, "The file of events, where events_logger is file." },
  [CPD_KEY_EVENTS_LOGGER] = { "engine.events_logger", CPD_KEY_STRING, "'sqlite'", CPD_KEY_RESTART,
    "sqlite|journald|file|none", NULL,
    "Where events are written besides cpod's own database, which is all that sqlite means." },
  [CPD_KEY_EVENTS_MAX_AGE] = { "engine.events_max_age", CPD_KEY_INTEGER, "int64 31536000", 0, NULL, NULL,
    "For how many seconds events are kept; 0 is no limit." },
  [CPD_KEY_EVENTS_MAX_ROWS] = { "engine.events_max_rows", CPD_KEY_INTEGER, "int64 100000", 0, NULL, NULL,
    "How many events are kept; 0 is no limit." },
  [CPD_KEY_GRAPH_DRIVER] = { "storage.driver", CPD_KEY_STRING, "''", CPD_KEY_RESTART | CPD_KEY_OWN, NULL, NULL,
    "How root file systems are put together: overlay shows an image's layers below what a container writes, vfs copies them for "
    "each container. Empty means what the state was made with, or else overlay where it works. Containers stay with what they "
    "were made with."  },
  [CPD_KEY_GRAPH_ROOT] = { "storage.graphroot", CPD_KEY_PATH, "'${engine.static_dir}/storage'",
    CPD_KEY_RESTART | CPD_KEY_OWN | CPD_KEY_FILLED, NULL, NULL, "Where images and the layers of containers are kept." },
  [CPD_KEY_HOOKS_DIR] = { "engine.hooks_dir", CPD_KEY_LIST, "['/usr/share/containers/oci/hooks.d']", 0, NULL, NULL,
    "Where OCI hooks are looked for; of several files of one name that in the last directory counts." },
  [CPD_KEY_HOOKS_DIR_NOT_EXIST_FATAL] = { "engine.hooks_dir_not_exist_fatal", CPD_KEY_BOOLEAN, "false", 0, NULL, NULL,
    "Whether a directory of hooks that is missing is an error." },
  [CPD_KEY_IMAGE_DEFAULT_TRANSPORT] = { "engine.image_default_transport", CPD_KEY_STRING, "'docker://'", 0, NULL, NULL,
    "How an image is fetched whose name does not say it." },
  [CPD_KEY_INFRA_COMMAND] = { "engine.infra_command", CPD_KEY_STRING, "'/pause'", 0, NULL, NULL,
    "The command of a pod's infra container." },
  [CPD_KEY_INFRA_IMAGE] = { "engine.infra_image", CPD_KEY_STRING, "''", 0, NULL, NULL,
    "The image of a pod's infra container. Empty means that none is needed." },
  [CPD_KEY_INIT_PATH] = { "containers.init_path", CPD_KEY_PATH, "'/usr/libexec/podman/catatonit'", 0, NULL, "init_path",
    "The program that is the first process of containers that ask for one." },
  [CPD_KEY_LABEL] = { "containers.label", CPD_KEY_BOOLEAN, "true", 0, NULL, "label",
    "Whether containers are kept apart by labels of SELinux, where that is on." },
  [CPD_KEY_LAYER_ENTRIES_MAX] = { "engine.layer_entries_max", CPD_KEY_INTEGER, "int64 10000000", 0, NULL, NULL,
    "How many files and other entries the archive of a layer may have; 0 is no limit. Those with more are refused." },
  [CPD_KEY_LAYER_SIZE_MAX] = { "engine.layer_size_max", CPD_KEY_SIZE, "int64 137438953472", 0, NULL, NULL,
    "How many bytes the archive of a layer may have once it is decompressed; 0 is no limit. Larger ones are refused, so "
    "that a small file that is made for it cannot fill the disk." },
  [CPD_KEY_LOCK_TYPE] = { "engine.lock_type", CPD_KEY_STRING, "''", CPD_KEY_NOTED, "shm|file", NULL,
    "How podman locks containers. One service owns cpod's state, so it needs no such locks." },
  [CPD_KEY_LOG_SIZE_MAX] = { "containers.log_size_max", CPD_KEY_SIZE, "int64 -1", CPD_KEY_SIGNED, NULL, "max_log_size",
    "How large the log of a container may grow before it begins anew; -1 is no limit, and 8192 bytes the least." },
  [CPD_KEY_NAMESPACE] = { "engine.namespace", CPD_KEY_STRING, "''", 0, NULL, NULL,
    "The namespace of new containers, and the only one to be seen. Empty means all." },
  [CPD_KEY_NETWORK_CMD_PATH] = { "engine.network_cmd_path", CPD_KEY_PATH, "''", 0, NULL, NULL,
    "The program slirp4netns. Empty means that it is looked for." },
  [CPD_KEY_NETWORK_CONFIG_DIR] = { "network.network_config_dir", CPD_KEY_PATH, "'/etc/cni/net.d'", 0, NULL, "cni_config_dir",
    "Where the configuration of CNI networks is." },
  [CPD_KEY_NO_PIVOT_ROOT] = { "engine.no_pivot_root", CPD_KEY_BOOLEAN, "false", CPD_KEY_RESTART, NULL, NULL,
    "Whether the OCI runtime is told not to use pivot_root, as a root on a ramdisk needs it." },
  [CPD_KEY_NUM_LOCKS] = { "engine.num_locks", CPD_KEY_INTEGER, "int64 2048", CPD_KEY_NOTED, NULL, NULL,
    "How many locks podman has. cpod does not run out of locks." },
  [CPD_KEY_OVERLAY_MOUNT_PROGRAM] = { "storage.options.overlay.mount_program", CPD_KEY_PATH, "''",
    CPD_KEY_RESTART | CPD_KEY_OWN, NULL, NULL,
    "The program that makes overlays in the kernel's place, such as /usr/bin/fuse-overlayfs. Empty means the kernel, or "
    "where it does not make them, fuse-overlayfs if that is installed. Containers stay with what they were made with." },
  [CPD_KEY_OVERLAY_MOUNTOPT] = { "storage.options.overlay.mountopt", CPD_KEY_STRING, "''", CPD_KEY_RESTART | CPD_KEY_OWN, NULL,
    NULL,
    "Options of overlays, with commas: nosuid, noexec, noatime, nodiratime, relatime, strictatime, volatile, and metacopy, "
    "redirect_dir, index and xino with a value. Devices never work, and metacopy and redirect_dir are off unless they are "
    "asked for." },
  [CPD_KEY_PIDS_LIMIT] = { "containers.pids_limit", CPD_KEY_INTEGER, "int64 2048", CPD_KEY_SIGNED, NULL, NULL,
    "How many processes a container may have; 0 and -1 are no limit." },
  [CPD_KEY_PREPARE_VOLUME_ON_CREATE] = { "containers.prepare_volume_on_create", CPD_KEY_BOOLEAN, "false", 0, NULL, NULL,
    "Whether a new volume gets the image's files when the container is created, not when it starts." },
  [CPD_KEY_RECORDED_PATHS] = { "engine.recorded_paths", CPD_KEY_STRING, "'check'", CPD_KEY_RESTART | CPD_KEY_OWN,
    "check|accept", NULL,
    "What is done where the state was made with other directories than these: check refuses to start, accept takes "
    "these from now on." },
  [CPD_KEY_REGISTRIES_CONF_PATH] = { "engine.registries_conf_path", CPD_KEY_PATH, "''", 0, NULL, NULL,
    "The file that tells of registries: which are searched, mirrored, blocked or insecure. Empty means "
    "/etc/containers/registries.conf." },
  [CPD_KEY_RUN_ROOT] = { "storage.runroot", CPD_KEY_PATH, "'/run/cpod'", CPD_KEY_RESTART | CPD_KEY_OWN | CPD_KEY_FILLED, NULL,
    NULL, "Where the bundles and root file systems of running containers are. It must be emptied by a reboot." },
  [CPD_KEY_RUNTIME] = { "engine.runtime", CPD_KEY_STRING, "''", CPD_KEY_RESTART, NULL, NULL,
    "The OCI runtime: a name among the runtimes, or an absolute path. Empty means crun on a host with cgroup v2 alone and "
    "runc on others, or the other of them where it is missing." },
  [CPD_KEY_RUNTIME_PATH] = { "engine.runtime_path", CPD_KEY_LIST, "@as []", CPD_KEY_RESTART | CPD_KEY_FILLED, NULL, NULL,
    "Deprecated: paths of the one OCI runtime. Use runtime and runtimes." },
  [CPD_KEY_RUNTIME_SUPPORTS_JSON] = { "engine.runtime_supports_json", CPD_KEY_LIST,
    "['crun', 'runc', 'kata', 'runsc', 'youki', 'krun']", CPD_KEY_RESTART, NULL, NULL,
    "Names of the OCI runtimes that write their errors as JSON when told to." },
  [CPD_KEY_RUNTIME_SUPPORTS_NOCGROUPS] = { "engine.runtime_supports_nocgroups", CPD_KEY_LIST, "['crun', 'krun']",
    CPD_KEY_RESTART, NULL, NULL, "Names of the OCI runtimes that can run a container without a cgroup of its own." },
  [CPD_KEY_RUNTIMES] = { "engine.runtimes", CPD_KEY_MAP,
    "{'crun': [" PROGRAM_DIRS ("crun") "], "
    "'kata': [" PROGRAM_DIRS ("kata-runtime") ", '/usr/bin/kata-qemu', '/usr/bin/kata-fc'], "
    "'krun': [" PROGRAM_DIRS ("krun") "], "
    "'runc': [" PROGRAM_DIRS ("runc") ", '/usr/lib/cri-o-runc/sbin/runc'], "
    "'runsc': [" PROGRAM_DIRS ("runsc") "], "
    "'youki': [" PROGRAM_DIRS ("youki") "]}", CPD_KEY_RESTART, NULL, NULL,
    "The OCI runtimes by name, and where each is looked for. A file adds to the names of those before it." },
  [CPD_KEY_SECCOMP_PROFILE] = { "containers.seccomp_profile", CPD_KEY_STRING, "''", 0, NULL, NULL,
    "The seccomp profile of containers, or unconfined. Empty means /etc/containers/seccomp.json if it is there, and else "
    "/usr/share/containers/seccomp.json." },
  [CPD_KEY_SHM_SIZE] = { "containers.shm_size", CPD_KEY_SIZE, "int64 67108864", 0, NULL, NULL,
    "The size of a container's /dev/shm." },
  [CPD_KEY_SIGNATURE_POLICY_PATH] = { "engine.signature_policy_path", CPD_KEY_PATH, "''", 0, NULL, NULL,
    "The file that says which images are trusted. Empty means /etc/containers/policy.json." },
  [CPD_KEY_SKOPEO_PATH] = { "engine.skopeo_path", CPD_KEY_LIST,
    "['/usr/bin/skopeo', '/usr/local/bin/skopeo', '/usr/sbin/skopeo', '/usr/local/sbin/skopeo']", CPD_KEY_FILLED, NULL, NULL,
    "Where skopeo is looked for, which speaks to registries: the first that is an executable file is taken." },
  [CPD_KEY_STATIC_DIR] = { "engine.static_dir", CPD_KEY_PATH, "'/var/lib/cpod'",
    CPD_KEY_RESTART | CPD_KEY_OWN | CPD_KEY_FILLED, NULL, NULL, "Where the state is kept that outlives a reboot." },
  [CPD_KEY_STOP_TIMEOUT] = { "engine.stop_timeout", CPD_KEY_INTEGER, "int64 10", 0, NULL, NULL,
    "After how many seconds a container is killed that does not end when it is told to." },
  [CPD_KEY_TMP_DIR] = { "engine.tmp_dir", CPD_KEY_PATH, "'${storage.runroot}'", CPD_KEY_RESTART | CPD_KEY_OWN | CPD_KEY_FILLED,
    NULL, NULL, "Where the records of the OCI runtime and of exits are. It must be emptied by a reboot." },
  [CPD_KEY_TZ] = { "containers.tz", CPD_KEY_STRING, "''", 0, NULL, NULL,
    "The time zone of containers; local is that of the host. Empty means the image's." },
  [CPD_KEY_UNREAD_SIGNALS_MAX] = { "engine.unread_signals_max", CPD_KEY_SIZE, "int64 33554432", CPD_KEY_RESTART, NULL, NULL,
    "How much of what was sent clients of the bus may have left unread before signals are held back until they have read, so "
    "that a client that is stopped does not stop the service; 0 is no limit but the bus's own. Nothing is lost meanwhile." },
  [CPD_KEY_VOLUME_PATH] = { "engine.volume_path", CPD_KEY_PATH, "'${storage.graphroot}/volumes'",
    CPD_KEY_RESTART | CPD_KEY_OWN | CPD_KEY_FILLED, NULL, NULL, "Where volumes are kept." },
};

/* What files of podman and of its relatives may say besides. A name that ends with a dot is that of a table. */
static const char *const foreign[] = {
  "configmaps.", "farms.", "machine.", "podmansh.", "secrets.", "storage.options.",
  "containers.annotations", "containers.apparmor_profile", "containers.base_hosts_file", "containers.cgroupns",
  "containers.cgroups", "containers.container_name_as_hostname", "containers.devices", "containers.dns_options",
  "containers.dns_searches", "containers.dns_servers", "containers.enable_keyring", "containers.enable_labeling",
  "containers.env_host", "containers.host_containers_internal_ip", "containers.http_proxy", "containers.init",
  "containers.interface_name", "containers.ipcns", "containers.keyring", "containers.label_users",
  "containers.log_driver", "containers.log_tag", "containers.mounts", "containers.netns", "containers.no_hosts",
  "containers.oom_score_adj", "containers.pidns", "containers.privileged", "containers.read_only",
  "containers.rootless_networking", "containers.umask", "containers.userns", "containers.userns_size",
  "containers.utsns", "containers.volumes",
  "engine.active_service", "engine.add_compression", "engine.cgroup_check", "engine.chown_copied_files",
  "engine.compat_api_enforce_docker_hub", "engine.compose_providers", "engine.compose_warning_logs",
  "engine.compression_format", "engine.compression_level", "engine.database_backend", "engine.db_backend",
  "engine.env", "engine.events_container_create_inspect_data", "engine.exit_command_delay",
  "engine.graphroot", "engine.healthcheck_events", "engine.helper_binaries_dir", "engine.image_build_format",
  "engine.image_copy_tmp_dir", "engine.image_default_format", "engine.image_parallel_copies",
  "engine.image_volume_mode", "engine.kube_generate_type", "engine.machine_enabled", "engine.multi_image_archive",
  "engine.network_cmd_options", "engine.no_pivot", "engine.platform_to_oci_runtime.", "engine.pod_exit_policy",
  "engine.pull_policy", "engine.remote", "engine.remote_identity", "engine.remote_uri", "engine.retry",
  "engine.retry_delay", "engine.runtime_supports_kvm", "engine.runtimes_flags.", "engine.sdnotify",
  "engine.service_destinations.", "engine.service_timeout", "engine.ssh_config", "engine.state_type",
  "engine.volume_plugin_timeout", "engine.volume_plugins.",
  "network.default_rootless_network_cmd", "network.default_subnet", "network.default_subnet_pools",
  "network.dns_bind_port", "network.firewall_driver", "network.netavark_plugin_dirs", "network.network_backend",
  "network.pasta_options",
};

/* Tables of libpod.conf are not below "engine", which bare names stand for. */
static const char *
strip_engine (const char *path)
{
  return g_str_has_prefix (path, "engine.") ? path + strlen ("engine.") : path;
}

int
cpd_config_find_key (const char *path)
{
  const char *bare = strip_engine (path);

  for (int i = 0; i < CPD_N_KEYS; i++)
    if (strcmp (cpd_config_keys[i].name, path) == 0)
      return i;
  if (strchr (bare, '.') != NULL)
    return -1;
  for (int i = 0; i < CPD_N_KEYS; i++)
    if (strcmp (strip_engine (cpd_config_keys[i].name), bare) == 0
        || g_strcmp0 (cpd_config_keys[i].older, bare) == 0)
      return i;
  return -1;
}

gboolean
cpd_config_is_ours_below (const char *path)
{
  const gsize length = strlen (path);

  for (int i = 0; i < CPD_N_KEYS; i++)
    if (strncmp (cpd_config_keys[i].name, path, length) == 0 && cpd_config_keys[i].name[length] == '.')
      return TRUE;
  return FALSE;
}

gboolean
cpd_config_is_foreign (const char *path)
{
  for (gsize i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      gsize length = strlen (foreign[i]);

      if (foreign[i][length - 1] == '.'
          ? strncmp (path, foreign[i], length - 1) == 0 && (path[length - 1] == '.' || path[length - 1] == '\0')
          : strcmp (path, foreign[i]) == 0)
        return TRUE;
    }
  return FALSE;
}

const GVariantType *
cpd_config_key_type (CpdKey key)
{
  switch (cpd_config_keys[key].type)
    {
    case CPD_KEY_BOOLEAN:
      return G_VARIANT_TYPE_BOOLEAN;
    case CPD_KEY_INTEGER:
    case CPD_KEY_SIZE:
      return G_VARIANT_TYPE_INT64;
    case CPD_KEY_LIST:
      return G_VARIANT_TYPE_STRING_ARRAY;
    case CPD_KEY_MAP:
      return G_VARIANT_TYPE ("a{sas}");
    case CPD_KEY_STRING:
    case CPD_KEY_PATH:
    default:
      return G_VARIANT_TYPE_STRING;
    }
}

const char *
cpd_config_key_type_name (CpdKey key)
{
  static const char *const names[] = {
    [CPD_KEY_BOOLEAN] = "boolean",
    [CPD_KEY_INTEGER] = "integer",
    [CPD_KEY_SIZE] = "size",
    [CPD_KEY_STRING] = "string",
    [CPD_KEY_PATH] = "path",
    [CPD_KEY_LIST] = "list of strings",
    [CPD_KEY_MAP] = "table of lists of paths",
  };

  return names[cpd_config_keys[key].type];
}
