/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli-table.h"
#include "cli/cli-template.h"
#include "cli/cli-text.h"

#define LAST_CAPABILITY "/proc/sys/kernel/cap_last_cap"
#define NOTHING "?"

/* Text of VALUE, which is that of one process. */
typedef char *(*Show) (GVariant *value);

/* podman's, with the headings and the letters that ps has for them as well. */
typedef struct
{
  const char *name;
  const char *code;             /* (nullable) */
  const char *heading;
  const char *field;            /* what the service calls it */
  Show show;
} Descriptor;

/* What runs in the container chooses names and words, and is not to choose what the terminal does. */
static char *
show_text (GVariant *value)
{
  GString *text = g_string_new (NULL);

  for (const char *c = g_variant_get_string (value, NULL); *c != '\0'; c = g_utf8_next_char (c))
    {
      const gunichar character = g_utf8_get_char (c);

      g_string_append_unichar (text, g_unichar_iscntrl (character) ? '?' : character);
    }
  return g_string_free (text, FALSE);
}

static char *
show_text_if_any (GVariant *value)
{
  return *g_variant_get_string (value, NULL) != '\0' ? show_text (value) : g_strdup (NOTHING);
}

static char *
show_number (GVariant *value)
{
  return g_strdup_printf ("%u", g_variant_get_uint32 (value));
}

static char *
show_signed (GVariant *value)
{
  return g_strdup_printf ("%d", g_variant_get_int32 (value));
}

static char *
show_percent (GVariant *value)
{
  return g_strdup_printf ("%.3f", g_variant_get_double (value));
}

static char *
show_kibibytes (GVariant *value)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT, g_variant_get_uint64 (value) / 1024);
}

/* As Go writes a time: "1h2m3.5s", "20ms". */
static char *
show_duration (GVariant *value)
{
  const guint64 us = g_variant_get_uint64 (value);
  const guint64 minutes = us / (60 * G_USEC_PER_SEC);
  char seconds[G_ASCII_DTOSTR_BUF_SIZE];

  if (us == 0)
    return g_strdup ("0s");

  if (us < 1000)
    return g_strdup_printf ("%" G_GUINT64_FORMAT "µs", us);

  if (us < G_USEC_PER_SEC)
    return g_strdup_printf ("%sms", g_ascii_formatd (seconds, sizeof seconds, "%.10g", (double) us / 1000));

  g_ascii_formatd (seconds, sizeof seconds, "%.10g", (double) (us % (60 * G_USEC_PER_SEC)) / G_USEC_PER_SEC);
  if (minutes == 0)
    return g_strdup_printf ("%ss", seconds);

  if (minutes < 60)
    return g_strdup_printf ("%" G_GUINT64_FORMAT "m%ss", minutes, seconds);

  return g_strdup_printf ("%" G_GUINT64_FORMAT "h%" G_GUINT64_FORMAT "m%ss", minutes / 60, minutes % 60, seconds);
}

static char *
show_moment (GVariant *value)
{
  return cli_text_local ((gint64) g_variant_get_uint64 (value));
}

static char *
show_each (GVariant  *value,
           char    *(*show) (GVariant *element))
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr(GVariant) element = g_variant_get_child_value (value, i);
      g_autofree char *word = show (element);

      g_string_append_printf (text, "%s%s", i > 0 ? "," : "", word);
    }
  return g_string_free (text, FALSE);
}

static char *
show_list (GVariant *value)
{
  return show_each (value, show_text);
}

/* How many capabilities this kernel has. */
static gsize
count_capabilities (void)
{
  g_autofree char *last = NULL;

  return g_file_get_contents (LAST_CAPABILITY, &last, NULL, NULL) ? g_ascii_strtoull (last, NULL, 10) + 1 : G_MAXSIZE;
}

static char *
show_capabilities (GVariant *value)
{
  g_autofree const char **names = g_variant_get_strv (value, NULL);
  const gsize n = g_variant_n_children (value);

  if (n == 0 || n >= count_capabilities ())
    return g_strdup (n == 0 ? "none" : "full");

  for (const char **name = names; *name != NULL; name++)
    {
      if (g_str_has_prefix (*name, "CAP_"))
        *name += strlen ("CAP_");
    }
  return g_strjoinv (",", (char **) names);
}

static char *
show_host_user (GVariant *value)
{
  const struct passwd *user = getpwuid (g_variant_get_uint32 (value));

  return user != NULL ? g_strdup (user->pw_name) : show_number (value);
}

static char *
show_host_group (GVariant *value)
{
  const struct group *group = getgrgid (g_variant_get_uint32 (value));

  return group != NULL ? g_strdup (group->gr_name) : show_number (value);
}

static char *
show_host_groups (GVariant *value)
{
  return show_each (value, show_host_group);
}

