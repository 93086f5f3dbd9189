/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  CPD_TOML_TABLE,
  CPD_TOML_ARRAY,
  CPD_TOML_STRING,
  CPD_TOML_INTEGER,
  CPD_TOML_FLOAT,
  CPD_TOML_BOOLEAN,
  CPD_TOML_TIME,                /* a date, a time, or both */
} CpdTomlType;

/* A value of a TOML file and where it stands. What a file does not say has no node. */
typedef struct
{
  char *key;                    /* "" for the root and in arrays */
  CpdTomlType type;
  guint line;                   /* from 1 */
  GVariant *value;              /* (nullable): s, x, d or b */
  GPtrArray *children;          /* (nullable): of tables and arrays, in the order of the file */
} CpdTomlNode;

/* The root table of TEXT, LENGTH bytes long (-1 for a string); NAME is that of the file and begins
 * the message of an error: "NAME:LINE: ...". */
CpdTomlNode *cpd_toml_parse     (const char         *text,
                                 gssize              length,
                                 const char         *name,
                                 GError            **error);
void         cpd_toml_free      (CpdTomlNode        *node);
/* The member KEY of a table, or NULL. */
CpdTomlNode *cpd_toml_get       (const CpdTomlNode  *table,
                                 const char         *key);
/* "a string", "an integer": for messages. */
const char  *cpd_toml_type_name (CpdTomlType         type);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdTomlNode, cpd_toml_free)

G_END_DECLS
