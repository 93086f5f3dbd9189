/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-text.h"

#include <glib/gi18n.h>
#include <string.h>

/* Sizes and times as podman and docker write them. They stand in columns
 * that scripts read, so they are not translated. */

char *
cli_text_size (guint64 bytes)
{
  static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
  double number = bytes;
  gsize unit = 0;

  /* What would round up to 1000 goes to the next unit. */
  while (number >= 999.5 && unit + 1 < G_N_ELEMENTS (units))
    {
      number /= 1000;
      unit++;
    }

  return g_strdup_printf ("%.3g %s", number, units[unit]);
}

static char *
count (gint64      number,
       const char *unit)
{
  return g_strdup_printf ("%" G_GINT64_FORMAT " %s", number, unit);
}

char *
cli_text_duration (gint64 seconds)
{
  const gint64 minutes = seconds / 60;
  const gint64 hours = (seconds + 1800) / 3600;

  if (seconds < 1)
    return g_strdup ("Less than a second");
  if (seconds == 1)
    return g_strdup ("1 second");
  if (seconds < 60)
    return count (seconds, "seconds");
  if (minutes == 1)
    return g_strdup ("About a minute");
  if (minutes < 60)
    return count (minutes, "minutes");
  if (hours == 1)
    return g_strdup ("About an hour");
  if (hours < 48)
    return count (hours, "hours");
  if (hours < 24 * 7 * 2)
    return count (hours / 24, "days");
  if (hours < 24 * 30 * 2)
    return count (hours / 24 / 7, "weeks");
  if (hours < 24 * 365 * 2)
    return count (hours / 24 / 30, "months");

  return count (hours / 24 / 365, "years");
}

char *
cli_text_ago (gint64 time_us,
              gint64 now_us)
{
  g_autofree char *duration = cli_text_duration ((now_us - time_us) / G_USEC_PER_SEC);

  return g_strconcat (duration, " ago", NULL);
}

static char *
format_time (GDateTime  *date,
             gint64      time_us,
             const char *before,
             const char *after)
{
  g_autofree char *left = g_date_time_format (date, before);
  g_autofree char *right = g_date_time_format (date, after);

  return g_strdup_printf ("%s.%06d%s", left, (int) (time_us % G_USEC_PER_SEC), right);
}

/* "2026-11-21 22:25:45.263050 +0100 CET". */
char *
cli_text_local (gint64 time_us)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_local (time_us / G_USEC_PER_SEC);

  return format_time (date, time_us, "%Y-%m-%d %H:%M:%S", " %z %Z");
}

char *
cli_text_rfc3339 (gint64 time_us)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_local (time_us / G_USEC_PER_SEC);

  return format_time (date, time_us, "%Y-%m-%dT%H:%M:%S", "%:z");
}

/* "1h30m", "90s", "1.5h": how long ago; FALSE when TEXT is no such thing. */
static gboolean
parse_duration (const char *text,
                gint64     *duration_us)
{
  static const struct { const char *unit; gint64 us; } units[] = {
    { "ms", G_TIME_SPAN_MILLISECOND }, { "s", G_TIME_SPAN_SECOND }, { "m", G_TIME_SPAN_MINUTE },
    { "h", G_TIME_SPAN_HOUR }, { "d", G_TIME_SPAN_DAY },
  };
  const char *p = text;

  *duration_us = 0;
  while (g_ascii_isdigit (*p))
    {
      char *end;
      const double number = g_ascii_strtod (p, &end);
      gsize i;

      for (i = 0; i < G_N_ELEMENTS (units) && !g_str_has_prefix (end, units[i].unit); i++)
        continue;
      if (i == G_N_ELEMENTS (units))
        return FALSE;

      *duration_us += number * units[i].us;
      p = end + strlen (units[i].unit);
    }

  return p != text && *p == '\0';
}

/* Takes an RFC 3339 time, seconds since the epoch, or a duration for "so long ago". */
gboolean
cli_time_parse (const char  *text,
                gint64       now_us,
                gint64      *time_us,
                GError     **error)
{
  g_autoptr(GTimeZone) zone = g_time_zone_new_local ();
  g_autoptr(GDateTime) date = NULL;
  g_autofree char *midnight = NULL;
  gint64 duration;
  double seconds;
  char *end;

  seconds = g_ascii_strtod (text, &end);
  if (end != text && *end == '\0' && seconds >= 0 && seconds < 1e12)
    {
      *time_us = seconds * G_USEC_PER_SEC;
      return TRUE;
    }

  if (parse_duration (text, &duration))
    {
      *time_us = now_us - duration;
      return TRUE;
    }

  date = g_date_time_new_from_iso8601 (text, zone);
  if (date == NULL)
    {
      midnight = g_strconcat (text, "T00:00:00", NULL);
      date = g_date_time_new_from_iso8601 (midnight, zone);
    }

  if (date == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   _("\"%s\" is no time: give RFC 3339, seconds since the epoch, or a duration such as 10m"), text);
      return FALSE;
    }

  *time_us = g_date_time_to_unix (date) * G_USEC_PER_SEC + g_date_time_get_microsecond (date);
  return TRUE;
}

/* At most CHARACTERS of TEXT, the last three as dots when something is cut off. */
char *
cli_text_shorten (const char *text,
                  gsize       characters)
{
  g_autofree char *start = NULL;

  if ((gsize) g_utf8_strlen (text, -1) <= characters)
    return g_strdup (text);

  start = g_utf8_substring (text, 0, characters - 3);
  return g_strconcat (start, "...", NULL);
}

/* A command line (as) as one string; NULL gives "". */
char *
cli_text_command (GVariant *strings)
{
  g_autofree const char **argv = NULL;

  if (strings == NULL || !g_variant_is_of_type (strings, G_VARIANT_TYPE_STRING_ARRAY))
    return g_strdup ("");

  argv = g_variant_get_strv (strings, NULL);
  return g_strjoinv (" ", (char **) argv);
}
