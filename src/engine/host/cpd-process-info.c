/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host/cpd-process-info.h"

#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"

/* The most groups that there can be take half of it. */
#define MAX_FILE (1 << 20)

/* Fields of /proc/PID/stat, counted from the one after the name, which is the state. */
enum { STAT_STATE, STAT_TERMINAL = 4, STAT_USER_TIME = 11, STAT_SYSTEM_TIME, STAT_NICE = 16, STAT_START = 19, STAT_SIZE,
       STAT_RESIDENT, STAT_N };

/* Major numbers of terminals in the kernel. */
enum { MAJOR_VIRTUAL = 4, MAJOR_CONSOLE = 5, MAJOR_PTY = 136, MAJOR_PTY_END = 144 };
#define MINOR_SERIAL 64
#define MINORS 256

void
cpd_process_info_free (CpdProcessInfo *info)
{
  g_free (info->name);
  g_clear_pointer (&info->groups, g_array_unref);
  g_free (info);
}

static guint64
to_number (const char *text)
{
  return g_ascii_strtoull (text, NULL, 10);
}

static guint64
ticks_to_us (guint64 ticks)
{
  guint64 rate = (guint64) sysconf (_SC_CLK_TCK);

  return ticks / rate * G_USEC_PER_SEC + ticks % rate * G_USEC_PER_SEC / rate;
}

/* The name may hold anything, parentheses and ends of lines too; nothing that follows it can have a ')'. */
static gboolean
parse_stat (CpdProcessInfo *info, const char *text)
{
  const char *begin = strchr (text, '(');
  const char *end = strrchr (text, ')');
  g_auto(GStrv) fields = NULL;

  if (begin == NULL || end == NULL || end < begin || end[1] != ' ')
    return FALSE;
  fields = g_strsplit (end + 2, " ", -1);
  if (g_strv_length (fields) < STAT_N)
    return FALSE;
  info->name = g_strndup (begin + 1, (gsize) (end - begin - 1));
  info->state = fields[STAT_STATE][0];
  info->terminal = (guint) g_ascii_strtoll (fields[STAT_TERMINAL], NULL, 10);
  info->cpu_us = ticks_to_us (to_number (fields[STAT_USER_TIME]) + to_number (fields[STAT_SYSTEM_TIME]));
  info->nice = (int) g_ascii_strtoll (fields[STAT_NICE], NULL, 10);
  info->start_ticks = to_number (fields[STAT_START]);
  info->virtual_size = to_number (fields[STAT_SIZE]);
  info->resident_size = to_number (fields[STAT_RESIDENT]) * (guint64) sysconf (_SC_PAGESIZE);
  return TRUE;
}

/* The values of a line of /proc/PID/status, or NULL. The kernel escapes names there, so no process makes lines. */
static char **
get_values (char **lines, const char *key)
{
  gsize length = strlen (key);

  for (; *lines != NULL; lines++)
    if (strncmp (*lines, key, length) == 0 && (*lines)[length] == ':')
      {
        const char *rest = *lines + length + 1;

        return g_strsplit_set (rest + strspn (rest, " \t"), " \t", -1);
      }
  return NULL;
}

/* The number at INDEX of that line; FALSE when it has fewer. */
static gboolean
get_at (char **lines, const char *key, guint index, guint64 *number)
{
  g_auto(GStrv) values = get_values (lines, key);

  return values != NULL && index < g_strv_length (values)
         && g_ascii_string_to_unsigned (values[index], 10, 0, G_MAXUINT64, number, NULL);
}

static gboolean
get_ids (char **lines, const char *key, guint32 *real, guint32 *effective)
{
  guint64 first, second;

  if (!get_at (lines, key, 0, &first) || !get_at (lines, key, 1, &second))
    return FALSE;
  *real = (guint32) first;
  *effective = (guint32) second;
  return TRUE;
}

static GArray *
get_groups (char **lines)
{
  g_auto(GStrv) values = get_values (lines, "Groups");
  GArray *groups = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (char **value = values; value != NULL && *value != NULL; value++)
    {
      guint32 group = (guint32) to_number (*value);

      if (**value != '\0')
        g_array_append_val (groups, group);
    }
  return groups;
}

