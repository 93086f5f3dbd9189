/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-toml.h"

#include <cstring>

/*
 * Without exceptions the parser returns its errors, so none can cross into C.
 * Only the reading half is needed, and no shared library for it.
 */
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
/* It asserts what a file may well get wrong, a line before it makes an error of it; and without
 * debugging it would tell the compiler that it cannot be otherwise. */
#undef NDEBUG
#define TOML_ASSERT(condition) static_cast<void> (0)
#include <toml++/toml.h>

#include "public/cpod-error.h"

namespace
{

void
free_node (gpointer node)
{
  cpd_toml_free (static_cast<CpdTomlNode *> (node));
}

/* Tables of the parser are sorted by key. */
gint
compare_places (gconstpointer a, gconstpointer b)
{
  auto first = *static_cast<const CpdTomlNode *const *> (a);
  auto second = *static_cast<const CpdTomlNode *const *> (b);

  return first->line < second->line ? -1 : first->line > second->line;
}

bool
has_nul (const char *name, guint line, std::string_view text, GError **error)
{
  if (text.find ('\0') == std::string_view::npos)
    return false;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "%s:%u: a text may not have the character NUL in it", name, line);
  return true;
}

CpdTomlNode *convert (const char *name, std::string_view key, const toml::node &from, GError **error);

bool
add_child (CpdTomlNode *parent, const char *name, std::string_view key, const toml::node &from,
           GError **error)
{
  CpdTomlNode *child = convert (name, key, from, error);

  if (child == nullptr)
    return false;
  g_ptr_array_add (parent->children, child);
  return true;
}

bool
convert_children (CpdTomlNode *node, const char *name, const toml::node &from, GError **error)
{
  node->children = g_ptr_array_new_with_free_func (free_node);
  if (const toml::array *array = from.as_array ())
    {
      node->type = CPD_TOML_ARRAY;
      for (const toml::node &element : *array)
        if (!add_child (node, name, "", element, error))
          return false;
      return true;
    }
  node->type = CPD_TOML_TABLE;
  for (auto &&[key, value] : *from.as_table ())
    if (!add_child (node, name, key.str (), value, error))
      return false;
  g_ptr_array_sort (node->children, compare_places);
  return true;
}

bool
convert_scalar (CpdTomlNode *node, const char *name, const toml::node &from, GError **error)
{
  if (const auto *text = from.as_string ())
    {
      if (has_nul (name, node->line, text->get (), error))
        return false;
      node->type = CPD_TOML_STRING;
      node->value = g_variant_new_string (text->get ().c_str ());
    }
  else if (const auto *integer = from.as_integer ())
    {
      node->type = CPD_TOML_INTEGER;
      node->value = g_variant_new_int64 (integer->get ());
    }
  else if (const auto *number = from.as_floating_point ())
    {
      node->type = CPD_TOML_FLOAT;
      node->value = g_variant_new_double (number->get ());
    }
  else if (const auto *boolean = from.as_boolean ())
    {
      node->type = CPD_TOML_BOOLEAN;
      node->value = g_variant_new_boolean (boolean->get ());
    }
  else
    node->type = CPD_TOML_TIME;
  if (node->value != nullptr)
    g_variant_ref_sink (node->value);
  return true;
}

/* How deep this goes is limited by the parser. */
CpdTomlNode *
convert (const char *name, std::string_view key, const toml::node &from, GError **error)
{
  CpdTomlNode *node = g_new0 (CpdTomlNode, 1);
  bool good;

  node->key = g_strndup (key.data (), key.size ());
  node->line = from.source ().begin.line;
  good = !has_nul (name, node->line, key, error);
  if (good && (from.is_array () || from.is_table ()))
    good = convert_children (node, name, from, error);
  else if (good)
    good = convert_scalar (node, name, from, error);
  if (good)
    return node;
  cpd_toml_free (node);
  return nullptr;
}

} // namespace

extern "C" CpdTomlNode *
cpd_toml_parse (const char *text, gssize length, const char *name, GError **error)
{
  std::string_view view (text, length < 0 ? std::strlen (text) : static_cast<gsize> (length));
  toml::parse_result result = toml::parse (view);

  if (result)
    return convert (name, "", result.table (), error);

  std::string what (result.error ().description ());
  char *shown = g_utf8_make_valid (what.c_str (), -1);

  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "%s:%u: %s", name,
               static_cast<guint> (result.error ().source ().begin.line), shown);
  g_free (shown);
  return nullptr;
}
