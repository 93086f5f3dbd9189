/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-capabilities.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>

#include "oci/cpd-runtime-spec.h"
#include "public/cpod-error.h"

#define ALL "ALL"
#define PREFIX "CAP_"

/* By their numbers in the kernel. */
static const char *const names[] = {
  "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
  "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
  "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
  "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
};

G_STATIC_ASSERT (G_N_ELEMENTS (names) == CAP_CHECKPOINT_RESTORE + 1);

static const int defaults[] = {
  CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_NET_BIND_SERVICE,
  CAP_SETFCAP, CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_CHROOT,
};

#define BIT(number) (G_GUINT64_CONSTANT (1) << (number))

static guint64
default_set (void)
{
  guint64 set = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (defaults); i++)
    set |= BIT (defaults[i]);
  return set;
}

/* What the service itself may hand on. */
static guint64
bounding_set (void)
{
  guint64 set = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (prctl (PR_CAPBSET_READ, i, 0, 0, 0) == 1)
      set |= BIT (i);
  return set;
}

gboolean
cpd_capability_is_default (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (defaults); i++)
    if (strcmp (names[defaults[i]], name) == 0)
      return TRUE;
  return FALSE;
}

char **
cpd_capabilities_of_set (guint64 set)
{
  g_autoptr(GStrvBuilder) found = g_strv_builder_new ();

  for (gsize i = 0; i < 64; i++)
    {
      g_autofree char *number = g_strdup_printf ("%" G_GSIZE_FORMAT, i);

      if ((set & BIT (i)) != 0)
        g_strv_builder_add (found, i < G_N_ELEMENTS (names) ? names[i] : number);
    }
  return g_strv_builder_end (found);
}

/* Makes a set of the names given; HAS_ALL tells that "all" was among them. */
static gboolean
parse_set (const char *const *given, const char *key, guint64 *set, gboolean *has_all, GError **error)
{
  *set = 0;
  *has_all = FALSE;
  for (; given != NULL && *given != NULL; given++)
    {
      g_autofree char *upper = g_ascii_strup (*given, -1);
      const char *name = g_str_has_prefix (upper, PREFIX) ? upper + strlen (PREFIX) : upper;
      gsize i = 0;

      if (strcmp (name, ALL) == 0)
        {
          *has_all = TRUE;
          continue;
        }
      while (i < G_N_ELEMENTS (names) && strcmp (names[i] + strlen (PREFIX), name) != 0)
        i++;
      if (i == G_N_ELEMENTS (names))
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                       "%s: '%s' is no capability", key, *given);
          return FALSE;
        }
      *set |= BIT (i);
    }
  return TRUE;
}

static gboolean
check_conflict (guint64 add, gboolean add_all, guint64 drop, gboolean drop_all, GError **error)
{
  const char *name = ALL;

  if ((add & drop) == 0 && !(add_all && drop_all))
    return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if ((add & drop & BIT (i)) != 0)
      {
        name = names[i];
        break;
      }
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "capability %s is both added and dropped", name);
  return FALSE;
}

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* What a container has to begin with. */
static gboolean
begin_set (const char *const *usual, gboolean privileged, guint64 *set, GError **error)
{
  gboolean all = FALSE;

  *set = privileged ? bounding_set () : default_set ();
  if (privileged || usual == NULL)
    return TRUE;
  if (!parse_set (usual, "default capabilities", set, &all, error))
    return FALSE;
  if (all)
    *set = bounding_set ();
  return TRUE;
}

char **
cpd_capabilities_merge (const char *const *add, const char *const *drop, gboolean privileged, GError **error)
{
  return cpd_capabilities_merge_from (NULL, add, drop, privileged, error);
}

char **
cpd_capabilities_merge_from (const char *const *usual, const char *const *add, const char *const *drop,
                             gboolean privileged, GError **error)
{
  guint64 added, dropped, set;
  g_autoptr(GPtrArray) result = g_ptr_array_new ();
  gboolean add_all, drop_all;

  if (!begin_set (usual, privileged, &set, error)
      || !parse_set (add, "cap-add", &added, &add_all, error)
      || !parse_set (drop, "cap-drop", &dropped, &drop_all, error)
      || !check_conflict (added, add_all, dropped, drop_all, error))
    return NULL;

  if (add_all)
    set = bounding_set ();
  if (drop_all)
    set = 0;
  set = (set | added) & ~dropped;

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if ((set & BIT (i)) != 0)
      g_ptr_array_add (result, g_strdup (names[i]));
  g_ptr_array_sort (result, compare_strings);
  g_ptr_array_add (result, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&result), FALSE);
}