static void
get_capabilities (CpdProcessInfo *info, char **lines)
{
  static const char *const keys[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };

  G_STATIC_ASSERT (G_N_ELEMENTS (keys) == CPD_CAPABILITIES_N);
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_auto(GStrv) values = get_values (lines, keys[i]);

      info->capabilities[i] = values != NULL ? g_ascii_strtoull (values[0], NULL, 16) : 0;
    }
}

static gboolean
parse_status (CpdProcessInfo *info, const char *text, guint level)
{
  g_auto(GStrv) lines = g_strsplit (text, "\n", -1);
  guint64 host_pid, parent, pid, group = 0, seccomp = 0;

  if (!get_at (lines, "Pid", 0, &host_pid) || !get_at (lines, "PPid", 0, &parent) || !get_at (lines, "NSpid", level, &pid)
      || !get_ids (lines, "Uid", &info->real_uid, &info->uid) || !get_ids (lines, "Gid", &info->real_gid, &info->gid))
    return FALSE;
  get_at (lines, "NSpgid", level, &group);
  get_at (lines, "Seccomp", 0, &seccomp);
  info->host_pid = (pid_t) host_pid;
  info->host_parent = (pid_t) parent;
  info->pid = (pid_t) pid;
  info->group = (pid_t) group;
  info->seccomp = (guint) seccomp;
  info->groups = get_groups (lines);
  get_capabilities (info, lines);
  return TRUE;
}

CpdProcessInfo *
cpd_process_info_parse (const char *stat, const char *status, guint level)
{
  g_autoptr(CpdProcessInfo) info = g_new0 (CpdProcessInfo, 1);

  return parse_stat (info, stat) && parse_status (info, status, level) ? g_steal_pointer (&info) : NULL;
}

static char *
read_file (const char *proc, pid_t pid, const char *name)
{
  g_autofree char *path = g_strdup_printf ("%s/%d/%s", proc, (int) pid, name);

  return cpd_fs_read_file (path, MAX_FILE, NULL);
}

CpdProcessInfo *
cpd_process_info_read (const char *proc, pid_t pid, guint level)
{
  g_autofree char *stat = read_file (proc, pid, "stat");
  g_autofree char *status = stat != NULL ? read_file (proc, pid, "status") : NULL;

  return status != NULL ? cpd_process_info_parse (stat, status, level) : NULL;
}

int
cpd_process_level (const char *proc, pid_t pid)
{
  g_autofree char *status = read_file (proc, pid, "status");
  g_auto(GStrv) lines = status != NULL ? g_strsplit (status, "\n", -1) : NULL;
  g_auto(GStrv) values = lines != NULL ? get_values (lines, "NSpid") : NULL;

  return values != NULL ? (int) g_strv_length (values) - 1 : -1;
}

char *
cpd_process_terminal (const CpdProcessInfo *info)
{
  guint major = info->terminal >> 8 & 0xfff;
  guint minor = (info->terminal & 0xff) | (info->terminal >> 12 & 0xfff00);

  if (info->terminal == 0)
    return g_strdup ("");
  if (major >= MAJOR_PTY && major < MAJOR_PTY_END)
    return g_strdup_printf ("pts/%u", (major - MAJOR_PTY) * MINORS + minor);
  if (major == MAJOR_VIRTUAL)
    return minor < MINOR_SERIAL ? g_strdup_printf ("tty%u", minor) : g_strdup_printf ("ttyS%u", minor - MINOR_SERIAL);
  if (major == MAJOR_CONSOLE && minor == 1)
    return g_strdup ("console");
  return g_strdup_printf ("%u:%u", major, minor);
}

const char *
cpd_process_seccomp (const CpdProcessInfo *info)
{
  static const char *const modes[] = { "disabled", "strict", "filter" };

  return info->seccomp < G_N_ELEMENTS (modes) ? modes[info->seccomp] : "";
}
