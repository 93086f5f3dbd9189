/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-clock.h"

#include <string.h>

/* Microseconds since the epoch. */
gint64
cpd_clock_now (void)
{
  return g_get_real_time ();
}

/* RFC 3339 in UTC with microseconds; Go's zero time for 0, as podman writes "never". */
char *
cpd_clock_format (gint64 time_us)
{
  g_autoptr(GDateTime) seconds = NULL;
  g_autofree char *text = NULL;
  gint64 fraction = time_us % G_USEC_PER_SEC;

  if (time_us == 0)
    return g_strdup ("0001-01-01T00:00:00Z");
  if (fraction < 0)             /* before the epoch, where C rounds up */
    fraction += G_USEC_PER_SEC;
  seconds = g_date_time_new_from_unix_utc ((time_us - fraction) / G_USEC_PER_SEC);
  if (seconds == NULL)
    return g_strdup ("0001-01-01T00:00:00Z");
  text = g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");
  return g_strdup_printf ("%s.%06dZ", text, (int) fraction);
}

/* Microseconds since the epoch of an RFC 3339 time, -1 when TEXT is none. */
gint64
cpd_clock_parse (const char *text)
{
  g_autoptr(GDateTime) when = g_date_time_new_from_iso8601 (text, NULL);

  if (when == NULL)
    return -1;
  return g_date_time_to_unix (when) * G_USEC_PER_SEC + g_date_time_get_microsecond (when);
}

/*
 * The kernel's id of this boot. CPOD_BOOT_ID stands in for it, so that tests
 * can show what happens after a reboot.
 */
char *
cpd_clock_boot_id (void)
{
  const char *given = g_getenv ("CPOD_BOOT_ID");
  g_autofree char *text = NULL;

  if (given != NULL && *given != '\0')
    return g_strdup (given);
  if (!g_file_get_contents ("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
    return g_strdup ("unknown");
  return g_strdup (g_strchomp (text));
}
