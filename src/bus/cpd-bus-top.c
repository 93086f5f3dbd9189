/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-top.h"

#include <string.h>

#include "engine/containers/cpd-container-top.h"
#include "public/cpod-error.h"

/* The value of one process; what it is called by the container is in TOP. Floating. */
typedef GVariant *(*Build) (const CpdTop *top, const CpdTopProcess *process);

typedef struct
{
  const char *name;             /* as podman calls it, where it has it */
  const char *type;             /* of the column */
  Build build;
} Field;

static GVariant *
build_args (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_take_string (process->args != NULL ? g_utf8_make_valid (process->args, -1) : g_strdup (""));
}

static GVariant *
build_comm (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_take_string (g_utf8_make_valid (process->info->name, -1));
}

static GVariant *
build_set (const CpdTopProcess *process, CpdCapabilitySet set)
{
  g_auto(GStrv) names = cpd_top_capabilities (process, set);

  return g_variant_new_strv ((const char *const *) names, -1);
}

static GVariant *
build_capamb (const CpdTop *top, const CpdTopProcess *process)
{
  return build_set (process, CPD_CAPABILITIES_AMBIENT);
}

static GVariant *
build_capbnd (const CpdTop *top, const CpdTopProcess *process)
{
  return build_set (process, CPD_CAPABILITIES_BOUNDING);
}

static GVariant *
build_capeff (const CpdTop *top, const CpdTopProcess *process)
{
  return build_set (process, CPD_CAPABILITIES_EFFECTIVE);
}

static GVariant *
build_capinh (const CpdTop *top, const CpdTopProcess *process)
{
  return build_set (process, CPD_CAPABILITIES_INHERITABLE);
}

static GVariant *
build_capprm (const CpdTop *top, const CpdTopProcess *process)
{
  return build_set (process, CPD_CAPABILITIES_PERMITTED);
}

static GVariant *
build_etime (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint64 ((guint64) process->elapsed);
}

static GVariant *
build_gid (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint32 (process->info->gid);
}

static GVariant *
build_gids (const CpdTop *top, const CpdTopProcess *process)
{
  const GArray *groups = process->info->groups;

  return g_variant_new_fixed_array (G_VARIANT_TYPE_UINT32, groups->data, groups->len, sizeof (guint32));
}

static GVariant *
build_group (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_take_string (cpd_top_name (top->groups, process->info->gid));
}

static GVariant *
build_groups (const CpdTop *top, const CpdTopProcess *process)
{
  GVariantBuilder names = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_STRING_ARRAY);
  const GArray *groups = process->info->groups;

  for (guint i = 0; i < groups->len; i++)
    g_variant_builder_add_value (&names, g_variant_new_take_string (
      cpd_top_name (top->groups, g_array_index (groups, guint32, i))));
  return g_variant_builder_end (&names);
}

static GVariant *
build_hpid (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint32 ((guint32) process->info->host_pid);
}

static GVariant *
build_label (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_take_string (process->label != NULL ? g_utf8_make_valid (process->label, -1) : g_strdup (""));
}

static GVariant *
build_nice (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_int32 (process->info->nice);
}

static GVariant *
build_pcpu (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_double (process->elapsed > 0 ? 100.0 * (double) process->info->cpu_us / (double) process->elapsed
                                                    : 0);
}

static GVariant *
build_pgid (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint32 ((guint32) process->info->group);
}

static GVariant *
build_pid (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint32 ((guint32) process->info->pid);
}

static GVariant *
build_ppid (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint32 ((guint32) process->parent);
}

static GVariant *
build_rgroup (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_take_string (cpd_top_name (top->groups, process->info->real_gid));
}

static GVariant *
build_rss (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint64 (process->info->resident_size);
}

static GVariant *
build_ruser (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_take_string (cpd_top_name (top->users, process->info->real_uid));
}

static GVariant *
build_seccomp (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_string (cpd_process_seccomp (process->info));
}

