/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of images. */
#include "fuzz.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  return 0;
}

/* A full name is its own full name. */
static void
check_full (const char *name)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *again = cpd_reference_normalize (name, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (again, ==, name);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *name = g_strndup ((const char *) data, size);
  g_autoptr(GError) error = NULL;
  g_autofree char *full = cpd_reference_normalize (name, &error);
  g_auto(GStrv) candidates = cpd_reference_candidates (name, NULL);

  g_assert_true ((full == NULL) == g_error_matches (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT));
  if (full != NULL)
    check_full (full);
  for (char **candidate = candidates; candidate != NULL && *candidate != NULL; candidate++)
    check_full (*candidate);
  return 0;
}
