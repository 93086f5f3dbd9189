/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-list.h"

#include <fnmatch.h>
#include <string.h>

#include "common/cpd-json.h"
#include "engine/cpd-engine-private.h"
#include "engine/images/cpd-image-family.h"
#include "oci/cpd-reference.h"

/* A query with its images looked up. */
typedef struct
{
  const CpdImageQuery *query;
  gint64 before;                /* G_MAXINT64 for any */
  gint64 since;                 /* G_MININT64 for any */
} Search;

void
cpd_image_query_clear (CpdImageQuery *query)
{
  g_clear_pointer (&query->references, g_strfreev);
  g_clear_pointer (&query->labels, g_strfreev);
  g_clear_pointer (&query->labels_not, g_strfreev);
  g_clear_pointer (&query->ids, g_strfreev);
  g_clear_pointer (&query->before, g_free);
  g_clear_pointer (&query->since, g_free);
}

static void
listed_image_free (CpdListedImage *image)
{
  g_clear_pointer (&image->row, cpd_image_row_free);
  g_clear_pointer (&image->labels, g_variant_unref);
  g_free (image);
}

static GVariant *
read_labels (const CpdImageRow *row)
{
  g_autoptr(JsonNode) node = cpd_json_parse (row->config, -1, NULL);
  JsonObject *config = node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

  return g_variant_ref_sink (cpd_json_to_strings (cpd_json_get_object (cpd_json_get_object (config, "config"), "Labels")));
}

/* "key", or "key=value". */
static gboolean
has_label (GVariant *labels, const char *wanted)
{
  const char *equals = strchr (wanted, '=');
  g_autofree char *key = equals != NULL ? g_strndup (wanted, (gsize) (equals - wanted)) : g_strdup (wanted);
  const char *value;

  return g_variant_lookup (labels, key, "&s", &value) && (equals == NULL || strcmp (value, equals + 1) == 0);
}

static gboolean
fits_labels (const CpdImageQuery *query, GVariant *labels)
{
  for (char **label = query->labels; label != NULL && *label != NULL; label++)
    if (!has_label (labels, *label))
      return FALSE;
  for (char **label = query->labels_not; label != NULL && *label != NULL; label++)
    if (has_label (labels, *label))
      return FALSE;
  return TRUE;
}

