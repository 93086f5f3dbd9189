/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli-text.h"

typedef struct
{
  gboolean follow;
  gboolean timestamps;
  int tail;
  char *since;
  char *until;
} LogsOptions;

static gboolean
add_time (GVariantBuilder  *builder,
          const char       *key,
          const char       *text,
          GError          **error)
{
  gint64 time_us;

  if (text == NULL)
    return TRUE;

  if (!cli_time_parse (text, g_get_real_time (), &time_us, error))
    return FALSE;

  g_variant_builder_add (builder, "{sv}", key, g_variant_new_uint64 (MAX (time_us, 0)));
  return TRUE;
}

static GVariant *
make_options (const LogsOptions  *logs,
              GError            **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (!add_time (&builder, "since", logs->since, error) || !add_time (&builder, "until", logs->until, error))
    return NULL;

  if (logs->follow)
    g_variant_builder_add (&builder, "{sv}", "follow", g_variant_new_boolean (TRUE));
  if (logs->tail >= 0)
    g_variant_builder_add (&builder, "{sv}", "tail", g_variant_new_uint32 (logs->tail));

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* Each stream is flushed when output turns to the other, so that they keep their order on a terminal. */
static void
print_line (CpodLogLine *line,
            gboolean     timestamps,
            gboolean    *continued)
{
  const gboolean to_stderr = cpod_log_line_get_stream (line) == CPOD_STREAM_ID_STDERR;
  FILE *stream = to_stderr ? stderr : stdout;
  gsize length;
  const char *text = g_bytes_get_data (cpod_log_line_get_text (line), &length);

  if (to_stderr)
    fflush (stdout);
  if (timestamps && !continued[to_stderr])
    fprintf (stream, "%s ", cpod_log_line_get_timestamp (line));
  fwrite (text, 1, length, stream);
  if (!cpod_log_line_is_partial (line))
    fputc ('\n', stream);

  continued[to_stderr] = cpod_log_line_is_partial (line);
}

static int
print_log (CpodLogReader *reader,
           gboolean       timestamps,
           gboolean       follow)
{
  gboolean continued[2] = { FALSE, FALSE };
  g_autoptr(GError) error = NULL;

  while (TRUE)
    {
      g_autoptr(CpodLogLine) line = cpod_log_reader_read_sync (reader, NULL, &error);

      if (line == NULL)
        break;

      print_line (line, timestamps, continued);
      if (follow)
        fflush (stdout);
      if (ferror (stdout))
        return cli_fail (_("failed to write the output"));
    }

  return error == NULL ? EXIT_SUCCESS : cli_fail_error (error);
}

static int
show_logs (CliApp     *app,
           const char *name,
           gpointer    user_data)
{
  const LogsOptions *logs = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) options = make_options (logs, &error);
  g_autoptr(CpodLogReader) reader = NULL;
  g_autofree char *path = options != NULL ? cli_find_container (app, name, &error) : NULL;

  if (path != NULL)
    reader = cpod_client_open_logs_sync (app->client, path, options, NULL, &error);
  if (reader == NULL)
    return cli_fail_error (error);

  return print_log (reader, logs->timestamps, logs->follow);
}

int
cli_logs (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  LogsOptions logs = { .tail = -1 };
  int status;
  const GOptionEntry entries[] = {
    { "follow", 'f', 0, G_OPTION_ARG_NONE, &logs.follow, N_("Go on until the container ends"), NULL },
    { "since", 0, 0, G_OPTION_ARG_STRING, &logs.since, N_("Show nothing older"), N_("TIME") },
    { "tail", 'n', 0, G_OPTION_ARG_INT, &logs.tail, N_("Show only so many lines from the end"), N_("NUMBER") },
    { "timestamps", 't', 0, G_OPTION_ARG_NONE, &logs.timestamps, N_("Show the time of each line"), NULL },
    { "until", 0, 0, G_OPTION_ARG_STRING, &logs.until, N_("Show nothing younger"), N_("TIME") },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  status = argc == 2 - app->latest ? cli_for_each (app, argv, show_logs, &logs) : cli_fail (_("exactly one container must be given"));
  g_free (logs.since);
  g_free (logs.until);
  return status;
}