static const Descriptor descriptors[] = {
  { "args", "%a", "COMMAND", "args", show_text },
  { "capamb", NULL, "AMBIENT CAPS", "capamb", show_capabilities },
  { "capbnd", NULL, "BOUNDING CAPS", "capbnd", show_capabilities },
  { "capeff", NULL, "EFFECTIVE CAPS", "capeff", show_capabilities },
  { "capinh", NULL, "INHERITED CAPS", "capinh", show_capabilities },
  { "capprm", NULL, "PERMITTED CAPS", "capprm", show_capabilities },
  { "comm", "%c", "COMMAND", "comm", show_text },
  { "etime", "%t", "ELAPSED", "etime", show_duration },
  { "group", "%G", "GROUP", "group", show_text },
  { "groups", NULL, "GROUPS", "groups", show_list },
  { "hgroup", NULL, "HGROUP", "gid", show_host_group },
  { "hgroups", NULL, "HGROUPS", "gids", show_host_groups },
  { "hpid", NULL, "HPID", "hpid", show_number },
  { "huid", NULL, "HUID", "uid", show_number },
  { "huser", NULL, "HUSER", "uid", show_host_user },
  { "label", NULL, "LABEL", "label", show_text_if_any },
  { "nice", "%n", "NI", "nice", show_signed },
  { "pcpu", "%C", "%CPU", "pcpu", show_percent },
  { "pgid", "%r", "PGID", "pgid", show_number },
  { "pid", "%p", "PID", "pid", show_number },
  { "ppid", "%P", "PPID", "ppid", show_number },
  { "rgroup", "%g", "RGROUP", "rgroup", show_text },
  { "rss", NULL, "RSS", "rss", show_kibibytes },
  { "ruser", "%u", "RUSER", "ruser", show_text },
  { "seccomp", NULL, "SECCOMP", "seccomp", show_text },
  { "state", NULL, "STATE", "state", show_text },
  { "stime", NULL, "STIME", "stime", show_moment },
  { "time", "%x", "TIME", "time", show_duration },
  { "tty", "%y", "TTY", "tty", show_text_if_any },
  { "uid", NULL, "UID", "uid", show_number },
  { "user", "%U", "USER", "user", show_text },
  { "vsz", "%z", "VSZ", "vsz", show_kibibytes },
};

static const char *const usual[] = { "user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args", NULL };

static const Descriptor *
find_descriptor (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (descriptors); i++)
    {
      if (g_str_equal (descriptors[i].name, name) || g_strcmp0 (descriptors[i].code, name) == 0)
        return &descriptors[i];
    }
  return NULL;
}

/* They stand in words of their own, or with commas between them. */
static gboolean
parse_word (const char  *word,
            GPtrArray   *wanted,
            GError     **error)
{
  g_auto(GStrv) names = g_strsplit (word, ",", -1);

  for (char **name = names; *name != NULL; name++)
    {
      const Descriptor *descriptor = find_descriptor (g_strstrip (*name));

      if (descriptor == NULL)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, _("\"%s\" is no descriptor; the manual tells them"),
                       *name);
          return FALSE;
        }
      g_ptr_array_add (wanted, (gpointer) descriptor);
    }
  return TRUE;
}

static GPtrArray *
parse_descriptors (const char *const  *words,
                   GError            **error)
{
  g_autoptr(GPtrArray) wanted = g_ptr_array_new ();

  for (const char *const *word = *words != NULL ? words : usual; *word != NULL; word++)
    {
      if (!parse_word (*word, wanted, error))
        return NULL;
    }
  return g_steal_pointer (&wanted);
}

static GVariant *
call_top (CliApp      *app,
          const char  *name,
          GPtrArray   *wanted,
          GError     **error)
{
  g_autofree char *path = cli_find_container (app, name, error);
  g_autoptr(GStrvBuilder) fields = g_strv_builder_new ();
  g_autoptr(GVariant) reply = NULL;
  g_auto(GStrv) list = NULL;
  GVariantBuilder options;

  if (path == NULL)
    return NULL;

  g_strv_builder_add (fields, "comm");
  for (guint i = 0; i < wanted->len; i++)
    g_strv_builder_add (fields, ((const Descriptor *) wanted->pdata[i])->field);

  list = g_strv_builder_end (fields);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "fields", g_variant_new_strv ((const char *const *) list, -1));
  reply = cli_call (app, path, CLI_CONTAINER, "Top", g_variant_new ("(a{sv})", &options), error);
  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

