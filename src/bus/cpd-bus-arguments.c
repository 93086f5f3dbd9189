/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gunixfdlist.h>
#include <string.h>

#include "bus/cpd-bus-call.h"
#include "public/cpod-error.h"

/* GDBus has checked the types of the arguments; the string lives as long as the call. */
const char *
cpd_bus_call_get_string (CpdBusCall *call, gsize index)
{
  GVariant *parameters = cpd_bus_call_get_parameters (call);
  const char *text = NULL;

  g_variant_get_child (parameters, index, "&s", &text);
  return text;
}

const char *
cpd_bus_call_get_bytes (CpdBusCall *call, gsize index, GError **error)
{
  GVariant *parameters = cpd_bus_call_get_parameters (call);
  const char *text = NULL;

  g_variant_get_child (parameters, index, "^&ay", &text);
  if (*text != '\0')
    return text;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "argument %" G_GSIZE_FORMAT " is empty, or does not end with a zero", index);
  return NULL;
}

char **
cpd_bus_call_get_strings (CpdBusCall *call, gsize index)
{
  GVariant *parameters = cpd_bus_call_get_parameters (call);
  char **strings = NULL;

  g_variant_get_child (parameters, index, "^as", &strings);
  return strings;
}

gboolean
cpd_bus_call_get_size (CpdBusCall *call, guint32 *rows, guint32 *columns, GError **error)
{
  GVariant *parameters = cpd_bus_call_get_parameters (call);
  g_autoptr(GVariant) size = NULL;

  g_variant_get_child (parameters, 0, "u", rows);
  g_variant_get_child (parameters, 1, "u", columns);
  size = g_variant_ref_sink (g_variant_new ("(uu)", *rows, *columns));
  if (cpd_bus_check_size (size, error))
    return TRUE;
  g_prefix_error_literal (error, "arguments 'rows' and 'columns': ");
  return FALSE;
}

char *
cpd_bus_call_get_argument (CpdBusCall *call, const char *name)
{
  const GDBusMethodInfo *info = cpd_bus_call_get_info (call);
  GVariant *parameters = cpd_bus_call_get_parameters (call);

  for (gsize i = 0; info->in_args != NULL && info->in_args[i] != NULL; i++)
    {
      g_autoptr(GVariant) value = g_variant_get_child_value (parameters, i);

      if (strcmp (info->in_args[i]->name, name) != 0)
        continue;
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        return g_variant_dup_string (value, NULL);
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
        {
          g_autofree const char **words = g_variant_get_strv (value, NULL);

          return g_strjoinv (" ", (char **) words);
        }
    }
  return NULL;
}

guint64
cpd_bus_call_get_uint64 (CpdBusCall *call, gsize index)
{
  GVariant *parameters = cpd_bus_call_get_parameters (call);
  guint64 number = 0;

  g_variant_get_child (parameters, index, "t", &number);
  return number;
}

/* A copy of a descriptor of the message, for the handler to close; WHAT names it in errors. */
static int
take_fd (CpdBusCall *call, gint32 handle, const char *what, GError **error)
{
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (cpd_bus_call_get_message (call));
  g_autoptr(GError) cause = NULL;
  int fd;

  if (fds == NULL || handle < 0 || handle >= g_unix_fd_list_get_length (fds))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "%s names no descriptor of the message", what);
      return -1;
    }
  fd = g_unix_fd_list_get (fds, handle, &cause);
  if (fd < 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED,
                 "failed to take over the descriptor: %s", cause->message);
  return fd;
}

int
cpd_bus_call_get_fd (CpdBusCall *call, gsize index, GError **error)
{
  g_autofree char *what = g_strdup_printf ("argument %" G_GSIZE_FORMAT, index);
  gint32 handle = -1;

  g_variant_get_child (cpd_bus_call_get_parameters (call), index, "h", &handle);
  return take_fd (call, handle, what, error);
}

gboolean
cpd_bus_call_get_fd_option (CpdBusCall *call, const char *key, int *fd, GError **error)
{
  g_autofree char *what = g_strdup_printf ("option '%s'", key);
  gint32 handle;

  *fd = -1;
  if (!g_variant_lookup (cpd_bus_call_get_options (call), key, "h", &handle))
    return TRUE;
  *fd = take_fd (call, handle, what, error);
  return *fd >= 0;
}
