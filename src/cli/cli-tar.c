/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <dlfcn.h>
#include <glib/gi18n.h>

#include "cli/cli-tar.h"

/*
 * libarchive and what that needs take longer to load than most commands to
 * run, so that they are in a module that is opened by those that need them.
 * It is dlopen() itself, which looks where the program's own RUNPATH says.
 */
static const CliTarFuncs *
load (GError **error)
{
  static void *module;
  const CliTarFuncs *funcs;

  if (module == NULL)
    module = dlopen ("cpod-tar.so", RTLD_NOW | RTLD_LOCAL);
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
