/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A subset of Go's templates: {{.Field.Sub}}, {{json .X}}, {{len .X}},
 * {{index .X "key"|N}}, {{join .X "sep"}}, {{upper .X}}, {{lower .X}},
 * {{if .X}} {{else}} {{end}}, {{range .X}} {{else}} {{end}}. */
typedef struct _CliTemplate CliTemplate;

CliTemplate *cli_template_new    (const char   *text,
                                  GError      **error);
void         cli_template_free   (CliTemplate  *self);
/* Adds what the template makes of VALUE to OUT. */
gboolean     cli_template_render (CliTemplate  *self,
                                  GVariant     *value,
                                  GString      *out,
                                  GError      **error);
/* The fields that stand at the top, for the header of a table. */
char        *cli_template_header (CliTemplate  *self,
                                  const char *(*heading) (const char *field));

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliTemplate, cli_template_free)

/* How a value is written where it is not asked for as JSON. */
void         cli_value_print     (GVariant     *value,
                                  GString      *out);
/* The member KEY of VALUE, unboxed; NULL when there is none. */
GVariant    *cli_value_get       (GVariant     *value,
                                  const char   *key);

G_END_DECLS
