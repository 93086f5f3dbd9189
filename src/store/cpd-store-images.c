/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-images.h"

#include <stdlib.h>
#include <string.h>

#include "public/cpod-error.h"
#include "store/cpd-statement.h"

/* Counting the containers takes the longer the more there are, so only lists do it: creating finds an image too. */
#define IMAGE_COLUMNS(containers) \
  "SELECT id, digest, manifest_size, config, top_layer, size, created," \
  " (SELECT group_concat(name, char(10)) FROM image_name WHERE image_id = image.id), " containers \
  " FROM image"
#define COUNT_CONTAINERS "(SELECT count(*) FROM container WHERE image_id = image.id)"

#define LAYER_COLUMNS \
  "SELECT chain_id, parent, diff_id, digest, media_type, blob_size, layer.size, link FROM layer"

void
cpd_image_row_free (CpdImageRow *row)
{
  g_free (row->id);
  g_free (row->digest);
  g_free (row->config);
  g_free (row->top_layer);
  g_strfreev (row->names);
  g_strfreev (row->digests);
  g_free (row);
}

void
cpd_layer_row_free (CpdLayerRow *row)
{
  g_free (row->chain_id);
  g_free (row->parent);
  g_free (row->diff_id);
  g_free (row->digest);
  g_free (row->media_type);
  g_free (row->link);
  g_free (row);
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Splits a list of names into those with a digest and those without. */
static void
read_names (CpdImageRow *row, const char *text)
{
  g_auto(GStrv) all = g_strsplit (text, "\n", -1);      /* "" gives an empty list */
  g_autoptr(GStrvBuilder) names = g_strv_builder_new (), digests = g_strv_builder_new ();

  qsort (all, g_strv_length (all), sizeof (char *), compare_names);
  for (char **name = all; *name != NULL; name++)
    g_strv_builder_add (strchr (*name, '@') != NULL ? digests : names, *name);
  row->names = g_strv_builder_end (names);
  row->digests = g_strv_builder_end (digests);
}

static CpdImageRow *
read_image (CpdStatement *statement)
{
  CpdImageRow *row = g_new0 (CpdImageRow, 1);

  row->id = cpd_statement_text (statement, 0);
  row->digest = cpd_statement_text (statement, 1);
  row->manifest_size = cpd_statement_int (statement, 2);
  row->config = cpd_statement_text (statement, 3);
  row->top_layer = cpd_statement_text (statement, 4);
  row->size = cpd_statement_int (statement, 5);
  row->created = cpd_statement_int (statement, 6);
  read_names (row, cpd_statement_peek_text (statement, 7));
  row->containers = (guint) cpd_statement_int (statement, 8);
  return row;
}

static CpdLayerRow *
read_layer (CpdStatement *statement)
{
  CpdLayerRow *row = g_new0 (CpdLayerRow, 1);

  row->chain_id = cpd_statement_text (statement, 0);
  row->parent = cpd_statement_text (statement, 1);
  row->diff_id = cpd_statement_text (statement, 2);
  row->digest = cpd_statement_text (statement, 3);
  row->media_type = cpd_statement_text (statement, 4);
  row->blob_size = cpd_statement_int (statement, 5);
  row->size = cpd_statement_int (statement, 6);
  row->link = cpd_statement_text (statement, 7);
  return row;
}

/* Runs SQL with one text parameter (none when VALUE is NULL) and reads all its rows. */
static GPtrArray *
read_all (CpdStore *store, const char *sql, const char *value,
          gpointer (*read_row) (CpdStatement *), GDestroyNotify free_row, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func (free_row);
  g_autoptr(CpdStatement) statement = cpd_store_prepare (store, sql, error);

  if (statement == NULL)
    return NULL;
  if (value != NULL)
    cpd_statement_bind (statement, "s", value);
  while (cpd_statement_next (statement, error))
    g_ptr_array_add (rows, read_row (statement));
  return cpd_statement_failed (statement) ? NULL : g_steal_pointer (&rows);
}

static GPtrArray *
read_images (CpdStore *store, const char *sql, const char *value, GError **error)
{
  return read_all (store, sql, value, (gpointer (*) (CpdStatement *)) read_image,
                   (GDestroyNotify) cpd_image_row_free, error);
}

static GPtrArray *
read_layers (CpdStore *store, const char *sql, const char *value, GError **error)
{
  return read_all (store, sql, value, (gpointer (*) (CpdStatement *)) read_layer,
                   (GDestroyNotify) cpd_layer_row_free, error);
}

/* Runs a writing statement with text parameters. */
static gboolean
write_texts (CpdTransaction *tx, const char *sql, const char *first, const char *second,
             GError **error)
{
  g_autoptr(CpdStatement) statement = cpd_transaction_prepare (tx, sql, error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, second != NULL ? "ss" : "s", first, second);
  return cpd_statement_execute (statement, error);
}

static gboolean
add_image_layer (CpdTransaction *tx, const char *id, int position, const char *chain_id,
                 GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT INTO image_layer (image_id, position, chain_id)"
                                 " VALUES (?, ?, ?)", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "sis", id, (gint64) position, chain_id);
  return cpd_statement_execute (statement, error);
}

