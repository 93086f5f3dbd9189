/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A container's life in C, and what is told of it meanwhile. usage: life IMAGE NAME */

#include <cpod.h>

typedef struct
{
  CpodContainerList *list;
  GString *told;
  gboolean removed;
} Watch;

static void
on_event (CpodClient *client,
          guint64     seq,
          guint64     time,
          const char *type,
          const char *status,
          const char *id,
          const char *name,
          GVariant   *attributes,
          Watch      *watch)
{
  g_string_append_printf (watch->told, "%s ", status);
  watch->removed |= g_str_equal (status, "remove");
}

static void
wait_until_loaded (Watch *watch)
{
  while (!cpod_container_list_get_loaded (watch->list))
    g_main_context_iteration (NULL, TRUE);
}

static gboolean
exec_and_read (CpodClient  *client,
               const char  *path,
               GError     **error)
{
  const char *command[] = { "sh", "-c", "echo out; exit 7", NULL };
  g_autoptr(GOutputStream) output = g_memory_output_stream_new_resizable ();
  g_autoptr(CpodStream) stream = NULL;
  g_autoptr(CpodExec) exec = NULL;
  g_autofree char *session = NULL;
  int code;

  stream = cpod_client_open_exec_sync (client, path, command, NULL, &session, NULL, error);
  if (stream == NULL || !cpod_stream_splice_sync (stream, output, NULL, NULL, error))
    return FALSE;

  g_assert_cmpmem (g_memory_output_stream_get_data (G_MEMORY_OUTPUT_STREAM (output)),
                   g_memory_output_stream_get_data_size (G_MEMORY_OUTPUT_STREAM (output)), "out\n", 4);
  exec = cpod_exec_proxy_new_sync (cpod_client_get_connection (client), G_DBUS_PROXY_FLAGS_NONE,
                                   cpod_client_get_bus_name (client), session, NULL, error);
  if (exec == NULL
      || !cpod_exec_call_wait_sync (exec, g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0), &code, NULL, error))
    return FALSE;

  g_print ("executed: %d\n", code);
  return TRUE;
}

static gboolean
read_log (CpodClient  *client,
          const char  *path,
          GError     **error)
{
  g_autoptr(CpodLogReader) reader = NULL;
  g_autoptr(CpodLogLine) line = NULL;
  GVariantDict follow;
  gsize size;
  const char *bytes;

  g_variant_dict_init (&follow, NULL);
  g_variant_dict_insert (&follow, "follow", "b", TRUE);
  reader = cpod_client_open_logs_sync (client, path, g_variant_dict_end (&follow), NULL, error);
  line = reader != NULL ? cpod_log_reader_read_sync (reader, NULL, error) : NULL;
  if (line == NULL)
    return FALSE;

  bytes = g_bytes_get_data (cpod_log_line_get_text (line), &size);
  g_print ("%.*s\n", (int) size, bytes);
  return TRUE;
}

static gboolean
live (CpodClient  *client,
      Watch       *watch,
      const char  *image,
      const char  *name,
      GError     **error)
{
  const char *command[] = { "sh", "-c", "echo logged; sleep 1000", NULL };
  g_autoptr(CpodContainer) created = NULL;
  CpodContainer *container;
  const char *path;
  GVariantDict options;

  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "name", "s", name);
  g_variant_dict_insert_value (&options, "command", g_variant_new_strv (command, -1));
  created = cpod_client_create_container_sync (client, image, g_variant_dict_end (&options), NULL, error);
  if (created == NULL)
    return FALSE;

  /* From here on with the container of the list, which is another object. */
  while ((container = cpod_container_list_find (watch->list, name, NULL)) == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_print ("created %s\n", cpod_container_get_name (container));
  path = g_dbus_proxy_get_object_path (G_DBUS_PROXY (container));
  if (!cpod_container_call_start_sync (container, g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0), NULL, error)
      || !exec_and_read (client, path, error)
      || !read_log (client, path, error))
    return FALSE;

  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "force", "b", TRUE);
  g_variant_dict_insert (&options, "timeout", "u", 0);
  if (!cpod_container_call_remove_sync (container, g_variant_dict_end (&options), NULL, error))
    return FALSE;

  g_print ("removed %s\n", name);
  return TRUE;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpodClient) client = NULL;
  g_autoptr(CpodContainerList) list = NULL;
  g_autoptr(GString) told = g_string_new (NULL);
  Watch watch = { .told = told };

  client = cpod_client_new_sync (G_BUS_TYPE_SYSTEM, NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (client, "event", G_CALLBACK (on_event), &watch);
  cpod_client_follow_events_sync (client, CPOD_EVENTS_FROM_NOW, NULL, &error);
  g_assert_no_error (error);
  watch.list = list = cpod_container_list_new (client);
  wait_until_loaded (&watch);

  live (client, &watch, argv[1], argv[2], &error);
  g_assert_no_error (error);
  while (!watch.removed || g_list_model_get_n_items (G_LIST_MODEL (list)) > 0)
    g_main_context_iteration (NULL, TRUE);
  g_printerr ("%s\n", told->str);
  return 0;
}
