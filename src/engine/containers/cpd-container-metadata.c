/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-container-metadata.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "common/cpd-names.h"
#include "public/cpod-error.h"

#define FORMAT_VERSION 1
#define MAX_SIZE (16 * 1024 * 1024)

static gboolean
has_scope (const CpdContainerRow *row)
{
  return *cpd_container_row_namespace (row) != '\0' || (row->depends != NULL && *row->depends != NULL);
}

/* What most containers do not have is not in the sum of those, so that older files are as good as new ones. */
static char *
scope_to_text (const CpdContainerRow *row)
{
  g_autofree char *depends = row->depends != NULL ? g_strjoinv (" ", row->depends) : g_strdup ("");

  return has_scope (row) ? g_strdup_printf ("\n%s\n%s", cpd_container_row_namespace (row), depends) : g_strdup ("");
}

/* The members go together: one sum over all of them tells of a flipped bit in any. */
static char *
sum_up (const CpdContainerRow *row)
{
  g_autofree char *scope = scope_to_text (row);
  g_autofree char *text =
    g_strdup_printf ("%s\n%s\n%s\n%s\n%" G_GINT64_FORMAT "\n%u\n%d\n%s%s", row->id, row->name, row->image,
                     row->image_id, row->created, row->owner_uid, row->auto_remove, row->config, scope);

  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
}

static char *
to_json (const CpdContainerRow *row)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *sum = sum_up (row);

  json_object_set_int_member (object, "version", FORMAT_VERSION);
  json_object_set_string_member (object, "id", row->id);
  json_object_set_string_member (object, "name", row->name);
  json_object_set_string_member (object, "image", row->image);
  json_object_set_string_member (object, "image_id", row->image_id);
  json_object_set_int_member (object, "created", row->created);
  json_object_set_int_member (object, "owner", row->owner_uid);
  json_object_set_boolean_member (object, "auto_remove", row->auto_remove);
  json_object_set_string_member (object, "config", row->config);
  if (has_scope (row))
    {
      json_object_set_string_member (object, "namespace", cpd_container_row_namespace (row));
      cpd_json_set_strv (object, "depends", (const char *const *) row->depends);
    }
  json_object_set_string_member (object, "sum", sum);
  return cpd_json_print_object (object);
}

/*
 * Left to the kernel to bring to the disk: a sync would make creating half as
 * slow again, for the case that the power fails within seconds and then the
 * database proves damaged too. After a reboot what did not get there is
 * written again.
 */
static gboolean
write_fresh (const char *path, const char *text, GError **error)
{
  cpd_autofd int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  if (fd >= 0 && cpd_fs_write_all (fd, text, strlen (text), NULL))
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to write %s", path);
  return FALSE;
}

gboolean
cpd_container_metadata_write (const char *directory, const CpdContainerRow *row, gboolean fresh, GError **error)
{
  g_autofree char *path = g_build_filename (directory, CPD_METADATA_FILE, NULL);
  g_autofree char *text = to_json (row);

  return fresh ? write_fresh (path, text, error) : cpd_fs_write_file (path, text, -1, 0600, TRUE, error);
}

static gboolean
is_good (const CpdContainerRow *row, const char *id, const char *sum)
{
  g_autofree char *actual = NULL;

  if (row->id == NULL || row->name == NULL || row->image == NULL || row->image_id == NULL
      || row->config == NULL || sum == NULL || strcmp (row->id, id) != 0)
    return FALSE;
  actual = sum_up (row);
  return strcmp (sum, actual) == 0 && cpd_name_check (row->name, NULL);
}

CpdContainerRow *
cpd_container_metadata_read (const char *directory, const char *id, GError **error)
{
  g_autofree char *path = g_build_filename (directory, CPD_METADATA_FILE, NULL);
  g_autofree char *text = cpd_fs_read_file (path, MAX_SIZE, error);
  g_autoptr(JsonNode) node = NULL;
  g_autoptr(CpdContainerRow) row = g_new0 (CpdContainerRow, 1);
  JsonObject *object;

  if (text == NULL)
    return NULL;
  node = cpd_json_parse (text, -1, NULL);
  object = node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  if (object != NULL)
    {
      row->id = g_strdup (cpd_json_get_string (object, "id"));
      row->name = g_strdup (cpd_json_get_string (object, "name"));
      row->image = g_strdup (cpd_json_get_string (object, "image"));
      row->image_id = g_strdup (cpd_json_get_string (object, "image_id"));
      row->created = cpd_json_get_int (object, "created");
      row->owner_uid = (guint32) cpd_json_get_int (object, "owner");
      row->auto_remove = cpd_json_get_boolean (object, "auto_remove");
      row->config = g_strdup (cpd_json_get_string (object, "config"));
      row->namespace = g_strdup (cpd_json_get_string (object, "namespace"));
      row->depends = cpd_json_get_strv (object, "depends");
      if (is_good (row, id, cpd_json_get_string (object, "sum")))
        return g_steal_pointer (&row);
    }
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s is damaged", path);
  return NULL;
}

gboolean
cpd_container_metadata_is_good (const char *directory, const char *id)
{
  g_autoptr(CpdContainerRow) row = cpd_container_metadata_read (directory, id, NULL);

  return row != NULL;
}
