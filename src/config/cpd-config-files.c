/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/cpd-config-files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

/* No file of settings is as large. */
#define MAX_SIZE (1 << 20)

static gboolean
failed (GError **error, const char *path, const char *reason)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG, "failed to read %s: %s", path, reason);
  return FALSE;
}

/* FALSE without an error when the file is not there, with its errno in REASON. */
static gboolean
read_text (const char *path, GString *text, int *reason, GError **error)
{
  cpd_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat info;
  char buffer[4096];
  ssize_t n;

  *reason = errno;
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
    return FALSE;
  if (fd < 0 || fstat (fd, &info) < 0)
    return failed (error, path, g_strerror (errno));
  if (!S_ISREG (info.st_mode))
    return failed (error, path, "it is no regular file");
  while ((n = read (fd, buffer, sizeof buffer)) > 0)
    {
      g_string_append_len (text, buffer, n);
      if (text->len > MAX_SIZE)
        return failed (error, path, "it is larger than 1 MiB");
    }
  return n == 0 ? TRUE : failed (error, path, g_strerror (errno));
}

/* A file that is not there, or not for this user to read, says nothing, unless it MUST be there. */
static gboolean
read_file (CpdConfigValues *values, const char *path, gboolean own, gboolean must, GError **error)
{
  g_autoptr(GString) text = g_string_new (NULL);
  g_autoptr(GError) cause = NULL;
  g_autoptr(CpdTomlNode) root = NULL;
  int reason = 0;

  if (!read_text (path, text, &reason, &cause))
    {
      if (cause != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&cause));
          return FALSE;
        }
      if (must)
        return failed (error, path, g_strerror (reason));
      if (reason == EACCES)
        cpd_config_values_warn (values, "%s: it may not be read", path);
      return TRUE;
    }
  root = cpd_toml_parse (text->str, (gssize) text->len, path, &cause);
  if (root != NULL)
    return cpd_config_values_apply (values, root, path, own, error);
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG, cause->message);
  return FALSE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The files of a directory whose names end with ".conf", by name. */
static gboolean
read_directory (CpdConfigValues *values, const char *directory, gboolean own, GError **error)
{
  g_autoptr(GError) cause = NULL;
  g_autoptr(GPtrArray) names = NULL;

  if (!g_file_test (directory, G_FILE_TEST_IS_DIR))
    return TRUE;
  names = cpd_fs_list_dir (directory, &cause);
  if (names == NULL)
    return failed (error, directory, cause->message);
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = names->pdata[i];
      g_autofree char *path = g_build_filename (directory, name, NULL);

      if (*name != '.' && g_str_has_suffix (name, ".conf") && !read_file (values, path, own, FALSE, error))
        return FALSE;
    }
  return TRUE;
}

/* BASE/FOLDER/FOLDER.conf and what lies in the directory of that name with ".d". */
static gboolean
read_folder (CpdConfigValues *values, const char *base, const char *folder, gboolean own, GError **error)
{
  g_autofree char *name = g_strconcat (folder, ".conf", NULL);
  g_autofree char *path = g_build_filename (base, folder, name, NULL);
  g_autofree char *directory = g_strconcat (path, ".d", NULL);

  return read_file (values, path, own, FALSE, error) && read_directory (values, directory, own, error);
}

gboolean
cpd_config_read_files (CpdConfigValues *values, const CpdConfigPlaces *places, GError **error)
{
  g_autofree char *etc = g_strconcat (places->system, "/etc", NULL);
  g_autofree char *vendor = g_strconcat (places->system, "/usr/share/containers/containers.conf", NULL);

  if (!read_file (values, vendor, FALSE, FALSE, error) || !read_folder (values, etc, "containers", FALSE, error))
    return FALSE;
  if (places->user != NULL && !read_folder (values, places->user, "containers", FALSE, error))
    return FALSE;
  if (!read_folder (values, etc, "cpod", TRUE, error))
    return FALSE;
  if (places->user != NULL && !read_folder (values, places->user, "cpod", TRUE, error))
    return FALSE;
  return places->named == NULL || read_file (values, places->named, TRUE, TRUE, error);
}
