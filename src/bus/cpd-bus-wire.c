/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-wire.h"

#include <string.h>

/* Where the prefix has what. */
#define AT_BODY_SIZE 4
#define AT_FIELDS_SIZE 12

#define FIELD_SIGNATURE 8
#define FIELD_UNIX_FDS 9

/* No message of D-Bus has more (the specification's limits of a message and of its fields). */
#define MAX_SIZE (128u << 20)
#define MAX_FIELDS (64u << 20)

/* Arrays, structures and variants within each other: 32, 32 and 64 at most. */
#define MAX_DEPTH 128

/* Reads along a message. */
typedef struct
{
  const guint8 *data;           /* (unowned) */
  gsize size;
  gsize at;
  gboolean swapped;             /* of the other byte order */
  guint values;
  guint max;
} Reader;

static gsize
align (gsize at, gsize boundary)
{
  return (at + boundary - 1) & ~(boundary - 1);
}

static guint32
get_u32 (const guint8 *data, gboolean swapped)
{
  guint32 number;

  memcpy (&number, data, sizeof number);
  return swapped ? GUINT32_SWAP_LE_BE (number) : number;
}

static void
put_u32 (guint8 *data, guint32 number, gboolean swapped)
{
  if (swapped)
    number = GUINT32_SWAP_LE_BE (number);
  memcpy (data, &number, sizeof number);
}