/* Who has no command line is shown by its name, as ps does. */
static char *
show_cell (const Descriptor *descriptor,
           GVariant         *columns,
           GVariant         *names,
           gsize             row)
{
  g_autoptr(GVariant) column = cli_value_get (columns, descriptor->field);
  g_autoptr(GVariant) value = g_variant_get_child_value (column, row);
  g_autoptr(GVariant) name = g_variant_get_child_value (names, row);
  g_autofree char *text = descriptor->show (value);
  g_autofree char *shown = NULL;

  if (*text != '\0' || !g_str_equal (descriptor->field, "args"))
    return g_steal_pointer (&text);

  shown = show_text (name);
  return g_strdup_printf ("[%s]", shown);
}

static int
print_table (GVariant  *columns,
             GPtrArray *wanted)
{
  g_autoptr(GVariant) names = cli_value_get (columns, "comm");
  g_autoptr(GString) text = g_string_new (NULL);
  g_autofree char *aligned = NULL;

  for (guint i = 0; i < wanted->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "\t" : "", ((const Descriptor *) wanted->pdata[i])->heading);

  g_string_append_c (text, '\n');
  for (gsize row = 0; row < g_variant_n_children (names); row++)
    {
      for (guint i = 0; i < wanted->len; i++)
        {
          g_autofree char *cell = show_cell (wanted->pdata[i], columns, names, row);

          g_string_append_printf (text, "%s%s", i > 0 ? "\t" : "", cell);
        }
      g_string_append_c (text, '\n');
    }

  aligned = cli_table_align (text->str);
  return fputs (aligned, stdout) >= 0 && fflush (stdout) == 0 ? EXIT_SUCCESS : cli_fail (_("failed to write the output"));
}

/* Who is to be told of to ps. */
static char *
list_pids (GVariant *columns)
{
  g_autoptr(GVariant) pids = cli_value_get (columns, "hpid");

  return show_each (pids, show_number);
}

/* The host's, and as who calls us: it tells nothing that they could not see without us. Its exit code, -1 with ERROR set. */
static int
run_ps (GVariant  *columns,
        char     **ps_options,
        GError   **error)
{
  g_autofree char *pids = list_pids (columns);
  g_autoptr(GPtrArray) words = g_ptr_array_new ();
  g_autoptr(GSubprocess) process = NULL;

  if (*pids == '\0')
    return EXIT_SUCCESS;

  /* Unlike -p this is the only one to select processes, whatever else there is. */
  g_ptr_array_add (words, (gpointer) "ps");
  g_ptr_array_add (words, (gpointer) "-q");
  g_ptr_array_add (words, pids);
  for (char **option = ps_options; *option != NULL; option++)
    g_ptr_array_add (words, *option);

  g_ptr_array_add (words, NULL);
  process = g_subprocess_newv ((const char *const *) words->pdata, G_SUBPROCESS_FLAGS_STDIN_INHERIT, error);
  if (process == NULL || !g_subprocess_wait (process, NULL, error))
    return -1;

  return g_subprocess_get_if_exited (process) ? g_subprocess_get_exit_status (process)
                                              : 128 + g_subprocess_get_term_sig (process);
}

static int
show_by_ps (CliApp      *app,
            const char  *name,
            char       **ps_options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) wanted = g_ptr_array_new ();
  g_autoptr(GVariant) columns = NULL;
  int status = -1;

  g_ptr_array_add (wanted, (gpointer) find_descriptor ("hpid"));
  columns = call_top (app, name, wanted, &error);
  if (columns != NULL)
    status = run_ps (columns, ps_options, &error);
  return error == NULL ? status : cli_fail_error (error);
}

static int
show_by_descriptors (CliApp             *app,
                     const char         *name,
                     const char *const  *words)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) wanted = parse_descriptors (words, &error);
  g_autoptr(GVariant) columns = NULL;

  if (wanted != NULL)
    columns = call_top (app, name, wanted, &error);
  return columns != NULL ? print_table (columns, wanted) : cli_fail_error (error);
}

/* Where the words go on behind the end of the options, if that is next. */
static char **
skip_end_of_options (char **words)
{
  return words + (g_strcmp0 (*words, "--") == 0 ? 1 : 0);
}

int
cli_top (CliApp        *app,
         const CliVerb *verb,
         int            argc,
         char         **argv)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *latest = NULL;
  const char *name;
  char **words;
  int status;
  const GOptionEntry entries[] = {
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, TRUE, &argc, &argv, &status))
    return status;

  words = skip_end_of_options (argv + 1);
  if (!app->latest && *words == NULL)
    return cli_fail (_("a container must be given"));

  if (app->latest && (latest = cli_find_latest (app, &error)) == NULL)
    return cli_fail_error (error);

  name = app->latest ? latest : *words++;
  words = skip_end_of_options (words);
  if (*words != NULL && **words == '-')
    return show_by_ps (app, name, words);

  return show_by_descriptors (app, name, (const char *const *) words);
}
