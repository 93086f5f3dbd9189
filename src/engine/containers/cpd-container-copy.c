/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-container-copy.h"

#include <errno.h>
#include <string.h>

#include "common/cpd-fs.h"
#include "engine/containers/cpd-container-root.h"
#include "engine/cpd-engine-private.h"
#include "oci/cpd-in-root-path.h"
#include "oci/cpd-layer.h"
#include "oci/cpd-runtime-spec.h"
#include "oci/cpd-tar-writer.h"
#include "public/cpod-error.h"

/* A root that is in use. */
typedef struct
{
  CpdEngine *engine;            /* (unowned) (nullable): NULL when there is none to give back */
  const char *id;               /* (unowned) */
  int fd;                       /* (owned) */
} Root;

static void
root_clear (Root *root)
{
  if (root->engine == NULL)
    return;
  cpd_close_fd (&root->fd);
  cpd_engine_return_root (root->engine, root->id);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Root, root_clear)

static gboolean
open_root (Root *root, CpdEngine *engine, const char *id, const char *operation, GError **error)
{
  root->id = id;
  root->fd = cpd_engine_borrow_root (engine, id, TRUE, operation, error);
  root->engine = root->fd >= 0 ? engine : NULL;
  return root->fd >= 0;
}

static gboolean
find (const Root *root, const char *path, CpdInRootPath *found, GError **error)
{
  int result = cpd_in_root_path_find (root->fd, path, found);
  g_autofree char *shown = g_utf8_make_valid (path, -1);

  if (result == 0)
    return TRUE;
  if (result == ENOENT || result == ENOTDIR || result == ELOOP)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_FILE, "there is no '%s' in the container: %s", shown,
                 g_strerror (result));
  else
    cpd_set_error_errno (error, result, "failed to look at '%s' in the container", shown);
  return FALSE;
}

gboolean
cpd_engine_stat_path (CpdEngine *engine, const char *id, const char *path, struct stat *info, char **resolved,
                      GError **error)
{
  g_auto(Root) root = { .fd = -1 };
  g_auto(CpdInRootPath) found = { .parent = -1 };

  if (!open_root (&root, engine, id, "look into", error) || !find (&root, path, &found, error))
    return FALSE;
  *info = found.info;
  *resolved = g_steal_pointer (&found.path);
  return TRUE;
}

/* The name that an archive of PATH begins with: none for a path that stands for what is in it. */
static char *
first_name (const char *path)
{
  g_autofree char *base = g_path_get_basename (path);

  if (g_str_has_suffix (path, "/.") || strcmp (base, "/") == 0 || strcmp (base, ".") == 0 || strcmp (base, "..") == 0)
    return g_strdup ("");
  return g_steal_pointer (&base);
}

static gboolean
check_name (const char *name, gboolean is_directory, GError **error)
{
  if ((*name != '\0' || is_directory) && strcmp (name, "..") != 0 && strcmp (name, ".") != 0 && strchr (name, '/') == NULL)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "option 'name': '%s' is no name of a file", name);
  return FALSE;
}

static void
on_read (guint64 bytes_done, gpointer user_data)
{
  const CpdCopy *copy = user_data;

  if (copy->progress != NULL)
    copy->progress (bytes_done, 0, copy->user_data);
}

static gboolean
copy_out (CpdEngine *engine, const char *id, const CpdCopy *copy, CpdCopied *copied, GError **error)
{
  g_auto(Root) root = { .fd = -1 };
  g_auto(CpdInRootPath) found = { .parent = -1 };
  g_autofree char *name = copy->name != NULL ? g_strdup (copy->name) : first_name (copy->path);
  const CpdTarOptions options = {
    .progress = on_read, .progress_data = (gpointer) copy, .cancellable = copy->cancellable,
  };
  g_autoptr(CpdTarWriter) writer = NULL;

  if (!open_root (&root, engine, id, "copy from", error) || !find (&root, copy->path, &found, error)
      || !check_name (name, S_ISDIR (found.info.st_mode), error))
    return FALSE;
  writer = cpd_tar_writer_new (copy->fd, &options, error);
  if (writer == NULL || !cpd_tar_writer_add (writer, found.parent, found.base, name, error)
      || !cpd_tar_writer_finish (writer, error))
    return FALSE;
  *copied = (CpdCopied) { cpd_tar_writer_get_size (writer), cpd_tar_writer_get_entries (writer) };
  return TRUE;
}

gboolean
cpd_engine_copy_out (CpdEngine *engine, const char *id, const CpdCopy *copy, CpdCopied *copied, GError **error)
{
  if (copy_out (engine, id, copy, copied, error))
    return TRUE;
  g_prefix_error (error, "failed to copy from container %.12s: ", id);
  return FALSE;
}

/* Whom the files are to belong to: the user that the container runs as. */
static gboolean
find_owner (const Root *root, const CpdContainerRow *row, CpdCopyRules *rules, GError **error)
{
  g_autoptr(CpdContainerConfig) config = cpd_container_config_parse (row->config, error);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", root->fd);
  g_autoptr(GArray) groups = NULL;
  g_autofree char *home = NULL;
  guint32 uid, gid;

  if (config == NULL || !cpd_user_lookup (path, config->user, &uid, &gid, &groups, &home, error))
    return FALSE;
  rules->uid = uid;
  rules->gid = gid;
  return TRUE;
}

static gboolean
copy_in (CpdEngine *engine, const CpdContainerRow *row, const CpdCopy *copy, CpdLayerInfo *info, GError **error)
{
  const CpdLayerLimits limits = { 0 };  /* those of the container's disk */
  g_auto(Root) root = { .fd = -1 };
  g_auto(CpdInRootPath) found = { .parent = -1 };
  CpdCopyRules rules = { .chown = copy->chown, .overwrite = copy->overwrite };

  if (!open_root (&root, engine, row->id, "copy to", error) || !find (&root, copy->path, &found, error)
      || (copy->chown && !find_owner (&root, row, &rules, error)))
    return FALSE;
  if (!S_ISDIR (found.info.st_mode))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' in the container is no directory", found.path);
      return FALSE;
    }
  rules.directory = found.path + 1;     /* without the slash */
  return cpd_layer_copy_in (copy->fd, root.fd, &rules, &limits, copy->progress, copy->user_data, copy->cancellable,
                            info, error);
}

gboolean
cpd_engine_copy_in (CpdEngine *engine, const char *id, const CpdCopy *copy, const CpdCaller *caller, CpdCopied *copied,
                    GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);
  g_auto(CpdLayerInfo) info = { 0 };

  if (row == NULL)
    return FALSE;
  if (!copy_in (engine, row, copy, &info, error) || !cpd_engine_add_event (engine, row, "copy", caller, error))
    {
      g_prefix_error (error, "failed to copy to container %s: ", row->name);
      return FALSE;
    }
  *copied = (CpdCopied) { info.size, info.entries };
  return TRUE;
}