/* With and without what stands before each slash. */
static gboolean
fits_pattern (const char *name, const char *pattern)
{
  for (const char *rest = name; rest != NULL; rest = strchr (rest, '/') != NULL ? strchr (rest, '/') + 1 : NULL)
    if (fnmatch (pattern, rest, FNM_PATHNAME) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
fits_reference (char **names, char **patterns)
{
  for (; *names != NULL; names++)
    {
      g_autofree char *repository = cpd_reference_repository (*names);

      for (char **pattern = patterns; *pattern != NULL; pattern++)
        if (fits_pattern (*names, *pattern) || fits_pattern (repository, *pattern))
          return TRUE;
    }
  return FALSE;
}

static gboolean
fits_id (const CpdImageRow *row, char **prefixes)
{
  for (; *prefixes != NULL; prefixes++)
    {
      const char *prefix = g_str_has_prefix (*prefixes, "sha256:") ? *prefixes + strlen ("sha256:") : *prefixes;

      if (g_str_has_prefix (row->id, prefix))
        return TRUE;
    }
  return FALSE;
}

/* What can be told of the row alone. */
static gboolean
fits_row (const Search *search, const CpdImageRow *row)
{
  const CpdImageQuery *query = search->query;

  return !query->none && row->created < search->before && row->created > search->since
         && (query->until == 0 || row->created < query->until)
         && (query->used == CPD_ANY || (query->used == CPD_YES) == (row->containers > 0))
         && (query->ids == NULL || fits_id (row, query->ids))
         && (query->references == NULL || fits_reference (row->names, query->references)
             || fits_reference (row->digests, query->references));
}

/* Takes ROW. NULL if the image is not wanted. */
static CpdListedImage *
consider (CpdEngine *engine, const Search *search, CpdImageRow *row)
{
  const CpdImageQuery *query = search->query;
  CpdListedImage *image = g_new0 (CpdListedImage, 1);
  gboolean nameless = *row->names == NULL && *row->digests == NULL;

  image->row = row;
  image->labels = read_labels (row);
  image->intermediate = nameless && cpd_image_has_children (engine->store, row, NULL);
  image->dangling = nameless && !image->intermediate;
  if (fits_row (search, row) && fits_labels (query, image->labels)
      && (query->dangling == CPD_ANY || (query->dangling == CPD_YES) == image->dangling)
      && (query->intermediate == CPD_ANY || (query->intermediate == CPD_YES) == image->intermediate))
    return image;
  listed_image_free (image);
  return NULL;
}

/* When the image NAME was made. */
static gboolean
find_time (CpdEngine *engine, const char *name, gint64 *created, GError **error)
{
  g_autoptr(CpdImageRow) row = NULL;

  if (name == NULL)
    return TRUE;
  row = cpd_storage_find_image (engine->storage, name, error);
  if (row != NULL)
    *created = row->created;
  return row != NULL;
}

GPtrArray *
cpd_engine_list_images (CpdEngine *engine, const CpdImageQuery *query, GError **error)
{
  Search search = { query, G_MAXINT64, G_MININT64 };
  g_autoptr(GPtrArray) rows = NULL;
  GPtrArray *images;

  if (!find_time (engine, query->before, &search.before, error)
      || !find_time (engine, query->since, &search.since, error))
    return NULL;
  rows = cpd_store_list_images (engine->store, error);
  if (rows == NULL)
    return NULL;
  images = g_ptr_array_new_with_free_func ((GDestroyNotify) listed_image_free);
  g_ptr_array_set_free_func (rows, NULL);
  for (guint i = 0; i < rows->len; i++)
    {
      CpdListedImage *image = consider (engine, &search, rows->pdata[i]);

      if (image != NULL)
        g_ptr_array_add (images, image);
    }
  return images;
}

GPtrArray *
cpd_engine_image_history (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdImageRow) row = cpd_store_get_image (engine->store, id, error);

  return row != NULL ? cpd_image_list_history (engine->store, row, error) : NULL;
}

static void
listed_layer_free (CpdListedLayer *layer)
{
  g_clear_pointer (&layer->row, cpd_layer_row_free);
  g_strfreev (layer->names);
  g_free (layer);
}

/* Takes ROW. */
static CpdListedLayer *
new_layer (CpdLayerRow *row, GPtrArray *images)
{
  g_autoptr(GStrvBuilder) names = g_strv_builder_new ();
  CpdListedLayer *layer = g_new0 (CpdListedLayer, 1);

  layer->row = row;
  for (guint i = 0; i < images->len; i++)
    {
      const CpdImageRow *image = images->pdata[i];

      if (strcmp (image->top_layer, row->chain_id) != 0)
        continue;
      if (*image->names == NULL)
        g_strv_builder_add (names, image->id);
      g_strv_builder_addv (names, (const char **) image->names);
    }
  layer->names = g_strv_builder_end (names);
  return layer;
}

/* Those of LAYERS that lie upon TOP, and itself; a layer comes after the one below it. */
static GPtrArray *
choose_above (GPtrArray *layers, const char *top)
{
  g_autoptr(GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *chosen = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_layer_row_free);

  g_ptr_array_set_free_func (layers, NULL);
  for (guint i = 0; i < layers->len; i++)
    {
      CpdLayerRow *layer = layers->pdata[i];

      if (strcmp (layer->chain_id, top) != 0 && !g_hash_table_contains (known, layer->parent))
        {
          cpd_layer_row_free (layer);
          continue;
        }
      g_hash_table_add (known, layer->chain_id);
      g_ptr_array_add (chosen, layer);
    }
  return chosen;
}

GPtrArray *
cpd_engine_list_layers (CpdEngine *engine, const char *id, gboolean dependents, GError **error)
{
  g_autoptr(CpdImageRow) image = cpd_store_get_image (engine->store, id, error);
  g_autoptr(GPtrArray) images = image != NULL ? cpd_store_list_images (engine->store, error) : NULL;
  g_autoptr(GPtrArray) layers = NULL, chosen = NULL;
  GPtrArray *listed;

  if (images == NULL)
    return NULL;
  layers = dependents ? cpd_store_list_layers (engine->store, error)
                      : cpd_store_list_image_layers (engine->store, id, error);
  if (layers == NULL)
    return NULL;
  chosen = dependents ? choose_above (layers, image->top_layer) : g_steal_pointer (&layers);
  listed = g_ptr_array_new_with_free_func ((GDestroyNotify) listed_layer_free);
  g_ptr_array_set_free_func (chosen, NULL);
  for (guint i = 0; i < chosen->len; i++)
    g_ptr_array_add (listed, new_layer (chosen->pdata[i], images));
  return listed;
}