/* Adds an image; CHAIN_IDS are its layers, lowest first, which must be there. */
gboolean
cpd_store_add_image (CpdTransaction *tx, const CpdImageRow *row, const char *const *chain_ids,
                     GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT INTO image (id, digest, manifest_size, config, top_layer,"
                                 " size, created) VALUES (?, ?, ?, ?, ?, ?, ?)", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ssissii", row->id, row->digest, row->manifest_size, row->config,
                      row->top_layer, row->size, row->created);
  if (!cpd_statement_execute (statement, error))
    return FALSE;
  for (int i = 0; chain_ids[i] != NULL; i++)
    if (!add_image_layer (tx, row->id, i, chain_ids[i], error))
      return FALSE;
  return TRUE;
}

gboolean
cpd_store_has_image (CpdTransaction *tx, const char *id, gboolean *there, GError **error)
{
  return cpd_transaction_finds (tx, "SELECT 1 FROM image WHERE id = ?", id, there, error);
}

/* Who deletes it while it is mounted has looked for that; nothing is to be left of it. */
gboolean
cpd_store_delete_image (CpdTransaction *tx, const char *id, GError **error)
{
  return write_texts (tx, "DELETE FROM image_name WHERE image_id = ?", id, NULL, error)
         && write_texts (tx, "DELETE FROM mount WHERE id = ?", id, NULL, error)
         && write_texts (tx, "DELETE FROM image WHERE id = ?", id, NULL, error);
}

/* The part of NAME before its tag. */
static char *
repository_of (const char *name)
{
  const char *slash = strrchr (name, '/');
  const char *colon = strrchr (slash != NULL ? slash : name, ':');

  return colon != NULL ? g_strndup (name, (gsize) (colon - name)) : g_strdup (name);
}

/*
 * Where an image was found is of no use to it when it has no tag there any
 * more. Only what was fetched by its digest alone never had one, and keeps it.
 */
static gboolean
forget_digests (CpdTransaction *tx, const char *id, const char *name, GError **error)
{
  g_autofree char *repository = repository_of (name);
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "DELETE FROM image_name WHERE image_id = ?1"
                                 " AND substr(name, 1, length(?2) + 1) = ?2 || '@' AND NOT EXISTS"
                                 " (SELECT 1 FROM image_name AS other WHERE other.image_id = ?1"
                                 "  AND substr(other.name, 1, length(?2) + 1) = ?2 || ':')", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ss", id, repository);
  return cpd_statement_execute (statement, error);
}

/* The id of the image that has NAME, "" for none. */
static char *
find_owner (CpdTransaction *tx, const char *name, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "SELECT image_id FROM image_name WHERE name = ?", error);
  g_autoptr(GError) failure = NULL;
  char *owner = NULL;

  if (statement == NULL)
    return NULL;
  cpd_statement_bind (statement, "s", name);
  if (cpd_statement_next (statement, &failure))
    owner = cpd_statement_text (statement, 0);
  else if (failure == NULL)
    owner = g_strdup ("");
  else
    g_propagate_error (error, g_steal_pointer (&failure));
  return owner;
}

/* Gives an image a name, taking it from the image that had it. */
gboolean
cpd_store_tag_image (CpdTransaction *tx, const char *name, const char *id, GError **error)
{
  g_autofree char *owner = find_owner (tx, name, error);

  if (owner == NULL
      || !write_texts (tx, "INSERT INTO image_name (name, image_id) VALUES (?, ?)"
                           " ON CONFLICT (name) DO UPDATE SET image_id = excluded.image_id", name, id, error))
    return FALSE;
  return *owner == '\0' || strcmp (owner, id) == 0 || strchr (name, '@') != NULL
         || forget_digests (tx, owner, name, error);
}

gboolean
cpd_store_untag_image (CpdTransaction *tx, const char *name, GError **error)
{
  g_autofree char *owner = find_owner (tx, name, error);

  if (owner == NULL || !write_texts (tx, "DELETE FROM image_name WHERE name = ?", name, NULL, error))
    return FALSE;
  return *owner == '\0' || strchr (name, '@') != NULL || forget_digests (tx, owner, name, error);
}

