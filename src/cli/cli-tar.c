/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <dlfcn.h>
#include <glib/gi18n.h>

#include "cli/cli-tar.h"

#define MODULE "cpod-tar.so"

/* It lies beside the program in a build tree only. */
static char *
find_module (void)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *directory = program != NULL ? g_path_get_dirname (program) : NULL;
  g_autofree char *beside = directory != NULL ? g_build_filename (directory, MODULE, NULL) : NULL;

  if (beside != NULL && g_file_test (beside, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&beside);

  return g_build_filename (CPD_PKGLIBDIR, MODULE, NULL);
}

/*
 * libarchive and what that needs take longer to load than most commands to
 * run, so that they are in a module that is opened by those that need them.
 */
static const CliTarFuncs *
load (GError **error)
{
  static void *module;
  g_autofree char *path = find_module ();
  const CliTarFuncs *funcs;

  if (module == NULL)
    module = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  funcs = module != NULL ? dlsym (module, "cli_tar_funcs") : NULL;
  if (funcs == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _("failed to load what reads archives: %s"), dlerror ());
  return funcs;
}

gboolean
cli_tar_pack (int          fd,
              const char  *path,
              const char  *name,
              GError     **error)
{
  const CliTarFuncs *funcs = load (error);

  return funcs != NULL && funcs->pack (fd, path, name, error);
}

gboolean
cli_tar_unpack (int          fd,
                const char  *directory,
                GError     **error)
{
  const CliTarFuncs *funcs = load (error);

  return funcs != NULL && funcs->unpack (fd, directory, error);
}
