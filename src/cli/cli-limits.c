/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-limits.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <string.h>

typedef enum
{
  NUMBER,
  SIZE,
  SCORE,
} Kind;

/* Those for a container that is there first. */
static const struct
{
  const char *name;             /* of the option, here and on the bus */
  char letter;
  Kind kind;
  const char *text;
  const char *argument;
} table[CLI_N_LIMITS] = {
  { "blkio-weight", 0, NUMBER, N_("Weight for access to block devices, 10 to 1000"), N_("WEIGHT") },
  { "cpu-period", 0, NUMBER, N_("Period of the quota, in microseconds"), N_("TIME") },
  { "cpu-quota", 0, NUMBER, N_("Processor time in each period, in microseconds"), N_("TIME") },
  { "cpu-shares", 'c', NUMBER, N_("Weight against other containers, 2 to 262144"), N_("SHARES") },
  { "memory", 'm', SIZE, N_("Limit of memory"), N_("SIZE") },
  { "memory-reservation", 0, SIZE, N_("What it is brought back to when memory runs short"), N_("SIZE") },
  { "memory-swap", 0, SIZE, N_("Limit of memory and swap together"), N_("SIZE") },
  { "memory-swappiness", 0, NUMBER, N_("How readily its memory is swapped out, 0 to 100"), N_("NUMBER") },
  { "pids-limit", 0, NUMBER, N_("Limit of processes"), N_("NUMBER") },
  { "oom-score-adj", 0, SCORE, N_("How likely it is killed when memory runs out, -1000 to 1000"), N_("NUMBER") },
  { "shm-size", 0, SIZE, N_("Size of /dev/shm"), N_("SIZE") },
};

/* The first of those that are for a new container only. */
#define FIRST_OF_CREATE 9

void
cli_limits_clear (CliLimits *self)
{
  for (guint i = 0; i < CLI_N_LIMITS; i++)
    g_free (self->numbers[i]);
  g_free (self->cpus);
  g_free (self->cpuset_cpus);
  g_free (self->cpuset_mems);
  g_strfreev (self->ulimits);
  g_free (self->cgroup_parent);
  g_free (self->cgroups);
  g_free (self->cgroupns);
  g_free (self->oci_runtime);
}

static void
append_all (GArray             *all,
            const GOptionEntry *entries)
{
  for (; entries->long_name != NULL; entries++)
    g_array_append_vals (all, entries, 1);
}

static void
append_numbers (GArray    *all,
                CliLimits *self,
                guint      end)
{
  for (guint i = 0; i < end; i++)
    {
      GOptionEntry entry = {
        table[i].name, table[i].letter, 0, G_OPTION_ARG_STRING, &self->numbers[i], table[i].text, table[i].argument
      };

      g_array_append_val (all, entry);
    }
}

GOptionEntry *
cli_limits_add_entries (CliLimits          *self,
                        const GOptionEntry *entries,
                        gboolean            creating)
{
  g_autoptr(GArray) all = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));
  const GOptionEntry of_any[] = {
    { "cpus", 0, 0, G_OPTION_ARG_STRING, &self->cpus, N_("Number of processors"), N_("NUMBER") },
    { "cpuset-cpus", 0, 0, G_OPTION_ARG_STRING, &self->cpuset_cpus, N_("Processors to use"), N_("LIST") },
    { "cpuset-mems", 0, 0, G_OPTION_ARG_STRING, &self->cpuset_mems, N_("Memory nodes to use"), N_("LIST") },
    { NULL }
  };
  const GOptionEntry of_create[] = {
    { "cgroup-parent", 0, 0, G_OPTION_ARG_STRING, &self->cgroup_parent, N_("Make its cgroup below this one"),
      N_("CGROUP") },
    { "cgroupns", 0, 0, G_OPTION_ARG_STRING, &self->cgroupns, N_("Namespace of cgroups: private or host"), N_("MODE") },
    { "cgroups", 0, 0, G_OPTION_ARG_STRING, &self->cgroups, N_("Its cgroup: enabled, disabled, no-conmon or split"),
      N_("MODE") },
    { "oom-kill-disable", 0, 0, G_OPTION_ARG_NONE, &self->oom_kill_disable, N_("Wait for memory instead of being killed"),
      NULL },
    { "runtime", 0, 0, G_OPTION_ARG_STRING, &self->oci_runtime, N_("Use this OCI runtime"), N_("NAME|PATH") },
    { "ulimit", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->ulimits, N_("Set a resource limit of its processes"),
      N_("NAME=SOFT[:HARD]") },
    { NULL }
  };

  append_all (all, entries);
  append_numbers (all, self, creating ? CLI_N_LIMITS : FIRST_OF_CREATE);
  append_all (all, of_any);
  if (creating)
    append_all (all, of_create);

  return (GOptionEntry *) (gpointer) g_array_free (g_steal_pointer (&all), FALSE);
}