CpdImageRow *
cpd_store_get_image (CpdStore *store, const char *id, GError **error)
{
  g_autoptr(GPtrArray) rows = read_images (store, IMAGE_COLUMNS ("0") " WHERE id = ?", id, error);

  if (rows == NULL)
    return NULL;
  if (rows->len == 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE, "no image with id %s", id);
      return NULL;
    }
  return g_ptr_array_steal_index (rows, 0);
}

CpdImageRow *
cpd_store_get_image_by_name (CpdStore *store, const char *name, GError **error)
{
  g_autoptr(GPtrArray) rows =
    read_images (store, IMAGE_COLUMNS ("0") " WHERE id = (SELECT image_id FROM image_name WHERE name = ?)",
                 name, error);

  return rows != NULL && rows->len > 0 ? g_ptr_array_steal_index (rows, 0) : NULL;
}

CpdImageRow *
cpd_store_get_image_by_prefix (CpdStore *store, const char *prefix, GError **error)
{
  g_autoptr(GPtrArray) rows =
    read_images (store, IMAGE_COLUMNS ("0") " WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2", prefix, error);

  if (rows == NULL)
    return NULL;
  if (rows->len == 1)
    return g_ptr_array_steal_index (rows, 0);
  if (rows->len == 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE, "no image with name or id '%s'", prefix);
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_AMBIGUOUS_NAME,
                 "the ids of several images begin with '%s': give more of it", prefix);
  return NULL;
}

/* What a query with one parameter counts. */
static guint
count_rows (CpdStore *store, const char *sql, const char *value)
{
  g_autoptr(CpdStatement) statement = cpd_store_prepare (store, sql, NULL);

  if (statement == NULL)
    return 0;
  cpd_statement_bind (statement, "s", value);
  return cpd_statement_next (statement, NULL) ? (guint) cpd_statement_int (statement, 0) : 0;
}

guint
cpd_store_count_image_users (CpdStore *store, const char *id)
{
  return count_rows (store, "SELECT count(*) FROM container WHERE image_id = ?", id);
}

guint
cpd_store_count_layer_images (CpdStore *store, const char *chain_id)
{
  return count_rows (store, "SELECT count(DISTINCT image_id) FROM image_layer WHERE chain_id = ?", chain_id);
}

/* Newest first. */
GPtrArray *
cpd_store_list_images (CpdStore *store, GError **error)
{
  return read_images (store, IMAGE_COLUMNS (COUNT_CONTAINERS) " ORDER BY created DESC, id", NULL, error);
}

GPtrArray *
cpd_store_list_images_over (CpdStore *store, const char *chain_id, GError **error)
{
  return read_images (store, IMAGE_COLUMNS ("0") " WHERE id IN (SELECT image_id FROM image_layer WHERE chain_id = ?)"
                             " ORDER BY created, id", chain_id, error);
}

GPtrArray *
cpd_store_list_images_under (CpdStore *store, const char *id, GError **error)
{
  return read_images (store, IMAGE_COLUMNS ("0") " WHERE top_layer IN"
                             " (SELECT chain_id FROM image_layer WHERE image_id = ?) ORDER BY created, id", id, error);
}

gboolean
cpd_store_add_layer (CpdTransaction *tx, const CpdLayerRow *row, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT INTO layer (chain_id, parent, diff_id, digest, media_type,"
                                 " blob_size, size, link) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "sssssiis", row->chain_id, row->parent, row->diff_id, row->digest,
                      row->media_type, row->blob_size, row->size, row->link);
  return cpd_statement_execute (statement, error);
}

gboolean
cpd_store_delete_layer (CpdTransaction *tx, const char *chain_id, GError **error)
{
  return write_texts (tx, "DELETE FROM layer WHERE chain_id = ?", chain_id, NULL, error);
}

CpdLayerRow *
cpd_store_get_layer (CpdStore *store, const char *chain_id, GError **error)
{
  g_autoptr(GPtrArray) rows = read_layers (store, LAYER_COLUMNS " WHERE chain_id = ?", chain_id, error);

  return rows != NULL && rows->len > 0 ? g_ptr_array_steal_index (rows, 0) : NULL;
}

GPtrArray *
cpd_store_list_layers (CpdStore *store, GError **error)
{
  return read_layers (store, LAYER_COLUMNS " ORDER BY number", NULL, error);
}

GPtrArray *
cpd_store_list_image_layers (CpdStore *store, const char *image_id, GError **error)
{
  return read_layers (store, LAYER_COLUMNS " JOIN image_layer USING (chain_id)"
                                           " WHERE image_id = ? ORDER BY position", image_id, error);
}

/* A layer is always added after the one below it, so the newest are the topmost. */
GPtrArray *
cpd_store_list_unused_layers (CpdStore *store, GError **error)
{
  return read_layers (store, LAYER_COLUMNS " WHERE chain_id NOT IN (SELECT chain_id FROM image_layer)"
                                           " ORDER BY number DESC", NULL, error);
}
