/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-container-list.h"

#include <stddef.h>
#include <string.h>

#include "common/cpd-json.h"

/*
 * What ListContainers() returns. Lists are long and their rows resemble one
 * another, so an entry that is the same as in the row before is used again:
 * most of the time goes into making values.
 */

typedef enum
{
  KIND_STRING,
  KIND_STATE,
  KIND_PID,
  KIND_INT,
  KIND_TIME,
  KIND_BOOLEAN,
  KIND_COMMAND,                 /* this and the next are read from the config */
  KIND_LABELS,
} Kind;

typedef struct
{
  const char *name;
  Kind kind;
  gsize offset;                 /* of the member in CpdContainerRow */
} Field;

static const Field fields_table[] = {
  { "id", KIND_STRING, offsetof (CpdContainerRow, id) },
  { "name", KIND_STRING, offsetof (CpdContainerRow, name) },
  { "image", KIND_STRING, offsetof (CpdContainerRow, image) },
  { "image-id", KIND_STRING, offsetof (CpdContainerRow, image_id) },
  { "state", KIND_STATE, offsetof (CpdContainerRow, status.state) },
  { "pid", KIND_PID, offsetof (CpdContainerRow, status.pid) },
  { "exit-code", KIND_INT, offsetof (CpdContainerRow, status.exit_code) },
  { "created", KIND_TIME, offsetof (CpdContainerRow, created) },
  { "started", KIND_TIME, offsetof (CpdContainerRow, status.started) },
  { "finished", KIND_TIME, offsetof (CpdContainerRow, status.finished) },
  { "auto-remove", KIND_BOOLEAN, offsetof (CpdContainerRow, auto_remove) },
  { "command", KIND_COMMAND, offsetof (CpdContainerRow, config) },
  { "labels", KIND_LABELS, offsetof (CpdContainerRow, config) },
};

#define N_FIELDS G_N_ELEMENTS (fields_table)

/* A key that is wanted, and its entry in the row before. */
typedef struct
{
  const Field *field;
  GVariant *key;                /* (owned) */
  GVariant *entry;              /* (owned) (nullable) */
} Column;

gboolean
cpd_bus_container_list_has_field (const char *field)
{
  for (gsize i = 0; i < N_FIELDS; i++)
    if (strcmp (fields_table[i].name, field) == 0)
      return TRUE;
  return FALSE;
}

#define MEMBER(row, field, type) (*(const type *) ((const char *) (row) + (field)->offset))

static gboolean
is_same (const Field *field, const CpdContainerRow *a, const CpdContainerRow *b)
{
  switch (field->kind)
    {
    case KIND_STATE:
      return a->status.state == b->status.state;
    case KIND_INT:
    case KIND_BOOLEAN:
      return MEMBER (a, field, int) == MEMBER (b, field, int);
    case KIND_PID:
    case KIND_TIME:
      return MEMBER (a, field, gint64) == MEMBER (b, field, gint64);
    case KIND_STRING:
    case KIND_COMMAND:
    case KIND_LABELS:
    default:
      return g_strcmp0 (MEMBER (a, field, char *), MEMBER (b, field, char *)) == 0;
    }
}

static GVariant *
build_command (JsonObject *config)
{
  g_auto(GStrv) command = cpd_json_get_strv (config, "args");

  return g_variant_new_strv ((const char *const *) command, -1);
}

static GVariant *
build_labels (JsonObject *config)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  JsonObject *labels = cpd_json_get_object (config, "labels");
  g_autoptr(GList) keys = labels != NULL ? json_object_get_members (labels) : NULL;

  for (GList *l = keys; l != NULL; l = l->next)
    {
      const char *value = cpd_json_get_string (labels, l->data);

      g_variant_builder_add (&dict, "{ss}", l->data, value != NULL ? value : "");
    }
  return g_variant_builder_end (&dict);
}

static GVariant *
build_from_config (const Field *field, const char *text)
{
  g_autoptr(JsonNode) node = text != NULL ? cpd_json_parse (text, -1, NULL) : NULL;
  JsonObject *config = NULL;

  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    config = json_node_get_object (node);
  return field->kind == KIND_COMMAND ? build_command (config) : build_labels (config);
}

static GVariant *
build_value (const Field *field, const CpdContainerRow *row)
{
  const char *text;

  switch (field->kind)
    {
    case KIND_STATE:
      return g_variant_new_string (cpd_container_state_to_string (row->status.state));
    case KIND_PID:
      return g_variant_new_uint32 ((guint32) MEMBER (row, field, gint64));
    case KIND_INT:
      return g_variant_new_int32 (MEMBER (row, field, int));
    case KIND_TIME:
      return g_variant_new_uint64 ((guint64) MAX (MEMBER (row, field, gint64), 0));
    case KIND_BOOLEAN:
      return g_variant_new_boolean (MEMBER (row, field, gboolean));
    case KIND_COMMAND:
    case KIND_LABELS:
      return build_from_config (field, MEMBER (row, field, char *));
    case KIND_STRING:
    default:
      text = MEMBER (row, field, char *);
      return g_variant_new_string (text != NULL ? text : "");
    }
}

static GVariant *
build_row (Column *columns, gsize n, const CpdContainerRow *row, const CpdContainerRow *before)
{
  GVariant *entries[N_FIELDS];

  for (gsize i = 0; i < n; i++)
    {
      Column *column = &columns[i];

      if (before == NULL || !is_same (column->field, row, before))
        {
          GVariant *value = g_variant_new_variant (build_value (column->field, row));

          g_clear_pointer (&column->entry, g_variant_unref);
          column->entry = g_variant_ref_sink (g_variant_new_dict_entry (column->key, value));
        }
      entries[i] = column->entry;
    }
  return g_variant_new_array (G_VARIANT_TYPE ("{sv}"), entries, n);
}

static gboolean
is_wanted (const Field *field, const char *const *fields)
{
  if (fields == NULL)
    return field->kind != KIND_COMMAND && field->kind != KIND_LABELS;
  return g_strv_contains (fields, field->name);
}

GVariant *
cpd_bus_container_list (GPtrArray *rows, const char *const *fields)
{
  g_autofree GVariant **list = g_new (GVariant *, rows->len + 1);
  Column columns[N_FIELDS] = { 0 };
  GVariant *result;
  gsize n = 0;

  for (gsize i = 0; i < N_FIELDS; i++)
    if (is_wanted (&fields_table[i], fields))
      {
        columns[n].field = &fields_table[i];
        columns[n++].key = g_variant_ref_sink (g_variant_new_string (fields_table[i].name));
      }
  for (guint i = 0; i < rows->len; i++)
    list[i] = build_row (columns, n, rows->pdata[i], i > 0 ? rows->pdata[i - 1] : NULL);
  result = g_variant_new_array (G_VARIANT_TYPE_VARDICT, list, rows->len);

  for (gsize i = 0; i < n; i++)
    {
      g_variant_unref (columns[i].key);
      g_clear_pointer (&columns[i].entry, g_variant_unref);
    }
  return result;
}
