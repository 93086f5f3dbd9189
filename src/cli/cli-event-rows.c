/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-event-rows.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli-json.h"
#include "cli/cli-output.h"
#include "cli/cli-template.h"
#include "cli/cli-text.h"

struct _CliEventPrinter
{
  CliTemplate *template;        /* (nullable) */
  gboolean json;
  gboolean trunc;
};

CliEventPrinter *
cli_event_printer_new (const char  *format,
                       gboolean     trunc,
                       GError     **error)
{
  g_autoptr(CliEventPrinter) self = g_new0 (CliEventPrinter, 1);

  self->json = cli_output_is_json (format);
  self->trunc = trunc;
  if (format == NULL || self->json)
    return g_steal_pointer (&self);

  self->template = cli_template_new (format, error);
  return self->template != NULL ? g_steal_pointer (&self) : NULL;
}

void
cli_event_printer_free (CliEventPrinter *self)
{
  if (self == NULL)
    return;

  cli_template_free (self->template);
  g_free (self);
}

static const char *
get_string (GVariant   *event,
            const char *key)
{
  const char *value = "";

  g_variant_lookup (event, key, "&s", &value);
  return value;
}

static gint64
get_number (GVariant   *event,
            const char *key)
{
  guint64 value = 0;

  g_variant_lookup (event, key, "t", &value);
  return value;
}

/* Labels, as podman shows them among the attributes. */
static void
append_labels (GVariant *event,
               GString  *out)
{
  g_autoptr(GVariant) labels = g_variant_lookup_value (event, "labels", G_VARIANT_TYPE ("a{ss}"));
  GVariantIter iter;
  const char *key;
  const char *value;

  if (labels == NULL)
    return;

  g_variant_iter_init (&iter, labels);
  while (g_variant_iter_next (&iter, "{&s&s}", &key, &value))
    g_string_append_printf (out, "%s%s=%s", out->len > 0 ? ", " : "", key, value);
}

/* "TIME container create ID (image=I, name=N, ...)". */
char *
cli_event_text (GVariant *event,
                gboolean  trunc)
{
  g_autoptr(GVariant) attributes = g_variant_lookup_value (event, "attributes", G_VARIANT_TYPE_VARDICT);
  g_autofree char *time = cli_text_local (get_number (event, "time"));
  g_autoptr(GString) out = g_string_new (NULL);
  g_autoptr(GString) in_brackets = g_string_new (NULL);
  const char *id = get_string (event, "id");
  const char *name = get_string (event, "name");
  const char *image = "";

  if (attributes != NULL && g_variant_lookup (attributes, "image", "&s", &image))
    g_string_append_printf (in_brackets, "image=%s", image);
  if (name[0] != '\0')
    g_string_append_printf (in_brackets, "%sname=%s", in_brackets->len > 0 ? ", " : "", name);

  for (gsize i = 0; attributes != NULL && i < g_variant_n_children (attributes); i++)
    {
      g_autoptr(GVariant) value = NULL;
      const char *key;

      g_variant_get_child (attributes, i, "{&sv}", &key, &value);
      if (g_str_equal (key, "image"))
        continue;

      g_string_append_printf (in_brackets, "%s%s=", in_brackets->len > 0 ? ", " : "", key);
      cli_value_print (value, in_brackets);
    }

  append_labels (event, in_brackets);
  g_string_append_printf (out, "%s %s %s", time, get_string (event, "type"), get_string (event, "status"));
  if (id[0] != '\0')
    g_string_append_printf (out, " %.*s", trunc ? CLI_SHORT_ID : (int) strlen (id), id);
  if (in_brackets->len > 0)
    g_string_append_printf (out, " (%s)", in_brackets->str);

  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
add (GVariantBuilder *builder,
     const char      *key,
     GVariant        *value)
{
  g_variant_builder_add (builder, "{sv}", key, value);
}

/* The event with podman's names for what podman has, for JSON and templates. */
GVariant *
cli_event_row (GVariant *event)
{
  g_autoptr(GVariant) attributes = g_variant_lookup_value (event, "attributes", G_VARIANT_TYPE_VARDICT);
  g_autoptr(GVariant) labels = g_variant_lookup_value (event, "labels", G_VARIANT_TYPE ("a{ss}"));
  g_autofree char *time = cli_text_rfc3339 (get_number (event, "time"));
  const char *image = "";
  guint uid = 0;
  guint pid = 0;
  GVariantBuilder builder;

  g_variant_lookup (event, "uid", "u", &uid);
  g_variant_lookup (event, "pid", "u", &pid);
  if (attributes != NULL)
    g_variant_lookup (attributes, "image", "&s", &image);

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "Seq", g_variant_new_uint64 (get_number (event, "seq")));
  add (&builder, "Time", g_variant_new_string (time));
  add (&builder, "TimeMicro", g_variant_new_int64 (get_number (event, "time")));
  add (&builder, "Type", g_variant_new_string (get_string (event, "type")));
  add (&builder, "Status", g_variant_new_string (get_string (event, "status")));
  add (&builder, "ID", g_variant_new_string (get_string (event, "id")));
  add (&builder, "Name", g_variant_new_string (get_string (event, "name")));
  add (&builder, "Image", g_variant_new_string (image));
  if (attributes != NULL)
    add (&builder, "Attributes", attributes);
  if (labels != NULL)
    add (&builder, "Labels", labels);
  add (&builder, "Uid", g_variant_new_uint32 (uid));
  add (&builder, "Pid", g_variant_new_uint32 (pid));
  add (&builder, "Unit", g_variant_new_string (get_string (event, "unit")));
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

gboolean
cli_event_printer_print (CliEventPrinter  *self,
                         GVariant         *event,
                         GError          **error)
{
  g_autoptr(GVariant) row = NULL;
  g_autoptr(GString) rendered = NULL;
  g_autofree char *text = NULL;

  if (self->template == NULL && !self->json)
    {
      text = cli_event_text (event, self->trunc);
      puts (text);
      return TRUE;
    }

  row = cli_event_row (event);
  if (self->json)
    {
      text = cli_json_print (row, FALSE);
      puts (text);
      return TRUE;
    }

  rendered = g_string_new (NULL);
  if (!cli_template_render (self->template, row, rendered, error))
    return FALSE;

  puts (rendered->str);
  return TRUE;
}
