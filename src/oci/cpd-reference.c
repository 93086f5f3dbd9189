/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-reference.h"

#include <string.h>

#include "common/cpd-names.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"

#define NAME_MAX_LENGTH 255
#define TAG_MAX_LENGTH 128

/* The parts of a reference as it was written. */
typedef struct
{
  char *domain;                 /* (nullable) */
  char *path;
  char *tag;                    /* (nullable) */
  char *digest;                 /* (nullable) */
} Parts;

static void
parts_clear (Parts *parts)
{
  g_clear_pointer (&parts->domain, g_free);
  g_clear_pointer (&parts->path, g_free);
  g_clear_pointer (&parts->tag, g_free);
  g_clear_pointer (&parts->digest, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parts, parts_clear)

static gboolean
fail (const char *name, const char *why, GError **error)
{
  g_autofree char *shown = g_utf8_make_valid (name, (gssize) strnlen (name, 300));

  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%s' is no valid image name: %s", shown, why);
  return FALSE;
}

static gboolean
is_lower_alnum (char c)
{
  return g_ascii_islower (c) || g_ascii_isdigit (c);
}

/* Length of the separator that TEXT begins with: one of "." "_" "__" or dashes; 0 for none. */
static gsize
separator_length (const char *text)
{
  if (*text == '-')
    return strspn (text, "-");
  if (strncmp (text, "__", 2) == 0)
    return 2;
  return *text == '.' || *text == '_' ? 1 : 0;
}

/* Lower-case letters and digits, with single separators between them. */
static gboolean
component_is_valid (const char *text)
{
  if (!is_lower_alnum (*text))
    return FALSE;
  while (*text != '\0')
    {
      if (is_lower_alnum (*text))
        {
          text++;
          continue;
        }
      text += separator_length (text);
      if (!is_lower_alnum (*text))
        return FALSE;
    }
  return TRUE;
}

static gboolean
path_is_valid (const char *path)
{
  g_auto(GStrv) components = g_strsplit (path, "/", -1);

  if (components[0] == NULL)
    return FALSE;
  for (char **component = components; *component != NULL; component++)
    if (!component_is_valid (*component))
      return FALSE;
  return TRUE;
}

static gboolean
label_is_valid (const char *label)
{
  gsize length = strlen (label);

  if (length == 0 || label[0] == '-' || label[length - 1] == '-')
    return FALSE;
  for (; *label != '\0'; label++)
    if (!g_ascii_isalnum (*label) && *label != '-')
      return FALSE;
  return TRUE;
}

/* A host name or address with an optional port. */
static gboolean
domain_is_valid (const char *domain)
{
  const char *end = strchr (domain, ']');
  const char *colon = strrchr (end != NULL ? end : domain, ':');
  g_autofree char *host = NULL;
  g_auto(GStrv) labels = NULL;

  host = colon != NULL ? g_strndup (domain, (gsize) (colon - domain)) : g_strdup (domain);
  if (colon != NULL && (colon[1] == '\0' || strspn (colon + 1, "0123456789") != strlen (colon + 1)))
    return FALSE;
  if (*host == '[')
    {
      gsize inside = strspn (host + 1, "0123456789abcdefABCDEF:");

      return inside > 0 && strcmp (host + 1 + inside, "]") == 0;
    }
  labels = g_strsplit (host, ".", -1);
  for (char **label = labels; *label != NULL; label++)
    if (!label_is_valid (*label))
      return FALSE;
  return labels[0] != NULL;
}

static gboolean
tag_is_valid (const char *tag)
{
  gsize length = strlen (tag);

  if (length == 0 || length > TAG_MAX_LENGTH || !(g_ascii_isalnum (*tag) || *tag == '_'))
    return FALSE;
  for (; *tag != '\0'; tag++)
    if (!g_ascii_isalnum (*tag) && strchr ("_.-", *tag) == NULL)
      return FALSE;
  return TRUE;
}

/* Whether what stands before the first slash is a registry and no part of the path. */
static gboolean
looks_like_domain (const char *text)
{
  return strpbrk (text, ".:") != NULL || strcmp (text, "localhost") == 0;
}

static void
split (const char *name, Parts *parts)
{
  const char *at = strchr (name, '@');
  g_autofree char *rest = at != NULL ? g_strndup (name, (gsize) (at - name)) : g_strdup (name);
  char *slash, *colon;

  parts->digest = at != NULL ? g_strdup (at + 1) : NULL;
  slash = strrchr (rest, '/');
  colon = strrchr (slash != NULL ? slash : rest, ':');
  if (colon != NULL)
    {
      parts->tag = g_strdup (colon + 1);
      *colon = '\0';
    }
  slash = strchr (rest, '/');
  if (slash != NULL)
    {
      *slash = '\0';
      if (looks_like_domain (rest))
        {
          parts->domain = g_strdup (rest);
          parts->path = g_strdup (slash + 1);
          return;
        }
      *slash = '/';
    }
  parts->path = g_steal_pointer (&rest);
}

/* Where the images of the hub are that nobody has put into a folder. */
static const char *
hub_folder (const Parts *parts, const char *domain)
{
  return strcmp (domain, "docker.io") == 0 && strchr (parts->path, '/') == NULL ? "library/" : "";
}

/* The full name counts. */
static gboolean
is_too_long (const Parts *parts, const char *domain)
{
  return strlen (domain) + 1 + strlen (hub_folder (parts, domain)) + strlen (parts->path) > NAME_MAX_LENGTH;
}

static gboolean
parse (const char *name, Parts *parts, GError **error)
{
  if (*name == '\0')
    return fail (name, "it is empty", error);
  if (strlen (name) > NAME_MAX_LENGTH + TAG_MAX_LENGTH + 80)
    return fail (name, "it is too long", error);
  if (cpd_id_is_valid (name))
    return fail (name, "64 hexadecimal digits are an id", error);

  split (name, parts);
  if (strcspn (parts->path, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen (parts->path))
    return fail (name, "the repository must be in lower case", error);
  if (parts->domain != NULL && !domain_is_valid (parts->domain))
    return fail (name, "the registry is no host name with an optional port", error);
  if (!path_is_valid (parts->path))
    return fail (name, "the repository must consist of letters and digits with '.', '_', '-' and '/' between them", error);
  if (is_too_long (parts, parts->domain != NULL ? parts->domain : "localhost"))
    return fail (name, "it is too long", error);
  if (parts->tag != NULL && !tag_is_valid (parts->tag))
    return fail (name, "the tag must match [a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}", error);
  if (parts->digest != NULL && !cpd_digest_check (parts->digest, NULL))
    return fail (name, "what follows '@' is no digest", error);
  return TRUE;
}

/* The full form in DOMAIN. A name with a digest needs no tag. */
static char *
format (const Parts *parts, const char *domain)
{
  const char *tag = parts->tag;
  GString *text = g_string_new (domain);

  if (tag == NULL && parts->digest == NULL)
    tag = "latest";
  g_string_append_printf (text, "/%s%s", hub_folder (parts, domain), parts->path);
  if (tag != NULL)
    g_string_append_printf (text, ":%s", tag);
  if (parts->digest != NULL)
    g_string_append_printf (text, "@%s", parts->digest);
  return g_string_free (text, FALSE);
}

char *
cpd_reference_normalize (const char *name, GError **error)
{
  g_auto(Parts) parts = { NULL };

  if (!parse (name, &parts, error))
    return NULL;
  return format (&parts, parts.domain != NULL ? parts.domain : "localhost");
}

char **
cpd_reference_candidates (const char *name, GError **error)
{
  g_autoptr(GStrvBuilder) names = g_strv_builder_new ();
  g_auto(Parts) parts = { NULL };
  const char *const domains[] = { "localhost", "docker.io" };

  if (!parse (name, &parts, error))
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (domains); i++)
    {
      const char *domain = parts.domain != NULL ? parts.domain : domains[i];
      g_autofree char *full = format (&parts, domain);

      if (!is_too_long (&parts, domain))
        g_strv_builder_add (names, full);
      if (parts.domain != NULL) /* a full name stands for itself only */
        break;
    }
  return g_strv_builder_end (names);
}

gboolean
cpd_reference_is_short (const char *name)
{
  g_auto(Parts) parts = { NULL };

  return parse (name, &parts, NULL) && parts.domain == NULL;
}

char *
cpd_reference_repository (const char *full_name)
{
  const char *at = strchr (full_name, '@');
  char *repository = at != NULL ? g_strndup (full_name, (gsize) (at - full_name)) : g_strdup (full_name);
  char *slash = strrchr (repository, '/');
  char *colon = strrchr (slash != NULL ? slash : repository, ':');

  if (colon != NULL)
    *colon = '\0';
  return repository;
}

char *
cpd_reference_pullable (const char *full_name)
{
  const char *at = strchr (full_name, '@');
  g_autofree char *repository = cpd_reference_repository (full_name);

  return at != NULL ? g_strconcat (repository, at, NULL) : g_strdup (full_name);
}