static gboolean
is_swapped (const guint8 *prefix)
{
  return prefix[0] != (G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B');
}

gsize
cpd_bus_wire_head_size (const guint8 *prefix)
{
  return align (CPD_BUS_WIRE_PREFIX + (gsize) get_u32 (prefix + AT_FIELDS_SIZE, is_swapped (prefix)), 8);
}

gsize
cpd_bus_wire_size (const guint8 *prefix)
{
  const gboolean swapped = is_swapped (prefix);
  const gsize body = get_u32 (prefix + AT_BODY_SIZE, swapped);
  const gsize fields = get_u32 (prefix + AT_FIELDS_SIZE, swapped);

  if ((prefix[0] != 'l' && prefix[0] != 'B') || fields > MAX_FIELDS || body > MAX_SIZE)
    return 0;
  return cpd_bus_wire_head_size (prefix) + body;
}

/* Goes N bytes on. */
static gboolean
skip (Reader *reader, gsize n)
{
  if (n > reader->size - reader->at)
    return FALSE;
  reader->at += n;
  return TRUE;
}

static gboolean
skip_to (Reader *reader, gsize boundary)
{
  return skip (reader, align (reader->at, boundary) - reader->at);
}

static gboolean
read_u32 (Reader *reader, guint32 *number)
{
  if (!skip_to (reader, 4) || !skip (reader, 4))
    return FALSE;
  *number = get_u32 (reader->data + reader->at - 4, reader->swapped);
  return TRUE;
}

/* What comes as one: its length, that many bytes, and a NUL. */
static gboolean
skip_text (Reader *reader)
{
  guint32 length;

  return read_u32 (reader, &length) && skip (reader, (gsize) length + 1);
}

/* The types in a signature that may be that of no, one or several values. D-Bus has no empty structures, of which an
 * array could have any number. */
static GVariantType *
read_signature (Reader *reader)
{
  g_autofree char *tuple = NULL;
  const gsize from = reader->at + 1;

  if (!skip (reader, 1) || !skip (reader, (gsize) reader->data[from - 1] + 1))
    return NULL;
  tuple = g_strdup_printf ("(%.*s)", (int) reader->data[from - 1], (const char *) reader->data + from);
  if (strstr (tuple + 1, "()") != NULL || !g_variant_type_string_is_valid (tuple))
    return NULL;
  return g_variant_type_new (tuple);
}

static gsize
alignment_of (char type)
{
  switch (type)
    {
    case 'n':
    case 'q':
      return 2;
    case 'b':
    case 'i':
    case 'u':
    case 'h':
    case 's':
    case 'o':
    case 'a':
      return 4;
    case 'x':
    case 't':
    case 'd':
    case '(':
    case '{':
      return 8;
    default:
      return 1;
    }
}

static gboolean count_value (Reader *reader, const GVariantType *type, guint depth);

static gboolean
count_items (Reader *reader, const GVariantType *type, guint depth)
{
  for (const GVariantType *item = g_variant_type_first (type); item != NULL; item = g_variant_type_next (item))
    if (!count_value (reader, item, depth + 1))
      return FALSE;
  return TRUE;
}

/* GDBus makes one value of an array of numbers. */
static gboolean
count_array (Reader *reader, const GVariantType *type, guint depth)
{
  const GVariantType *element = g_variant_type_element (type);
  const char kind = g_variant_type_peek_string (element)[0];
  guint32 length;
  gsize end;

  if (!read_u32 (reader, &length) || !skip_to (reader, alignment_of (kind)) || length > reader->size - reader->at)
    return FALSE;
  end = reader->at + length;
  if (strchr ("ynqiuxtd", kind) != NULL)
    reader->at = end;
  while (reader->at < end)
    if (!count_value (reader, element, depth + 1))
      return FALSE;
  return reader->at == end;
}

static gboolean
count_variant (Reader *reader, guint depth)
{
  g_autoptr(GVariantType) type = read_signature (reader);

  return type != NULL && g_variant_type_n_items (type) == 1 && count_items (reader, type, depth);
}

static gboolean
count_value (Reader *reader, const GVariantType *type, guint depth)
{
  const char kind = g_variant_type_peek_string (type)[0];

  if (depth > MAX_DEPTH || ++reader->values > reader->max || !skip_to (reader, alignment_of (kind)))
    return FALSE;
  switch (kind)
    {
    case 'y':
    case 'n':
    case 'q':
    case 'b':
    case 'i':
    case 'u':
    case 'h':
    case 'x':
    case 't':
    case 'd':
      return skip (reader, alignment_of (kind));
    case 's':
    case 'o':
      return skip_text (reader);
    case 'g':
      return skip (reader, 1) && skip (reader, (gsize) reader->data[reader->at - 1] + 1);
    case 'v':
      return count_variant (reader, depth);
    case 'a':
      return count_array (reader, type, depth);
    case '(':
    case '{':
      return count_items (reader, type, depth);
    default:
      return FALSE;             /* GVariant's alone */
    }
}

/* Over a field of a header: its code is told, and the signature, when it is that. */
static gboolean
read_field (Reader *reader, guint8 *code, GVariantType **signature)
{
  g_autoptr(GVariantType) type = NULL;

  if (!skip_to (reader, 8) || !skip (reader, 1))
    return FALSE;
  *code = reader->data[reader->at - 1];
  type = read_signature (reader);
  if (type == NULL || g_variant_type_n_items (type) != 1)
    return FALSE;
  if (*code == FIELD_SIGNATURE && g_variant_type_peek_string (type)[1] == 'g')
    {
      g_clear_pointer (signature, g_variant_type_free);
      *signature = read_signature (reader);
      return *signature != NULL;
    }
  return count_items (reader, type, 0);
}

/* HEAD_SIZE bytes are there, of which the last ones may pad the fields. */
static Reader
read_head (const guint8 *head, gsize head_size)
{
  const gboolean swapped = is_swapped (head);
  const gsize end = CPD_BUS_WIRE_PREFIX + (gsize) get_u32 (head + AT_FIELDS_SIZE, swapped);

  return (Reader) { .data = head, .size = MIN (end, head_size), .at = CPD_BUS_WIRE_PREFIX,
                    .swapped = swapped, .max = G_MAXUINT };
}

gboolean
cpd_bus_wire_count (const guint8 *message, gsize size, guint max, guint *values)
{
  const gsize head_size = cpd_bus_wire_head_size (message);
  g_autoptr(GVariantType) signature = NULL;
  Reader reader = read_head (message, MIN (head_size, size));
  guint8 code;

  while (reader.at < reader.size)
    if (!read_field (&reader, &code, &signature))
      return FALSE;
  reader = (Reader) { .data = message, .size = size, .at = MIN (head_size, size), .swapped = reader.swapped, .max = max };
  if (signature != NULL && !count_items (&reader, signature, 0))
    return FALSE;
  *values = reader.values;
  return TRUE;
}

static void
pad (GByteArray *bytes)
{
  static const guint8 zeros[8];

  g_byte_array_append (bytes, zeros, align (bytes->len, 8) - bytes->len);
}

/* Fields begin where the number can be divided by eight, so each is the same wherever it stands. */
static gboolean
copy_fields (GByteArray *to, Reader *reader, gboolean cut)
{
  while (reader->at < reader->size)
    {
      g_autoptr(GVariantType) signature = NULL;
      const gsize from = align (reader->at, 8);
      guint8 code;

      if (!read_field (reader, &code, &signature))
        return FALSE;
      if (cut && (code == FIELD_SIGNATURE || code == FIELD_UNIX_FDS))
        continue;
      pad (to);
      g_byte_array_append (to, reader->data + from, reader->at - from);
    }
  return TRUE;
}

GBytes *
cpd_bus_wire_mark (const guint8 *head, gsize head_size, guint8 code, guint32 first, guint32 second)
{
  const gboolean cut = code == CPD_BUS_WIRE_CUT;
  guint8 field[16] = { code, 4, '(', 'u', 'u', ')' };
  g_autoptr(GByteArray) bytes = g_byte_array_sized_new ((guint) (head_size + sizeof field));
  Reader reader = read_head (head, head_size);

  g_byte_array_append (bytes, head, CPD_BUS_WIRE_PREFIX);
  if (!copy_fields (bytes, &reader, cut))
    return NULL;
  pad (bytes);
  put_u32 (field + 8, first, reader.swapped);
  put_u32 (field + 12, second, reader.swapped);
  g_byte_array_append (bytes, field, sizeof field);
  put_u32 (bytes->data + AT_FIELDS_SIZE, bytes->len - CPD_BUS_WIRE_PREFIX, reader.swapped);
  if (cut)
    put_u32 (bytes->data + AT_BODY_SIZE, 0, reader.swapped);
  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}
