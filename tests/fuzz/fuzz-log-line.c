/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line of a container's log, with any bytes in it. */
#include "cpod-log-reader.h"
#include "fuzz.h"

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  return 0;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr(GError) error = NULL;
  CpodLogLine *line = cpod_log_line_parse ((const char *) data, (gssize) size, &error);

  g_assert_true ((line == NULL) == (error != NULL));
  if (line == NULL)
    return 0;
  g_assert_cmpuint (g_bytes_get_size (cpod_log_line_get_text (line)), <, size);
  g_assert_nonnull (cpod_log_line_get_timestamp (line));
  g_assert_cmpint (cpod_log_line_get_stream (line), !=, CPOD_STREAM_ID_NONE);
  cpod_log_line_free (line);
  return 0;
}