static gboolean
refuse (const char  *name,
        const char  *value,
        const char  *expected,
        GError     **error)
{
  g_autofree char *shown = g_utf8_make_valid (value, -1);

  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, _("option --%s: \"%s\": expected %s"), name, shown, expected);
  return FALSE;
}

static gboolean
parse_number (const char *text,
              gint64     *value)
{
  return g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, value, NULL);
}

static gboolean
add_number (GVariantBuilder  *builder,
            guint             i,
            const char       *text,
            GError          **error)
{
  gint64 value;

  /* -1 is no limit; other sizes have no sign. */
  if (table[i].kind == SIZE && !g_str_equal (text, "-1"))
    {
      if (!cpod_size_parse (text, &value))
        return refuse (table[i].name, text, _("a size like 64m"), error);
    }
  else if (!parse_number (text, &value))
    return refuse (table[i].name, text, _("a number"), error);

  if (table[i].kind != SCORE)
    g_variant_builder_add (builder, "{sv}", table[i].name, g_variant_new_int64 (value));
  else
    g_variant_builder_add (builder, "{sv}", table[i].name,
                           g_variant_new_int32 ((gint32) CLAMP (value, G_MININT32, G_MAXINT32)));
  return TRUE;
}

static gboolean
add_cpus (GVariantBuilder  *builder,
          const char       *text,
          GError          **error)
{
  char *end = NULL;
  double value;

  if (text == NULL)
    return TRUE;

  value = g_ascii_strtod (text, &end);
  if (end == text || *end != '\0')
    return refuse ("cpus", text, _("a number"), error);

  g_variant_builder_add (builder, "{sv}", "cpus", g_variant_new_double (value));
  return TRUE;
}

static gboolean
add_text (GVariantBuilder  *builder,
          const char       *key,
          const char       *text,
          GError          **error)
{
  if (text == NULL)
    return TRUE;

  if (!g_utf8_validate (text, -1, NULL))
    return refuse (key, text, _("UTF-8"), error);

  g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (text));
  return TRUE;
}

static gboolean
add_ulimits (GVariantBuilder  *builder,
             char            **ulimits,
             GError          **error)
{
  if (ulimits == NULL)
    return TRUE;

  for (char **ulimit = ulimits; *ulimit != NULL; ulimit++)
    if (!g_utf8_validate (*ulimit, -1, NULL))
      return refuse ("ulimit", *ulimit, _("UTF-8"), error);

  g_variant_builder_add (builder, "{sv}", "ulimit", g_variant_new_strv ((const char *const *) ulimits, -1));
  return TRUE;
}

gboolean
cli_limits_add_options (const CliLimits  *self,
                        GVariantBuilder  *builder,
                        GError          **error)
{
  for (guint i = 0; i < CLI_N_LIMITS; i++)
    if (self->numbers[i] != NULL && !add_number (builder, i, self->numbers[i], error))
      return FALSE;

  if (self->oom_kill_disable)
    g_variant_builder_add (builder, "{sv}", "oom-kill-disable", g_variant_new_boolean (TRUE));

  return add_cpus (builder, self->cpus, error)
         && add_ulimits (builder, self->ulimits, error)
         && add_text (builder, "cpuset-cpus", self->cpuset_cpus, error)
         && add_text (builder, "cpuset-mems", self->cpuset_mems, error)
         && add_text (builder, "cgroup-parent", self->cgroup_parent, error)
         && add_text (builder, "cgroups", self->cgroups, error)
         && add_text (builder, "cgroupns", self->cgroupns, error)
         && add_text (builder, "oci-runtime", self->oci_runtime, error);
}
