/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-containerfile.h"

static void
test_bases (void)
{
  static const struct { const char *text; const char *bases; } cases[] = {
    { "", "" },
    { "FROM busybox", "busybox" },
    { "# a comment\n\nARG X=1\nfrom\tbusybox:1 \r\nRUN FROM no\n", "busybox:1" },
    { "FROM --platform=linux/amd64 a/b AS one\nFROM one\nFROM c as two\nCOPY --from=two / /\nFROM two", "a/b c" },
    { "FROM scratch\nFROM $BASE\nFROM x${Y}\nFROM", "" },
    { "FROM a\nFROM a\nFROM b@sha256:00", "a b@sha256:00" },
    { "FROM --platform=x", "" },
    { "FROMAGE x\nFROM a AS", "a" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto(GStrv) bases = cli_containerfile_list_bases (cases[i].text);
      g_autofree char *all = g_strjoinv (" ", bases);

      g_assert_cmpstr (all, ==, cases[i].bases);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/containerfile/bases", test_bases);
  return g_test_run ();
}
