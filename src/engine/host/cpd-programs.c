/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host/cpd-programs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cpd-fs.h"
#include "common/cpd-process.h"
#include "engine/host/cpd-info.h"

#define TIMEOUT_MS 5000

/* As podman says it. */
#define UNKNOWN "Unknown"

typedef struct
{
  struct stat info;             /* of the file that this is about */
  char *version;
  char *package;
} CpdProgram;

struct _CpdPrograms
{
  GMutex mutex;
  GHashTable *known;            /* (owned): path → CpdProgram */
};

static void
program_free (gpointer data)
{
  CpdProgram *program = data;

  g_free (program->version);
  g_free (program->package);
  g_free (program);
}

CpdPrograms *
cpd_programs_new (void)
{
  CpdPrograms *programs = g_new0 (CpdPrograms, 1);

  g_mutex_init (&programs->mutex);
  programs->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, program_free);
  return programs;
}

void
cpd_programs_free (CpdPrograms *programs)
{
  g_hash_table_unref (programs->known);
  g_mutex_clear (&programs->mutex);
  g_free (programs);
}

static char *
run (const char *const *argv)
{
  g_autofree char *output = NULL;

  if (!cpd_process_run (argv, TIMEOUT_MS, &output, NULL))
    return NULL;
  return g_strchomp (g_utf8_make_valid (output, -1));
}

/* "conmon_2.1.6+ds1-1_amd64"; dpkg may know the file by where it was before /usr was merged. */
static char *
find_debian_package (const char *path)
{
  const char *const find[] = { "/usr/bin/dpkg-query", "--search", path, NULL };
  g_autofree char *owner = run (find);
  g_auto(GStrv) parts = NULL;

  if (owner == NULL && g_str_has_prefix (path, "/usr/"))
    {
      const char *const find_below_usr[] = { "/usr/bin/dpkg-query", "--search", path + strlen ("/usr"), NULL };

      owner = run (find_below_usr);
    }
  parts = owner != NULL ? g_strsplit (owner, ": ", 2) : NULL;
  if (parts != NULL && parts[0] != NULL)
    {
      const char *const show[] = { "/usr/bin/dpkg-query", "--show",
                                   "--showformat=${Package}_${Version}_${Architecture}", parts[0], NULL };

      return run (show);
    }
  return NULL;
}

static char *
find_package (const char *path)
{
  const char *const rpm[] = { "/usr/bin/rpm", "--query", "--file", path, NULL };
  g_autofree char *package = NULL;

  if (g_file_test ("/usr/bin/dpkg-query", G_FILE_TEST_IS_EXECUTABLE))
    package = find_debian_package (path);
  else if (g_file_test (rpm[0], G_FILE_TEST_IS_EXECUTABLE))
    package = run (rpm);
  return package != NULL && *package != '\0' ? g_steal_pointer (&package) : g_strdup (UNKNOWN);
}

static gboolean
is_same (const struct stat *one, const struct stat *other)
{
  return one->st_dev == other->st_dev && one->st_ino == other->st_ino && one->st_size == other->st_size
         && one->st_mtim.tv_sec == other->st_mtim.tv_sec && one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

static CpdProgram *
program_new (const char *path, const struct stat *info, GError **error)
{
  const char *const argv[] = { path, "--version", NULL };
  g_autofree char *output = NULL;
  CpdProgram *program;

  if (!cpd_process_run (argv, TIMEOUT_MS, &output, error))
    return NULL;
  program = g_new0 (CpdProgram, 1);
  program->info = *info;
  program->version = g_strchomp (g_utf8_make_valid (output, -1));
  program->package = find_package (path);
  return program;
}

/* The mutex is held. */
static const CpdProgram *
look_up (CpdPrograms *programs, const char *path, GError **error)
{
  CpdProgram *program = g_hash_table_lookup (programs->known, path);
  struct stat info;

  if (stat (path, &info) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to look at %s", path);
      return NULL;
    }
  if (program != NULL && is_same (&program->info, &info))
    return program;
  program = program_new (path, &info, error);
  if (program != NULL)
    g_hash_table_insert (programs->known, g_strdup (path), program);
  return program;
}

GVariant *
cpd_programs_describe (CpdPrograms *programs, const char *name, const char *path, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&programs->mutex);
  const CpdProgram *program = look_up (programs, path, error);
  GVariantBuilder dict;

  if (program == NULL)
    return NULL;
  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  if (name != NULL)
    cpd_info_add_string (&dict, "name", name);
  cpd_info_add_string (&dict, "package", program->package);
  cpd_info_add_string (&dict, "path", path);
  cpd_info_add_string (&dict, "version", program->version);
  return g_variant_builder_end (&dict);
}
