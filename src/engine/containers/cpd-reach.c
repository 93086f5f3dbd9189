/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-reach.h"

#include <string.h>

#include "engine/cpd-engine-private.h"
#include "engine/exec/cpd-exec-config.h"
#include "engine/exec/cpd-exec-private.h"
#include "oci/cpd-capabilities.h"

/* Options of Create() that leave a container confined whatever their value is, or that are judged below. One that
 * is not here reaches into the host. */
static const char *const judged[] = {
  "name", "namespace", "depends", "command", "entrypoint", "env", "labels", "workdir", "user", "hostname", "network",
  "read-only", "stdin", "tty", "auto-remove", "stop-signal", "stop-timeout", "restart-policy", "cap-add", "cap-drop",
  "privileged", "memory", "memory-swap", "memory-reservation", "memory-swappiness", "cpus", "cpu-shares", "cpu-quota",
  "cpu-period", "cpuset-cpus", "cpuset-mems", "blkio-weight", "pids-limit", "oom-kill-disable", "oom-score-adj",
  "shm-size", "ulimit", "cgroup-parent", "cgroups", "cgroupns", "oci-runtime", NULL
};

gboolean
cpd_reach_is_judged (const char *key)
{
  return g_strv_contains (judged, key);
}

void
cpd_subject_free (CpdSubject *subject)
{
  g_clear_pointer (&subject->container, cpd_container_row_free);
  g_clear_pointer (&subject->grant, cpd_grant_free);
  g_free (subject->image);
  g_free (subject->command);
  g_free (subject);
}

static void
add (GStrvBuilder *words, const char *key, const char *value)
{
  g_autofree char *word = g_strconcat (key, "=", value, NULL);

  g_strv_builder_add (words, word);
}

/* What the processes of a container can do because of how it was created. */
static void
add_config (GStrvBuilder *words, CpdEngine *engine, const CpdContainerConfig *config)
{
  g_autoptr(CpdConfig) settings = cpd_engine_ref_config (engine);
  const char *const *usual = (const char *const *) settings->capabilities;

  if (config->privileged)
    g_strv_builder_add (words, "privileged");
  if (strcmp (config->network, "host") == 0)
    add (words, "network", config->network);
  for (char **name = config->capabilities; !config->privileged && name != NULL && *name != NULL; name++)
    if (!cpd_capability_is_default (*name) && !(usual != NULL && g_strv_contains (usual, *name)))
      add (words, "capability", *name);
  if (config->oci_runtime != NULL && g_path_is_absolute (config->oci_runtime))
    add (words, "oci-runtime", config->oci_runtime);
}

/* Which cgroup it gets, since another's cgroup has other limits. */
static void
add_cgroup (GStrvBuilder *words, GVariant *options)
{
  const char *text;

  if (g_variant_lookup (options, "cgroup-parent", "&s", &text))
    add (words, "cgroup-parent", text);
  if (g_variant_lookup (options, "cgroupns", "&s", &text) && strcmp (text, "host") == 0)
    add (words, "cgroupns", text);
  if (g_variant_lookup (options, "cgroups", "&s", &text)
      && strcmp (text, "enabled") != 0 && strcmp (text, "no-conmon") != 0)
    add (words, "cgroups", text);
}

/* What can starve the host, though nothing in it is touched. */
static void
add_priority (GStrvBuilder *words, GVariant *options)
{
  static const char *const priorities[] = { "rtprio", "nice", "rlimit_rtprio", "rlimit_nice" };
  g_auto(GStrv) ulimits = NULL;
  gint32 score = 0;

  g_variant_lookup (options, "oom-score-adj", "i", &score);
  if (score < 0)
    {
      g_autofree char *text = g_strdup_printf ("%d", score);

      add (words, "oom-score-adj", text);
    }
  g_variant_lookup (options, "ulimit", "^as", &ulimits);
  for (char **ulimit = ulimits; ulimit != NULL && *ulimit != NULL; ulimit++)
    for (gsize i = 0; i < G_N_ELEMENTS (priorities); i++)
      {
        gsize length = strlen (priorities[i]);

        if (g_ascii_strncasecmp (*ulimit, priorities[i], length) == 0 && (*ulimit)[length] == '=')
          add (words, "ulimit", *ulimit);
      }
}

/* Whoever starts the new container starts these, and while it is there they stay. */
static void
add_depends (GStrvBuilder *words, CpdEngine *engine, char **depends, const CpdCaller *caller)
{
  for (char **id = depends; id != NULL && *id != NULL; id++)
    {
      g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, *id, NULL);

      if (row == NULL || row->owner_uid != caller->uid)
        add (words, "depends", row != NULL ? row->name : *id);
    }
}

