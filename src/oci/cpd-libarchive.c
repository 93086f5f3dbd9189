/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-libarchive.h"

#include <dlfcn.h>

#include "public/cpod-error.h"

/* The version of its interface that has been there since 2013. */
#define SONAME "libarchive.so.13"

CpdLibarchive cpd_libarchive;

static char *
load (void)
{
  void *library = dlopen (SONAME, RTLD_NOW | RTLD_LOCAL);

  if (library == NULL)
    return g_strdup (dlerror ());
#define LOAD(name) \
  cpd_libarchive.la_##name = (__typeof__ (cpd_libarchive.la_##name)) dlsym (library, "archive_" #name); \
  if (cpd_libarchive.la_##name == NULL) \
    return g_strdup (dlerror ());
  CPD_LIBARCHIVE_EACH (LOAD)
#undef LOAD
  return NULL;
}

gboolean
cpd_libarchive_load (GError **error)
{
  static gsize done;
  static char *failure;

  if (g_once_init_enter (&done))
    {
      failure = load ();
      g_once_init_leave (&done, 1);
    }
  if (failure != NULL)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to load what reads and writes archives: %s", failure);
  return failure == NULL;
}
