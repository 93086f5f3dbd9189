/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-image-rows.h"

#include <string.h>

#include "cli/cli-text.h"

/* What ListImages() tells of an image. */
typedef struct
{
  const char *id;
  const char *digest;
  guint64 size;
  guint64 created;
  guint32 containers;
  gboolean dangling;
  GVariant *names;              /* (owned) as */
  GVariant *digests;            /* (owned) as */
  GVariant *labels;             /* (owned) a{ss} */
} Fields;

static void
fields_clear (Fields *fields)
{
  g_clear_pointer (&fields->names, g_variant_unref);
  g_clear_pointer (&fields->digests, g_variant_unref);
  g_clear_pointer (&fields->labels, g_variant_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fields, fields_clear)

static GVariant *
lookup (GVariant   *image,
        const char *key,
        const char *type)
{
  GVariant *value = g_variant_lookup_value (image, key, G_VARIANT_TYPE (type));

  return value != NULL ? value : g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE (type + 1), NULL, 0));
}

static Fields
read_fields (GVariant *image)
{
  Fields fields = { "", "" };

  g_variant_lookup (image, "id", "&s", &fields.id);
  g_variant_lookup (image, "digest", "&s", &fields.digest);
  g_variant_lookup (image, "size", "t", &fields.size);
  g_variant_lookup (image, "created", "t", &fields.created);
  g_variant_lookup (image, "containers", "u", &fields.containers);
  g_variant_lookup (image, "dangling", "b", &fields.dangling);
  fields.names = lookup (image, "names", "as");
  fields.digests = lookup (image, "digests", "as");
  fields.labels = lookup (image, "labels", "a{ss}");
  return fields;
}

void
cli_image_split_name (const char  *name,
                      char       **repository,
                      char       **tag)
{
  const char *colon = strrchr (name, ':');

  if (colon == NULL || strchr (colon, '/') != NULL)
    {
      *repository = g_strdup (name);
      *tag = g_strdup ("<none>");
      return;
    }

  *repository = g_strndup (name, colon - name);
  *tag = g_strdup (colon + 1);
}

static void
add (GVariantBuilder *builder,
     const char      *key,
     GVariant        *value)
{
  g_variant_builder_add (builder, "{sv}", key, value);
}

static void
add_string (GVariantBuilder *builder,
            const char      *key,
            const char      *value)
{
  add (builder, key, g_variant_new_string (value));
}

/* What both have. */
static void
add_common (GVariantBuilder *builder,
            const Fields    *fields)
{
  add_string (builder, "Id", fields->id);
  add (builder, "RepoTags", fields->names);
  add (builder, "RepoDigests", fields->digests);
  add (builder, "Names", fields->names);
  add_string (builder, "Digest", fields->digest);
  add (builder, "Labels", fields->labels);
  add (builder, "Containers", g_variant_new_uint32 (fields->containers));
  add (builder, "Dangling", g_variant_new_boolean (fields->dangling));
  add (builder, "ReadOnly", g_variant_new_boolean (FALSE));
}

GVariant *
cli_image_row (GVariant   *image,
               const char *name,
               gboolean    shorten)
{
  g_auto(Fields) fields = read_fields (image);
  g_autofree char *repository = NULL;
  g_autofree char *tag = NULL;
  g_autofree char *id = shorten ? g_strndup (fields.id, CLI_SHORT_ID) : g_strconcat ("sha256:", fields.id, NULL);
  g_autofree char *size = cli_text_size (fields.size);
  g_autofree char *ago = cli_text_ago (fields.created, g_get_real_time ());
  g_autofree char *created_at = cli_text_local (fields.created);
  GVariantBuilder builder;

  cli_image_split_name (name, &repository, &tag);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_common (&builder, &fields);
  add_string (&builder, "Repository", repository);
  add_string (&builder, "Tag", tag);
  add_string (&builder, "ID", id);
  add_string (&builder, "Created", ago);
  add_string (&builder, "CreatedSince", ago);
  add_string (&builder, "CreatedAt", created_at);
  add_string (&builder, "Size", size);
  add_string (&builder, "VirtualSize", size);
  return g_variant_builder_end (&builder);
}

GVariant *
cli_image_json (GVariant *image)
{
  g_auto(Fields) fields = read_fields (image);
  g_autofree char *created_at = cli_text_rfc3339 (fields.created);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_common (&builder, &fields);
  add (&builder, "Size", g_variant_new_uint64 (fields.size));
  add (&builder, "VirtualSize", g_variant_new_uint64 (fields.size));
  add (&builder, "Created", g_variant_new_int64 (fields.created / G_USEC_PER_SEC));
  add_string (&builder, "CreatedAt", created_at);
  return g_variant_builder_end (&builder);
}
