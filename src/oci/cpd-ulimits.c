/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-ulimits.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cpd-json.h"
#include "public/cpod-error.h"

static const char *const usual_ulimits[] = { "nofile=1048576:1048576", "nproc=32768:32768", NULL };

static const struct
{
  const char *name;
  __rlimit_resource_t resource;
} limit_names[] = {
  { "as", RLIMIT_AS }, { "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU }, { "data", RLIMIT_DATA },
  { "fsize", RLIMIT_FSIZE }, { "locks", RLIMIT_LOCKS }, { "memlock", RLIMIT_MEMLOCK },
  { "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE }, { "nofile", RLIMIT_NOFILE },
  { "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS }, { "rtprio", RLIMIT_RTPRIO },
  { "rttime", RLIMIT_RTTIME }, { "sigpending", RLIMIT_SIGPENDING }, { "stack", RLIMIT_STACK },
};

static gboolean
bad_limit (const char *text, GError **error)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%s' is no limit of resources like nofile=1024:2048", text);
  return FALSE;
}

/* A number or -1, which is no limit; END gets what follows. */
static gboolean
parse_limit_value (const char *text, char **end, rlim_t *value)
{
  gboolean unlimited = g_str_has_prefix (text, "-1");

  if (!unlimited && !g_ascii_isdigit (*text))
    return FALSE;
  *value = (rlim_t) g_ascii_strtoull (unlimited ? text + 1 : text, end, 10);
  if (unlimited)
    *value = RLIM_INFINITY;
  return TRUE;
}

/* "NAME=SOFT[:HARD]"; -1 is no limit. */
static gboolean
parse_limit (const char *text, gsize *index, rlim_t *soft, rlim_t *hard)
{
  const char *equals = strchr (text, '=');
  char *end = NULL;
  gsize i = 0;

  if (equals == NULL)
    return FALSE;
  while (i < G_N_ELEMENTS (limit_names)
         && (strlen (limit_names[i].name) != (gsize) (equals - text)
             || g_ascii_strncasecmp (limit_names[i].name, text, (gsize) (equals - text)) != 0))
    i++;
  *index = i;
  if (i == G_N_ELEMENTS (limit_names) || !parse_limit_value (equals + 1, &end, soft))
    return FALSE;
  *hard = *soft;
  if (*end == ':' && !parse_limit_value (end + 1, &end, hard))
    return FALSE;
  return *end == '\0' && *soft <= *hard;
}

/* Whether limits above the service's own hard ones can be given. */
static gboolean
may_raise (void)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[2] = { 0 };

  return syscall (SYS_capget, &header, data) == 0
         && (data[CAP_TO_INDEX (CAP_SYS_RESOURCE)].effective & CAP_TO_MASK (CAP_SYS_RESOURCE)) != 0;
}

gboolean
cpd_ulimit_check (const char *text, GError **error)
{
  struct rlimit own;
  rlim_t soft, hard;
  gsize i;

  if (!parse_limit (text, &i, &soft, &hard))
    return bad_limit (text, error);
  if (getrlimit (limit_names[i].resource, &own) < 0 || hard <= own.rlim_max || may_raise ())
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%s' is above the hard limit of the service itself, %" G_GUINT64_FORMAT
               ", which it may not raise", text, (guint64) own.rlim_max);
  return FALSE;
}

/* One of the same resource gives way. */
static void
add_limit (JsonArray *limits, gsize index, rlim_t soft, rlim_t hard)
{
  g_autofree char *upper = g_ascii_strup (limit_names[index].name, -1);
  g_autofree char *type = g_strconcat ("RLIMIT_", upper, NULL);
  JsonObject *limit = json_object_new ();

  for (guint i = 0; i < json_array_get_length (limits); i++)
    if (strcmp (cpd_json_get_string (json_array_get_object_element (limits, i), "type"), type) == 0)
      {
        json_array_remove_element (limits, i);
        break;
      }
  json_object_set_string_member (limit, "type", type);
  json_object_set_int_member (limit, "hard", (gint64) hard);
  json_object_set_int_member (limit, "soft", (gint64) soft);
  json_array_add_object_element (limits, limit);
}

/* No more than the service itself may have. */
static gboolean
add_usual (JsonArray *limits, const char *text, GError **error)
{
  struct rlimit own;
  rlim_t soft, hard;
  gsize i;

  if (!parse_limit (text, &i, &soft, &hard))
    return bad_limit (text, error);
  if (getrlimit (limit_names[i].resource, &own) < 0)
    return TRUE;
  hard = MIN (hard, own.rlim_max);      /* RLIM_INFINITY is the greatest of numbers */
  add_limit (limits, i, MIN (soft, hard), hard);
  return TRUE;
}

static gboolean
add_asked (JsonArray *limits, const char *text, GError **error)
{
  rlim_t soft, hard;
  gsize i;

  if (!cpd_ulimit_check (text, error) || !parse_limit (text, &i, &soft, &hard))
    return FALSE;
  add_limit (limits, i, soft, hard);
  return TRUE;
}

JsonArray *
cpd_ulimits_to_array (const char *const *usual, const char *const *asked, GError **error)
{
  g_autoptr(JsonArray) limits = json_array_new ();

  for (const char *const *limit = usual != NULL ? usual : usual_ulimits; *limit != NULL; limit++)
    if (!add_usual (limits, *limit, error))
      return NULL;
  for (const char *const *limit = asked; limit != NULL && *limit != NULL; limit++)
    if (!add_asked (limits, *limit, error))
      return NULL;
  return g_steal_pointer (&limits);
}
