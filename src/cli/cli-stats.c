/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <gio/gunixinputstream.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli-json.h"
#include "cli/cli-output.h"
#include "cli/cli-template.h"
#include "cli/cli-text.h"

#define TABLE "table {{.ID}}\\t{{.Name}}\\t{{.CPUPerc}}\\t{{.MemUsage}}\\t{{.MemPerc}}\\t{{.NetIO}}\\t{{.BlockIO}}\\t{{.PIDS}}" \
              "\\t{{.CPUTime}}\\t{{.AvgCPU}}"

#define MAX_INTERVAL 3600

/* What a terminal needs to begin anew. */
#define CLEAR "\033[2J\033[H"

typedef struct
{
  gboolean no_stream;
  gboolean no_reset;
  gboolean no_trunc;
  int interval;
  char *format;
} StatsOptions;

static const char *
heading (const char *field)
{
  static const char *const known[][2] = {
    { "CPUPerc", "CPU %" }, { "CPU", "CPU %" }, { "MemUsage", "MEM USAGE / LIMIT" }, { "MemPerc", "MEM %" },
    { "NetIO", "NET IO" }, { "BlockIO", "BLOCK IO" }, { "CPUTime", "CPU TIME" }, { "AvgCPU", "AVG CPU %" },
    { "MemUsageBytes", "MEM USAGE / LIMIT" }, { "UpTime", "UP TIME" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    {
      if (g_str_equal (known[i][0], field))
        return known[i][1];
    }

  return NULL;
}

static double
get_number (GVariant   *stats,
            const char *key)
{
  g_autoptr(GVariant) value = cli_value_get (stats, key);

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return g_variant_get_double (value);

  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) ? (double) g_variant_get_int64 (value) : 0;
}

static void
add_text (GVariantBuilder *row,
          const char      *key,
          char            *text)
{
  g_variant_builder_add (row, "{sv}", key, g_variant_new_take_string (text));
}

static void
add_percent (GVariantBuilder *row,
             const char      *key,
             GVariant        *stats,
             const char      *source)
{
  add_text (row, key, g_strdup_printf ("%.2f%%", get_number (stats, source)));
}

static void
add_pair (GVariantBuilder *row,
          const char      *key,
          GVariant        *stats,
          const char      *first,
          const char      *second)
{
  g_autofree char *one = cli_text_size ((guint64) get_number (stats, first));
  g_autofree char *other = cli_text_size ((guint64) get_number (stats, second));

  add_text (row, key, g_strdup_printf ("%s / %s", one, other));
}

/* "1m2.345678s", as podman writes it. */
static void
add_time (GVariantBuilder *row,
          const char      *key,
          GVariant        *stats,
          const char      *source)
{
  const double seconds = get_number (stats, source) / 1e9;
  const guint64 minutes = (guint64) seconds / 60;

  if (minutes > 59)
    add_text (row, key, g_strdup_printf ("%" G_GUINT64_FORMAT "h%dm%.3fs", minutes / 60, (int) (minutes % 60),
                                         seconds - (double) minutes * 60));
  else if (minutes > 0)
    add_text (row, key, g_strdup_printf ("%dm%.3fs", (int) minutes, seconds - (double) minutes * 60));
  else
    add_text (row, key, g_strdup_printf ("%.6fs", seconds));
}

static GVariant *
get_text (GVariant   *stats,
          const char *key)
{
  GVariant *value = cli_value_get (stats, key);

  return value != NULL ? value : g_variant_ref_sink (g_variant_new_string (""));
}

/* For templates: all that came, and what podman makes of it. */
static GVariant *
make_row (GVariant *stats,
          gboolean  trunc)
{
  GVariantBuilder row;
  g_autoptr(GVariant) id = get_text (stats, "ContainerID");
  g_autoptr(GVariant) name = get_text (stats, "Name");

  g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
  add_text (&row, "ID", g_strndup (g_variant_get_string (id, NULL), trunc ? CLI_SHORT_ID : G_MAXINT));
  g_variant_builder_add (&row, "{sv}", "ContainerID", id);
  g_variant_builder_add (&row, "{sv}", "Name", name);
  add_percent (&row, "CPUPerc", stats, "CPU");
  add_percent (&row, "CPU", stats, "CPU");
  add_percent (&row, "AvgCPU", stats, "AvgCPU");
  add_percent (&row, "MemPerc", stats, "MemPerc");
  add_pair (&row, "MemUsage", stats, "MemUsage", "MemLimit");
  add_pair (&row, "NetIO", stats, "NetInput", "NetOutput");
  add_pair (&row, "BlockIO", stats, "BlockInput", "BlockOutput");
  add_text (&row, "MemUsageBytes", g_strdup_printf ("%.0f / %.0f", get_number (stats, "MemUsage"),
                                                    get_number (stats, "MemLimit")));
  add_text (&row, "PIDS", g_strdup_printf ("%.0f", get_number (stats, "PIDs")));
  add_time (&row, "CPUTime", stats, "CPUNano");
  add_time (&row, "UpTime", stats, "UpTime");
  return g_variant_ref_sink (g_variant_builder_end (&row));
}

/* podman's members. */
static GVariant *
make_json (GVariant *row)
{
  static const char *const members[][2] = {
    { "id", "ID" }, { "name", "Name" }, { "cpu_time", "CPUTime" }, { "cpu_percent", "CPUPerc" }, { "avg_cpu", "AvgCPU" },
    { "mem_usage", "MemUsage" }, { "mem_percent", "MemPerc" }, { "net_io", "NetIO" }, { "block_io", "BlockIO" },
    { "pids", "PIDS" },
  };
  GVariantBuilder object;

  g_variant_builder_init (&object, G_VARIANT_TYPE_VARDICT);
  for (gsize i = 0; i < G_N_ELEMENTS (members); i++)
    {
      g_autoptr(GVariant) value = cli_value_get (row, members[i][1]);

      g_variant_builder_add (&object, "{sv}", members[i][0], value);
    }

  return g_variant_builder_end (&object);
}

static int
print_round (GVariant           *list,
             const StatsOptions *options)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr(GVariant) json = NULL;
  const CliOutput output = { .format = options->format, .table = TABLE, .heading = heading };
  GVariantBuilder objects;

  g_variant_builder_init (&objects, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr(GVariant) box = g_variant_get_child_value (list, i);
      g_autoptr(GVariant) stats = g_variant_get_variant (box);
      GVariant *row = make_row (stats, !options->no_trunc);

      g_ptr_array_add (rows, row);
      g_variant_builder_add (&objects, "v", make_json (row));
    }

  json = g_variant_ref_sink (g_variant_builder_end (&objects));
  return cli_output_rows (&output, rows, json);
}

