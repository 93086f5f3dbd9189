/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-toml.h"

#include <string.h>

void
cpd_toml_free (CpdTomlNode *node)
{
  g_free (node->key);
  g_clear_pointer (&node->value, g_variant_unref);
  g_clear_pointer (&node->children, g_ptr_array_unref);
  g_free (node);
}

CpdTomlNode *
cpd_toml_get (const CpdTomlNode *table, const char *key)
{
  for (guint i = 0; table->children != NULL && i < table->children->len; i++)
    {
      CpdTomlNode *child = table->children->pdata[i];

      if (strcmp (child->key, key) == 0)
        return child;
    }
  return NULL;
}

const char *
cpd_toml_type_name (CpdTomlType type)
{
  static const char *const names[] = {
    [CPD_TOML_TABLE] = "a table",
    [CPD_TOML_ARRAY] = "a list",
    [CPD_TOML_STRING] = "a string",
    [CPD_TOML_INTEGER] = "an integer",
    [CPD_TOML_FLOAT] = "a floating-point number",
    [CPD_TOML_BOOLEAN] = "a boolean",
    [CPD_TOML_TIME] = "a date or time",
  };

  return names[type];
}
