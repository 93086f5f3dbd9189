/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-family.h"

#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-json.h"

/* What a configuration says of how its image was made. */
typedef struct
{
  JsonNode *node;               /* (owned) (nullable) */
  JsonArray *history;           /* (unowned) (nullable) */
  char **diff_ids;              /* (owned) */
} Making;

static void
making_clear (Making *making)
{
  g_clear_pointer (&making->node, json_node_unref);
  g_clear_pointer (&making->diff_ids, g_strfreev);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Making, making_clear)

static Making
read_making (const CpdImageRow *image)
{
  Making making = { .node = cpd_json_parse (image->config, -1, NULL) };
  JsonObject *config = making.node != NULL && JSON_NODE_HOLDS_OBJECT (making.node)
                       ? json_node_get_object (making.node) : NULL;

  making.history = cpd_json_get_array (config, "history");
  making.diff_ids = cpd_json_get_strv (cpd_json_get_object (config, "rootfs"), "diff_ids");
  return making;
}

static guint
count_steps (const Making *making)
{
  return making->history != NULL ? json_array_get_length (making->history) : 0;
}

static JsonObject *
get_step (const Making *making, guint index)
{
  JsonNode *node = json_array_get_element (making->history, index);

  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static gboolean
same_step (JsonObject *a, JsonObject *b)
{
  static const char *const texts[] = { "created", "created_by", "author", "comment" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    if (g_strcmp0 (cpd_json_get_string (a, texts[i]), cpd_json_get_string (b, texts[i])) != 0)
      return FALSE;
  return cpd_json_get_boolean (a, "empty_layer") == cpd_json_get_boolean (b, "empty_layer");
}

static gboolean
is_made_from (const Making *child, const Making *parent)
{
  guint n_steps = count_steps (parent);

  if (n_steps == 0 || n_steps >= count_steps (child))
    return FALSE;
  for (guint i = 0; parent->diff_ids[i] != NULL; i++)
    if (g_strcmp0 (child->diff_ids[i], parent->diff_ids[i]) != 0)
      return FALSE;
  for (guint i = 0; i < n_steps; i++)
    if (!same_step (get_step (child, i), get_step (parent, i)))
      return FALSE;
  return TRUE;
}

CpdImageRow *
cpd_image_find_parent (CpdStore *store, const CpdImageRow *image, GError **error)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_images_under (store, image->id, error);
  g_auto(Making) own = read_making (image);
  guint nearest = 0, most = 0;

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      g_auto(Making) making = read_making (rows->pdata[i]);
      guint n_steps = count_steps (&making);

      if (n_steps > most && is_made_from (&own, &making))
        {
          nearest = i;
          most = n_steps;
        }
    }
  return most > 0 ? g_ptr_array_steal_index (rows, nearest) : NULL;
}

gboolean
cpd_image_has_children (CpdStore *store, const CpdImageRow *image, GHashTable *without)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_images_over (store, image->top_layer, NULL);
  g_auto(Making) own = read_making (image);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const CpdImageRow *row = rows->pdata[i];
      g_auto(Making) making = { NULL };

      if (strcmp (row->id, image->id) == 0 || (without != NULL && g_hash_table_contains (without, row->id)))
        continue;
      making = read_making (row);
      if (is_made_from (&making, &own))
        return TRUE;
    }
  return FALSE;
}

static void
history_entry_free (CpdHistoryEntry *entry)
{
  g_free (entry->id);
  g_strfreev (entry->names);
  g_free (entry->created_by);
  g_free (entry->comment);
  g_free (entry);
}

static void
set_image (CpdHistoryEntry *entry, const CpdImageRow *image)
{
  g_free (entry->id);
  g_strfreev (entry->names);
  entry->id = g_strdup (image->id);
  entry->names = g_strdupv (image->names);
}

static CpdHistoryEntry *
new_entry (JsonObject *step, gint64 size)
{
  CpdHistoryEntry *entry = g_new0 (CpdHistoryEntry, 1);
  const char *created = cpd_json_get_string (step, "created");
  const char *created_by = cpd_json_get_string (step, "created_by");
  const char *comment = cpd_json_get_string (step, "comment");

  entry->id = g_strdup ("");
  entry->names = g_new0 (char *, 1);
  entry->created = created != NULL ? cpd_clock_parse (created) : 0;
  entry->created_by = g_strdup (created_by != NULL ? created_by : "");
  entry->comment = g_strdup (comment != NULL ? comment : "");
  entry->size = size;
  return entry;
}

/* Oldest first. Layers that no step speaks of are steps of their own. */
static GPtrArray *
list_steps (const Making *making, GPtrArray *layers)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) history_entry_free);
  guint next = 0;

  for (guint i = 0; i < count_steps (making); i++)
    {
      JsonObject *step = get_step (making, i);
      gboolean has_layer = !cpd_json_get_boolean (step, "empty_layer") && next < layers->len;

      g_ptr_array_add (entries, new_entry (step, has_layer ? ((const CpdLayerRow *) layers->pdata[next])->size : 0));
      next += has_layer;
    }
  for (; next < layers->len; next++)
    g_ptr_array_add (entries, new_entry (NULL, ((const CpdLayerRow *) layers->pdata[next])->size));
  return entries;
}

/* The images that steps have made which are here. */
static gboolean
name_steps (CpdStore *store, const CpdImageRow *image, const Making *own, GPtrArray *entries, GError **error)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_images_under (store, image->id, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      g_auto(Making) making = read_making (rows->pdata[i]);

      if (is_made_from (own, &making))
        set_image (entries->pdata[count_steps (&making) - 1], rows->pdata[i]);
    }
  if (entries->len > 0)
    set_image (entries->pdata[entries->len - 1], image);
  return rows != NULL;
}

GPtrArray *
cpd_image_list_history (CpdStore *store, const CpdImageRow *image, GError **error)
{
  g_autoptr(GPtrArray) layers = cpd_store_list_image_layers (store, image->id, error);
  g_auto(Making) making = read_making (image);
  g_autoptr(GPtrArray) entries = layers != NULL ? list_steps (&making, layers) : NULL;
  GPtrArray *newest_first;

  if (entries == NULL || !name_steps (store, image, &making, entries, error))
    return NULL;
  newest_first = g_ptr_array_new_with_free_func ((GDestroyNotify) history_entry_free);
  while (entries->len > 0)
    g_ptr_array_add (newest_first, g_ptr_array_steal_index (entries, entries->len - 1));
  return newest_first;
}