static void
add_unjudged (GStrvBuilder *words, GVariant *options)
{
  GVariantIter iter;
  const char *key;

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{&sv}", &key, NULL))
    if (!g_strv_contains (judged, key))
      g_strv_builder_add (words, key);
}

char **
cpd_engine_exec_reach (CpdEngine *engine, const CpdContainerConfig *config, gboolean privileged)
{
  g_autoptr(GStrvBuilder) words = g_strv_builder_new ();

  add_config (words, engine, config);
  if (privileged && !config->privileged)
    g_strv_builder_add (words, "privileged");
  return g_strv_builder_end (words);
}

char **
cpd_engine_create_reach (CpdEngine *engine, const CpdContainerConfig *config, char **depends, GVariant *options,
                         const CpdCaller *caller)
{
  g_autoptr(GStrvBuilder) words = g_strv_builder_new ();

  add_config (words, engine, config);
  add_cgroup (words, options);
  add_priority (words, options);
  add_depends (words, engine, depends, caller);
  add_unjudged (words, options);
  return g_strv_builder_end (words);
}

static char *
quote_command (const char *const *command)
{
  g_autoptr(GString) line = g_string_new (NULL);

  if (command == NULL)
    return NULL;
  for (const char *const *word = command; *word != NULL; word++)
    {
      g_autofree char *quoted = g_shell_quote (*word);

      g_string_append_printf (line, "%s%s", line->len > 0 ? " " : "",
                              **word != '\0' && strspn (*word, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-+=./,:@%")
                              == strlen (*word) ? *word : quoted);
    }
  return g_strdup (line->str);
}

CpdSubject *
cpd_engine_subject_of_create (CpdEngine *engine, const char *image, GVariant *options, const CpdCaller *caller,
                             GError **error)
{
  g_autoptr(CpdSubject) subject = g_new0 (CpdSubject, 1);
  g_autoptr(CpdImageRow) found = cpd_storage_find_image (cpd_engine_get_storage (engine), image, error);
  g_autoptr(CpdConfig) settings = cpd_engine_ref_config (engine);
  g_autoptr(CpdContainerConfig) config = NULL;
  g_autofree char *namespace = cpd_engine_choose_namespace (engine, options);
  g_auto(GStrv) depends = NULL;

  subject->grant = g_new0 (CpdGrant, 1);
  depends = found != NULL ? cpd_engine_resolve_dependencies (engine, options, namespace, error) : NULL;
  if (depends != NULL)
    config = cpd_container_config_new (found->id, found, options, settings, error);
  if (config == NULL)
    return NULL;
  subject->image = g_strdup (image);
  subject->command = quote_command ((const char *const *) config->args);
  subject->grant->image_id = g_strdup (found->id);
  subject->grant->reach = cpd_engine_create_reach (engine, config, depends, options, caller);
  return g_steal_pointer (&subject);
}

CpdSubject *
cpd_engine_subject_of_container (CpdEngine *engine, const char *id, const char *const *command,
                                gboolean privileged, GError **error)
{
  g_autoptr(CpdSubject) subject = g_new0 (CpdSubject, 1);
  g_autoptr(CpdContainerConfig) config = NULL;

  subject->grant = g_new0 (CpdGrant, 1);
  subject->container = cpd_engine_get_container (engine, id, error);
  if (subject->container != NULL)
    config = cpd_container_config_parse (subject->container->config, error);
  if (config == NULL)
    return NULL;
  subject->grant->container_id = g_strdup (id);
  subject->image = g_strdup (subject->container->image);
  subject->command = quote_command (command);
  subject->grant->reach = cpd_engine_exec_reach (engine, config, privileged);
  return g_steal_pointer (&subject);
}

CpdSubject *
cpd_engine_subject_of_exec (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, error);
  g_autoptr(CpdExecConfig) config = row != NULL ? cpd_exec_config_parse (row->config, error) : NULL;

  if (config == NULL)
    return NULL;
  return cpd_engine_subject_of_container (engine, row->container_id, (const char *const *) config->args,
                                          config->privileged, error);
}

CpdSubject *
cpd_engine_subject_of_image (CpdEngine *engine, const char *name_or_id, GError **error)
{
  g_autoptr(CpdImageRow) found = cpd_storage_find_image (cpd_engine_get_storage (engine), name_or_id, error);
  g_autoptr(CpdSubject) subject = g_new0 (CpdSubject, 1);

  subject->grant = g_new0 (CpdGrant, 1);
  if (found == NULL)
    return NULL;
  subject->image = g_strdup (found->names != NULL && found->names[0] != NULL ? found->names[0] : name_or_id);
  subject->grant->image_id = g_strdup (found->id);
  return g_steal_pointer (&subject);
}
