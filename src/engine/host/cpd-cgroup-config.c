/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host/cpd-cgroup-config.h"

#include <string.h>

#include "common/cpd-json.h"
#include "public/cpod-error.h"

/* The shortest name of a slice that says something, as libpod has it. */
#define SLICE_MIN 6

static const char *const modes[] = { "enabled", "disabled", "no-conmon", "split", NULL };

void
cpd_cgroup_config_clear (CpdCgroupConfig *cgroup)
{
  g_clear_pointer (&cgroup->parent, g_free);
}

static gboolean
refuse (GError **error, const char *key, const char *value, const char *why)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "%s: '%s' %s", key, value, why);
  return FALSE;
}

/* Only a path that stays where it says: it is made and removed as root. */
static gboolean
is_plain_path (const char *path)
{
  g_auto(GStrv) parts = g_strsplit (path, "/", -1);

  for (char **part = parts; *part != NULL; part++)
    if (strcmp (*part, "..") == 0 || strcmp (*part, ".") == 0 || strchr (*part, '\n') != NULL)
      return FALSE;
  return *path != '\0';
}

/* systemd's rules: what unit names are made of; a dash stands for a slice within a slice. */
static gboolean
is_slice_name (const char *name)
{
  gsize length = strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ":_.\\-");
  gsize stem = strlen (name) - strlen (".slice");

  return name[length] == '\0' && length < 256 && name[0] != '-' && name[stem - 1] != '-'
         && strstr (name, "--") == NULL;
}

/* libpod's table of which parent goes with which manager. */
static gboolean
set_parent (CpdCgroupConfig *cgroup, const char *key, const char *parent, GError **error)
{
  g_autofree char *base = g_path_get_basename (parent);
  gboolean is_slice = g_str_has_suffix (base, ".slice");

  if (!is_plain_path (parent))
    return refuse (error, key, parent, "is no path of a cgroup");
  if (!cgroup->systemd)
    {
      if (is_slice)
        return refuse (error, key, parent, "is a slice, which only the cgroup manager systemd has; this is cgroupfs");
      cgroup->parent = g_canonicalize_filename (parent, "/");
      return TRUE;
    }
  if (strlen (parent) < SLICE_MIN || !is_slice)
    return refuse (error, key, parent, "does not end with .slice, as it must with the cgroup manager systemd");
  if (strlen (base) <= SLICE_MIN || !is_slice_name (base))
    return refuse (error, key, parent, "is no name of a slice");
  cgroup->parent = g_steal_pointer (&base);
  return TRUE;
}

static gboolean
set_mode (CpdCgroupConfig *cgroup, GVariant *options, GError **error)
{
  const char *text = "enabled";

  g_variant_lookup (options, "cgroups", "&s", &text);
  for (guint i = 0; modes[i] != NULL; i++)
    if (strcmp (text, modes[i]) == 0)
      {
        cgroup->mode = (CpdCgroupsMode) i;
        return TRUE;
      }
  return refuse (error, "option 'cgroups'", text, "is none of enabled, disabled, no-conmon and split");
}

static gboolean
set_namespace (CpdCgroupConfig *cgroup, GVariant *options, GError **error)
{
  const char *text = NULL;

  cgroup->private_namespace = cpd_config_is_cgroup_v2 ();
  if (!g_variant_lookup (options, "cgroupns", "&s", &text))
    return TRUE;
  cgroup->private_namespace = strcmp (text, "private") == 0;
  if (cgroup->private_namespace || strcmp (text, "host") == 0)
    return TRUE;
  return refuse (error, "option 'cgroupns'", text, "is neither private nor host");
}

gboolean
cpd_cgroup_config_set (CpdCgroupConfig *cgroup, GVariant *options, const CpdConfig *settings, GError **error)
{
  const char *parent = NULL;

  cgroup->is_recorded = TRUE;
  cgroup->systemd = settings->systemd_cgroups;
  if (!set_mode (cgroup, options, error) || !set_namespace (cgroup, options, error))
    return FALSE;
  g_variant_lookup (options, "cgroup-parent", "&s", &parent);
  if (cgroup->mode == CPD_CGROUPS_DISABLED || cgroup->mode == CPD_CGROUPS_SPLIT)
    {
      cgroup->systemd = FALSE;
      return parent == NULL
             || refuse (error, "option 'cgroup-parent'", parent, "cannot be where cgroups are disabled or split");
    }
  return parent != NULL ? set_parent (cgroup, "option 'cgroup-parent'", parent, error)
                        : set_parent (cgroup, "engine.cgroup_parent", settings->cgroup_parent, error);
}

void
cpd_cgroup_config_from_object (CpdCgroupConfig *cgroup, JsonObject *object)
{
  const char *mode = cpd_json_get_string (object, "mode");
  const char *parent = cpd_json_get_string (object, "parent");

  cgroup->is_recorded = mode != NULL;
  for (guint i = 0; mode != NULL && modes[i] != NULL; i++)
    if (strcmp (mode, modes[i]) == 0)
      cgroup->mode = (CpdCgroupsMode) i;
  cgroup->systemd = g_strcmp0 (cpd_json_get_string (object, "manager"), "systemd") == 0;
  /* A record that names no parent where there must be one is none. */
  if (cgroup->mode == CPD_CGROUPS_ENABLED || cgroup->mode == CPD_CGROUPS_NO_CONMON)
    cgroup->is_recorded = parent != NULL && set_parent (cgroup, "", parent, NULL);
  cgroup->private_namespace = cpd_json_get_boolean (object, "privateNamespace");
}

JsonObject *
cpd_cgroup_config_to_object (const CpdCgroupConfig *cgroup)
{
  JsonObject *object = json_object_new ();

  if (!cgroup->is_recorded)
    return object;
  json_object_set_string_member (object, "mode", modes[cgroup->mode]);
  json_object_set_string_member (object, "manager", cgroup->systemd ? "systemd" : "cgroupfs");
  cpd_json_set_string (object, "parent", cgroup->parent);
  json_object_set_boolean_member (object, "privateNamespace", cgroup->private_namespace);
  return object;
}

void
cpd_cgroup_config_add_to_inspect (const CpdCgroupConfig *cgroup, JsonObject *host_config)
{
  json_object_set_string_member (host_config, "CgroupManager", cgroup->systemd ? "systemd" : "cgroupfs");
  json_object_set_string_member (host_config, "CgroupMode", cgroup->private_namespace ? "private" : "host");
  json_object_set_string_member (host_config, "CgroupParent", cgroup->parent != NULL ? cgroup->parent : "");
  json_object_set_string_member (host_config, "Cgroups",
                                 cgroup->mode == CPD_CGROUPS_ENABLED ? "default" : modes[cgroup->mode]);
}

char *
cpd_cgroup_config_spec_path (const CpdCgroupConfig *cgroup, const char *id, const char *split_below)
{
  g_autofree char *name = g_strconcat ("cpod-", id, NULL);

  if (cgroup->mode == CPD_CGROUPS_DISABLED)
    return NULL;
  if (cgroup->mode == CPD_CGROUPS_SPLIT)
    return g_build_filename ("/", split_below, name, NULL);
  /* systemd wants its slice, and a prefix and a name for the scope. */
  if (cgroup->systemd)
    return g_strdup_printf ("%s:cpod:%s", cgroup->parent, id);
  return g_build_filename ("/", cgroup->parent, id, NULL);
}
