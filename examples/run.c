/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Run a command in a container and print its output.
 *
 * usage: run [--private] IMAGE COMMAND [ARGUMENT...]
 *
 * cc $(pkg-config --cflags --libs cpod-1.0) -o run run.c
 */

#include <cpod.h>
#include <stdio.h>
#include <stdlib.h>

static void
print_bytes (GBytes *bytes,
             FILE   *stream)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  fwrite (data, 1, size, stream);
}

static gboolean
run (CpodClient         *client,
     const char         *image,
     const char *const  *command,
     int                *exit_code,
     GError            **error)
{
  g_autoptr(GBytes) output = NULL;
  g_autoptr(GBytes) errors = NULL;
  GVariantDict options;

  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert_value (&options, "command", g_variant_new_strv (command, -1));
  g_variant_dict_insert (&options, "auto-remove", "b", TRUE);
  if (!cpod_client_run_sync (client, image, g_variant_dict_end (&options), NULL, &output, &errors, exit_code,
                             NULL, error))
    return FALSE;

  print_bytes (output, stdout);
  print_bytes (errors, stderr);
  return TRUE;
}

int
main (int    argc,
      char **argv)
{
  const gboolean private_service = argc > 1 && g_str_equal (argv[1], "--private");
  const int first = private_service ? 2 : 1;
  g_autoptr(CpodClient) client = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code = 125;

  if (argc < first + 2)
    {
      fprintf (stderr, "usage: %s [--private] IMAGE COMMAND [ARGUMENT...]\n", argv[0]);
      return 2;
    }

  client = private_service ? cpod_client_new_private_sync (NULL, &error)
                           : cpod_client_new_sync (G_BUS_TYPE_SYSTEM, NULL, &error);
  if (client == NULL
      || !run (client, argv[first], (const char *const *) argv + first + 1, &exit_code, &error))
    fprintf (stderr, "%s\n", error->message);

  if (client != NULL)
    cpod_client_close_sync (client, NULL, NULL);

  return exit_code;
}
