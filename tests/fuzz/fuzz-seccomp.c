/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A seccomp profile. */
#include "common/cpd-json.h"
#include "fuzz.h"
#include "oci/cpd-seccomp.h"
#include "public/cpod-error.h"

static char *base;
static char *profile;

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  base = fuzz_directory ();
  profile = g_build_filename (base, "profile.json", NULL);
  return 0;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const char *const bounding[] = { "CAP_CHOWN", "CAP_SYS_ADMIN", NULL };
  g_auto(GStrv) parts = fuzz_split (data, size, 1);
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) section = NULL;
  g_autofree char *text = NULL;

  fuzz_write (base, "profile.json", parts[0]);
  section = cpd_seccomp_translate (profile, bounding, &error);
  if (section == NULL)
    {
      g_assert_true (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT));
      return 0;
    }
  text = cpd_json_print_object (section);
  g_assert_nonnull (text);
  return 0;
}
