/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-ps-rows.h"

#include "cli/cli-text.h"

/* Longest command line in the table. */
#define COMMAND_SHORT 20

static const char *
get_string (GVariant   *container,
            const char *key)
{
  const char *value = "";

  g_variant_lookup (container, key, "&s", &value);
  return value;
}

static gint64
get_time (GVariant   *container,
          const char *key)
{
  guint64 value = 0;

  g_variant_lookup (container, key, "t", &value);
  return value;
}

static int
get_exit_code (GVariant *container)
{
  int code = 0;

  g_variant_lookup (container, "exit-code", "i", &code);
  return code;
}

static gboolean
has_ended (const char *state)
{
  return g_str_equal (state, "exited") || g_str_equal (state, "stopped");
}

char *
cli_ps_status (GVariant *container,
               gint64    now_us)
{
  const char *state = get_string (container, "state");
  const gboolean ended = has_ended (state);
  g_autofree char *ago = cli_text_ago (get_time (container, ended ? "finished" : "started"), now_us);

  if (ended)
    return g_strdup_printf ("Exited (%d) %s", get_exit_code (container), ago);
  if (g_str_equal (state, "running"))
    return g_strdup_printf ("Up %s", ago);
  if (g_str_equal (state, "paused"))
    return g_strdup ("Paused");
  if (g_str_equal (state, "stopping"))
    return g_strdup ("Stopping");
  if (g_str_equal (state, "removing"))
    return g_strdup ("Removing");
  if (g_str_equal (state, "storage"))
    return g_strdup ("Storage");

  return g_strdup ("Created");
}

static void
add (GVariantBuilder *builder,
     const char      *key,
     GVariant        *value)
{
  g_variant_builder_add (builder, "{sv}", key, value);
}

static GVariant *
get_value (GVariant   *container,
           const char *key,
           const char *type)
{
  GVariant *value = g_variant_lookup_value (container, key, G_VARIANT_TYPE (type));

  return value != NULL ? value : g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE (type + 1), NULL, 0));
}

static void
add_numbers (GVariantBuilder *builder,
             GVariant        *container)
{
  guint pid = 0;
  gboolean auto_remove = FALSE;

  g_variant_lookup (container, "pid", "u", &pid);
  g_variant_lookup (container, "auto-remove", "b", &auto_remove);
  add (builder, "AutoRemove", g_variant_new_boolean (auto_remove));
  add (builder, "ExitCode", g_variant_new_int32 (get_exit_code (container)));
  add (builder, "Exited", g_variant_new_boolean (has_ended (get_string (container, "state"))));
  add (builder, "ExitedAt", g_variant_new_int64 (get_time (container, "finished") / G_USEC_PER_SEC));
  add (builder, "Pid", g_variant_new_uint32 (pid));
  add (builder, "StartedAt", g_variant_new_int64 (get_time (container, "started") / G_USEC_PER_SEC));
}

/* What it has written, and all its files; empty when nobody has measured it. */
static char *
format_size (GVariant *container)
{
  guint64 rw;
  guint64 root;
  g_autofree char *rw_text = NULL;
  g_autofree char *root_text = NULL;

  if (!g_variant_lookup (container, "size-rw", "t", &rw) || !g_variant_lookup (container, "size-root", "t", &root))
    return g_strdup ("");

  rw_text = cli_text_size (rw);
  root_text = cli_text_size (root);
  return g_strdup_printf ("%s (virtual %s)", rw_text, root_text);
}

static void
add_json_size (GVariantBuilder *builder,
               GVariant        *container)
{
  guint64 rw;
  guint64 root;
  GVariantBuilder size;

  if (!g_variant_lookup (container, "size-rw", "t", &rw) || !g_variant_lookup (container, "size-root", "t", &root))
    return;

  g_variant_builder_init (&size, G_VARIANT_TYPE_VARDICT);
  add (&size, "rootFsSize", g_variant_new_uint64 (root));
  add (&size, "rwSize", g_variant_new_uint64 (rw));
  add (builder, "Size", g_variant_builder_end (&size));
}