static GVariant *
build_state (const CpdTop *top, const CpdTopProcess *process)
{
  const char state[] = { process->info->state, '\0' };

  return g_variant_new_string (state);
}

static GVariant *
build_stime (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint64 ((guint64) process->started);
}

static GVariant *
build_time (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint64 (process->info->cpu_us);
}

static GVariant *
build_tty (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_take_string (cpd_process_terminal (process->info));
}

static GVariant *
build_uid (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint32 (process->info->uid);
}

static GVariant *
build_user (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_take_string (cpd_top_name (top->users, process->info->uid));
}

static GVariant *
build_vsz (const CpdTop *top, const CpdTopProcess *process)
{
  return g_variant_new_uint64 (process->info->virtual_size);
}

#define ARGS "args"
#define LABEL "label"

static const Field fields_table[] = {
  { ARGS, "as", build_args }, { "capamb", "aas", build_capamb }, { "capbnd", "aas", build_capbnd },
  { "capeff", "aas", build_capeff }, { "capinh", "aas", build_capinh }, { "capprm", "aas", build_capprm },
  { "comm", "as", build_comm }, { "etime", "at", build_etime }, { "gid", "au", build_gid }, { "gids", "aau", build_gids },
  { "group", "as", build_group }, { "groups", "aas", build_groups }, { "hpid", "au", build_hpid },
  { LABEL, "as", build_label }, { "nice", "ai", build_nice }, { "pcpu", "ad", build_pcpu }, { "pgid", "au", build_pgid },
  { "pid", "au", build_pid }, { "ppid", "au", build_ppid }, { "rgroup", "as", build_rgroup }, { "rss", "at", build_rss },
  { "ruser", "as", build_ruser }, { "seccomp", "as", build_seccomp }, { "state", "as", build_state },
  { "stime", "at", build_stime }, { "time", "at", build_time }, { "tty", "as", build_tty }, { "uid", "au", build_uid },
  { "user", "as", build_user }, { "vsz", "at", build_vsz },
};

/* As podman shows when nothing is asked for. */
static const char *const usual_fields[] = { "user", "pid", "ppid", "pcpu", "etime", "tty", "time", ARGS, NULL };

static gboolean
is_field (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (fields_table); i++)
    if (strcmp (fields_table[i].name, name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
check_fields (GVariant *value, GError **error)
{
  g_autofree const char **fields = g_variant_get_strv (value, NULL);

  for (const char **field = fields; *field != NULL; field++)
    if (!is_field (*field))
      {
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no known key", *field);
        return FALSE;
      }
  return TRUE;
}

const CpdBusOption cpd_bus_top_options[] = {
  { "fields", G_VARIANT_TYPE_STRING_ARRAY, check_fields },
  { NULL }
};

static GVariant *
build_column (const Field *field, const CpdTop *top)
{
  GVariantBuilder column = G_VARIANT_BUILDER_INIT ((const GVariantType *) field->type);

  for (guint i = 0; i < top->processes->len; i++)
    g_variant_builder_add_value (&column, field->build (top, top->processes->pdata[i]));
  return g_variant_builder_end (&column);
}

GVariant *
cpd_bus_work_top (CpdBusCall *call, GError **error)
{
  g_auto(GStrv) given = cpd_bus_options_get_strings (cpd_bus_call_get_options (call), "fields");
  const char *const *wanted = given != NULL ? (const char *const *) given : usual_fields;
  g_autoptr(CpdTop) top = cpd_engine_top_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                                    g_strv_contains (wanted, ARGS), g_strv_contains (wanted, LABEL),
                                                    error);
  g_auto(GVariantBuilder) columns = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (top == NULL)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (fields_table); i++)
    if (g_strv_contains (wanted, fields_table[i].name))
      g_variant_builder_add (&columns, "{sv}", fields_table[i].name, build_column (&fields_table[i], top));
  return g_variant_new ("(a{sv})", &columns);
}
