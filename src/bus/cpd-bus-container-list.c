/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-container-list.h"

#include <stddef.h>
#include <string.h>

#include "common/cpd-json.h"

/*
 * What ListContainers() returns: a column for each key instead of a dictionary
 * for each container. GDBus and the bus spend about a microsecond on each
 * value in a variant, and for a thousand containers that is most of the time
 * that a list takes; columns have as many of them as there are keys.
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
  { "namespace", KIND_STRING, offsetof (CpdContainerRow, namespace) },
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

gboolean
cpd_bus_container_list_has_field (const char *field)
{
  for (gsize i = 0; i < N_FIELDS; i++)
    if (strcmp (fields_table[i].name, field) == 0)
      return TRUE;
  return FALSE;
}

#define MEMBER(row, field, type) (*(const type *) ((const char *) (row) + (field)->offset))

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
build_config_column (const Field *field, GPtrArray *rows)
{
  const char *type = field->kind == KIND_COMMAND ? "aas" : "aa{ss}";
  GVariantBuilder column = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE (type));

  for (guint i = 0; i < rows->len; i++)
    g_variant_builder_add_value (&column, build_from_config (field, MEMBER (rows->pdata[i], field, char *)));
  return g_variant_builder_end (&column);
}

static GVariant *
build_string_column (const Field *field, GPtrArray *rows)
{
  g_autofree const char **strings = g_new0 (const char *, rows->len + 1);

  for (guint i = 0; i < rows->len; i++)
    {
      const CpdContainerRow *row = rows->pdata[i];

      strings[i] = field->kind == KIND_STATE ? cpd_container_state_to_string (row->status.state)
                                             : MEMBER (row, field, char *);
      if (strings[i] == NULL)
        strings[i] = "";
    }
  return g_variant_new_strv (strings, rows->len);
}

static GVariant *
build_number_column (const Field *field, GPtrArray *rows)
{
  g_autoptr(GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint i = 0; i < rows->len; i++)
    {
      guint32 number = field->kind == KIND_PID ? (guint32) MEMBER (rows->pdata[i], field, gint64)
                                               : (guint32) MEMBER (rows->pdata[i], field, int);

      g_array_append_val (numbers, number);
    }
  return g_variant_new_fixed_array (field->kind == KIND_PID ? G_VARIANT_TYPE_UINT32 : G_VARIANT_TYPE_INT32,
                                    numbers->data, numbers->len, sizeof (guint32));
}

static GVariant *
build_time_column (const Field *field, GPtrArray *rows)
{
  g_autoptr(GArray) times = g_array_new (FALSE, FALSE, sizeof (guint64));

  for (guint i = 0; i < rows->len; i++)
    {
      guint64 time = (guint64) MAX (MEMBER (rows->pdata[i], field, gint64), 0);

      g_array_append_val (times, time);
    }
  return g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, times->data, times->len, sizeof (guint64));
}

static GVariant *
build_boolean_column (const Field *field, GPtrArray *rows)
{
  g_autoptr(GByteArray) flags = g_byte_array_new ();

  for (guint i = 0; i < rows->len; i++)
    {
      guint8 flag = MEMBER (rows->pdata[i], field, gboolean) != FALSE;

      g_byte_array_append (flags, &flag, 1);
    }
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BOOLEAN, flags->data, flags->len, 1);
}

static GVariant *
build_column (const Field *field, GPtrArray *rows)
{
  switch (field->kind)
    {
    case KIND_PID:
    case KIND_INT:
      return build_number_column (field, rows);
    case KIND_TIME:
      return build_time_column (field, rows);
    case KIND_BOOLEAN:
      return build_boolean_column (field, rows);
    case KIND_COMMAND:
    case KIND_LABELS:
      return build_config_column (field, rows);
    case KIND_STRING:
    case KIND_STATE:
    default:
      return build_string_column (field, rows);
    }
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
  GVariantBuilder columns = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; i < N_FIELDS; i++)
    if (is_wanted (&fields_table[i], fields))
      g_variant_builder_add (&columns, "{sv}", fields_table[i].name, build_column (&fields_table[i], rows));
  return g_variant_builder_end (&columns);
}