GVariant *
cli_ps_json (GVariant *container,
             gint64    now_us)
{
  const char *names[] = { get_string (container, "name"), NULL };
  g_autoptr(GVariant) command = get_value (container, "command", "as");
  g_autoptr(GVariant) labels = get_value (container, "labels", "a{ss}");
  g_autofree char *status = cli_ps_status (container, now_us);
  g_autofree char *ago = cli_text_ago (get_time (container, "created"), now_us);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "Command", command);
  add (&builder, "Created", g_variant_new_int64 (get_time (container, "created") / G_USEC_PER_SEC));
  add (&builder, "CreatedAt", g_variant_new_string (ago));
  add (&builder, "Id", g_variant_new_string (get_string (container, "id")));
  add (&builder, "Image", g_variant_new_string (get_string (container, "image")));
  add (&builder, "ImageID", g_variant_new_string (get_string (container, "image-id")));
  add (&builder, "Labels", labels);
  add (&builder, "Names", g_variant_new_strv (names, -1));
  add (&builder, "Namespace", g_variant_new_string (get_string (container, "namespace")));
  add_numbers (&builder, container);
  add_json_size (&builder, container);
  add (&builder, "State", g_variant_new_string (get_string (container, "state")));
  add (&builder, "Status", g_variant_new_string (status));
  return g_variant_builder_end (&builder);
}

static char *
format_labels (GVariant *container)
{
  g_autoptr(GVariant) labels = get_value (container, "labels", "a{ss}");
  GString *out = g_string_new (NULL);
  GVariantIter iter;
  const char *key;
  const char *value;

  g_variant_iter_init (&iter, labels);
  while (g_variant_iter_next (&iter, "{&s&s}", &key, &value))
    g_string_append_printf (out, "%s%s=%s", out->len > 0 ? "," : "", key, value);

  return g_string_free (out, FALSE);
}

GVariant *
cli_ps_row (GVariant *container,
            gint64    now_us,
            gboolean  truncate)
{
  const char *id = get_string (container, "id");
  g_autoptr(GVariant) strings = get_value (container, "command", "as");
  g_autofree char *whole = cli_text_command (strings);
  g_autofree char *command = truncate ? cli_text_shorten (whole, COMMAND_SHORT) : g_strdup (whole);
  g_autofree char *short_id = g_strndup (id, truncate ? CLI_SHORT_ID : strlen (id));
  g_autofree char *status = cli_ps_status (container, now_us);
  g_autofree char *created = cli_text_ago (get_time (container, "created"), now_us);
  g_autofree char *created_at = cli_text_local (get_time (container, "created"));
  g_autofree char *labels = format_labels (container);
  g_autofree char *size = format_size (container);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "ID", g_variant_new_string (short_id));
  add (&builder, "Id", g_variant_new_string (id));
  add (&builder, "Image", g_variant_new_string (get_string (container, "image")));
  add (&builder, "ImageID", g_variant_new_string (get_string (container, "image-id")));
  add (&builder, "Command", g_variant_new_string (command));
  add (&builder, "Created", g_variant_new_string (created));
  add (&builder, "CreatedHuman", g_variant_new_string (created));
  add (&builder, "RunningFor", g_variant_new_string (created));
  add (&builder, "CreatedAt", g_variant_new_string (created_at));
  add (&builder, "Status", g_variant_new_string (status));
  add (&builder, "State", g_variant_new_string (get_string (container, "state")));
  /* There is no network but the host's yet that ports could be published on. */
  add (&builder, "Ports", g_variant_new_string (""));
  add (&builder, "Names", g_variant_new_string (get_string (container, "name")));
  add (&builder, "Namespace", g_variant_new_string (get_string (container, "namespace")));
  add (&builder, "Labels", g_variant_new_string (labels));
  add (&builder, "Size", g_variant_new_string (size));
  add_numbers (&builder, container);
  return g_variant_builder_end (&builder);
}

GVariant *
cli_ps_external (GVariant *external)
{
  static const char *const command[] = { "storage", NULL };
  const char *image = get_string (external, "image");
  const char *image_id = get_string (external, "image-id");
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "id", g_variant_new_string (get_string (external, "id")));
  add (&builder, "name", g_variant_new_string (get_string (external, "name")));
  add (&builder, "image", g_variant_new_string (image[0] != '\0' ? image : image_id));
  add (&builder, "image-id", g_variant_new_string (image_id));
  add (&builder, "state", g_variant_new_string ("storage"));
  add (&builder, "created", g_variant_new_uint64 (get_time (external, "created")));
  add (&builder, "command", g_variant_new_strv (command, -1));
  return g_variant_builder_end (&builder);
}