/* NULL without an error at the end. */
static GVariant *
read_round (GDataInputStream  *stream,
            GError           **error)
{
  g_autofree char *line = g_data_input_stream_read_line (stream, NULL, NULL, error);
  g_autoptr(GVariant) round = line != NULL ? cli_json_parse (line, error) : NULL;
  GVariant *list = round != NULL ? cli_value_get (round, "Stats") : NULL;

  if (round != NULL && (list == NULL || !g_variant_is_of_type (list, G_VARIANT_TYPE ("av"))))
    {
      g_clear_pointer (&list, g_variant_unref);
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("the service gave no statistics"));
    }

  return list;
}

static int
show (GDataInputStream   *stream,
      const StatsOptions *options)
{
  const gboolean clear = !options->no_reset && !options->no_stream && isatty (STDOUT_FILENO)
                         && !cli_output_is_json (options->format);
  int status = EXIT_SUCCESS;

  do
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GVariant) list = read_round (stream, &error);

      if (error != NULL)
        return cli_fail_error (error);
      if (list == NULL)
        return EXIT_SUCCESS;

      if (clear)
        fputs (CLEAR, stdout);
      status = print_round (list, options);
      if (fflush (stdout) != 0)
        return cli_fail (_("failed to write the output"));
    }
  while (status == EXIT_SUCCESS && !options->no_stream);

  return status;
}

static GDataInputStream *
open_stream (CliApp              *app,
             const char *const   *names,
             const StatsOptions  *options,
             GError             **error)
{
  g_autoptr(GUnixFDList) fds = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GInputStream) input = NULL;
  GVariantBuilder builder;
  int fd;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  cli_add_namespace (app, &builder);
  g_variant_builder_add (&builder, "{sv}", "interval", g_variant_new_uint32 (options->interval * 1000));
  reply = cli_call_with_fds (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "StreamStats",
                             g_variant_new ("(^as@a{sv})", names, g_variant_builder_end (&builder)), NULL, &fds, error);
  if (reply == NULL)
    return NULL;

  fd = g_unix_fd_list_get (fds, 0, error);
  if (fd < 0)
    return NULL;

  input = g_unix_input_stream_new (fd, TRUE);
  return g_data_input_stream_new (input);
}

static int
run (CliApp             *app,
     char              **names,
     const StatsOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *latest = app->latest ? cli_find_latest (app, &error) : NULL;
  const char *const newest[] = { latest, NULL };
  g_autoptr(GDataInputStream) stream = NULL;

  if (app->latest && names[0] != NULL)
    return cli_fail (_("--latest and names exclude each other"));

  if (error == NULL && cli_check_command (names, &error))
    stream = open_stream (app, app->latest ? newest : (const char *const *) names, options, &error);
  if (stream == NULL)
    return cli_fail_error (error);

  return show (stream, options);
}

int
cli_stats (CliApp        *app,
           const CliVerb *verb,
           int            argc,
           char         **argv)
{
  StatsOptions options = { .interval = 5 };
  int status;
  const GOptionEntry entries[] = {
    { "format", 0, 0, G_OPTION_ARG_STRING, &options.format, N_("json, or a template"), N_("FORMAT") },
    { "interval", 'i', 0, G_OPTION_ARG_INT, &options.interval, N_("Time from one round to the next"), N_("SECONDS") },
    CLI_LATEST_ENTRY (app),
    { "no-reset", 0, 0, G_OPTION_ARG_NONE, &options.no_reset, N_("Do not clear the screen"), NULL },
    { "no-stream", 0, 0, G_OPTION_ARG_NONE, &options.no_stream, N_("Show it once"), NULL },
    { "no-trunc", 0, 0, G_OPTION_ARG_NONE, &options.no_trunc, N_("Do not shorten anything"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (options.interval < 1 || options.interval > MAX_INTERVAL)
    status = cli_fail (_("bad interval %d: give 1 to %d seconds"), options.interval, MAX_INTERVAL);
  else
    status = run (app, argv + 1, &options);
  g_free (options.format);
  return status;
}
