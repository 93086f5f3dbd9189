/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-inflate.h"

#include <isa-l/igzip_lib.h>

#include "public/cpod-error.h"

/*
 * The header is read by a call of its own: isal_inflate() would forget what it
 * has read of it when the input ends in the middle of it.
 */
struct _CpdInflate
{
  struct inflate_state state;
  struct isal_gzip_header header;
  gboolean in_header;
};

static void
begin_member (CpdInflate *inflate)
{
  isal_inflate_reset (&inflate->state);
  inflate->state.crc_flag = ISAL_GZIP_NO_HDR_VER;
  isal_gzip_header_init (&inflate->header);
  inflate->in_header = TRUE;
}

static int
run (CpdInflate *inflate)
{
  int result;

  if (inflate->in_header)
    {
      result = isal_read_gzip_header (&inflate->state, &inflate->header);
      if (result != ISAL_DECOMP_OK)
        return result;
      inflate->in_header = FALSE;
    }
  return isal_inflate (&inflate->state);
}

CpdInflate *
cpd_inflate_new (void)
{
  CpdInflate *inflate = g_new0 (CpdInflate, 1);

  isal_inflate_init (&inflate->state);
  begin_member (inflate);
  return inflate;
}

void
cpd_inflate_free (CpdInflate *inflate)
{
  g_free (inflate);
}

static const char *
describe (int result)
{
  switch (result)
    {
    case ISAL_INVALID_WRAPPER:
      return "its header is not valid";
    case ISAL_UNSUPPORTED_METHOD:
      return "it is compressed in an unknown way";
    case ISAL_INCORRECT_CHECKSUM:
      return "its checksum is wrong";
    default:
      return "it cannot be decompressed";
    }
}

gboolean
cpd_inflate_run (CpdInflate *inflate, const guint8 *in, gsize length, guint8 *out, gsize size,
                 gsize *used, gsize *made, gboolean *at_end, GError **error)
{
  struct inflate_state *state = &inflate->state;
  int result;

  state->next_in = (guint8 *) in;
  state->avail_in = (guint32) length;
  state->next_out = out;
  state->avail_out = (guint32) size;
  result = run (inflate);
  *used = length - state->avail_in;
  *made = size - state->avail_out;
  *at_end = !inflate->in_header && state->block_state == ISAL_BLOCK_FINISH;
  /* Where it would not go on, neither would its caller. */
  if (result < 0 || (*used == 0 && *made == 0 && !*at_end))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE, "damaged gzip data: %s", describe (result));
      return FALSE;
    }
  if (*at_end)
    begin_member (inflate);
  return TRUE;
}
