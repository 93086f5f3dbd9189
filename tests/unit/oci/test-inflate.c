/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>
#include <string.h>

#include "oci/cpd-inflate.h"
#include "public/cpod-error.h"

/* What zlib makes of LENGTH bytes. */
static GByteArray *
compress (const guint8 *data, gsize length, int level)
{
  g_autoptr(GZlibCompressor) compressor = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, level);
  GByteArray *all = g_byte_array_new ();
  GConverterResult result;

  do
    {
      g_autoptr(GError) error = NULL;
      guint8 buffer[4096];
      gsize used, made;

      result = g_converter_convert (G_CONVERTER (compressor), data, length, buffer, sizeof buffer,
                                    G_CONVERTER_INPUT_AT_END, &used, &made, &error);
      g_assert_no_error (error);
      data += used;
      length -= used;
      g_byte_array_append (all, buffer, (guint) made);
    }
  while (result != G_CONVERTER_FINISHED);
  return all;
}

/* Decompresses members until the input ends, which is given in pieces of at most IN_MAX, to pieces of at most OUT_MAX. */
static gboolean
decompress (const GByteArray *in, gsize in_max, gsize out_max, GByteArray *out, guint *n_members, GError **error)
{
  g_autoptr(CpdInflate) inflate = cpd_inflate_new ();
  g_autofree guint8 *buffer = g_malloc (out_max);
  gboolean at_end = FALSE;
  gsize next = 0;

  *n_members = 0;
  while (next < in->len)
    {
      gsize part = MIN (in_max, in->len - next), used = 0, made = 0;
      g_autofree guint8 *piece = g_memdup2 (in->data + next, part);     /* ends where memory may end */

      if (!cpd_inflate_run (inflate, piece, part, buffer, out_max, &used, &made, &at_end, error))
        return FALSE;
      g_assert_cmpuint (used, <=, part);
      g_assert_cmpuint (made, <=, out_max);
      g_byte_array_append (out, buffer, (guint) made);
      next += used;
      if (at_end)
        (*n_members)++;
    }
  /* The last bytes may be in it still. */
  while (!at_end)
    {
      gsize used = 0, made = 0;

      if (!cpd_inflate_run (inflate, (const guint8 *) "", 0, buffer, out_max, &used, &made, &at_end, error))
        return FALSE;
      g_byte_array_append (out, buffer, (guint) made);
      if (at_end)
        (*n_members)++;
    }
  return TRUE;
}

static void
assert_decompressed (const GByteArray *in, gsize in_max, gsize out_max, const guint8 *wanted, gsize length,
                     guint members)
{
  g_autoptr(GByteArray) out = g_byte_array_new ();
  g_autoptr(GError) error = NULL;
  guint n_members;

  decompress (in, in_max, out_max, out, &n_members, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (out->data, out->len, wanted, length);
  g_assert_cmpuint (n_members, ==, members);
}

/* Noise, zeros, and words that come again and again: what deflate has blocks of all types for. */
static guint8 *
make_data (GRand *random, gsize length)
{
  static const char words[] = "the quick brown fox jumps over the lazy dog";
  guint8 *data = g_malloc0 (length + 1);

  for (gsize i = 0; i < length;)
    {
      gsize run = (gsize) g_rand_int_range (random, 1, 5000);
      int kind = g_rand_int_range (random, 0, 3);

      run = MIN (run, length - i);
      for (gsize j = 0; j < run; j++)
        data[i + j] = kind == 0 ? 0 : kind == 1 ? (guint8) g_rand_int (random) : (guint8) words[j % (sizeof words - 1)];
      i += run;
    }
  return data;
}

static void
test_levels (void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (5);
  static const gsize lengths[] = { 0, 1, 500, 70000, 300000 };
  static const gsize pieces[] = { 1, 7, 1000, 32768, 262144 };

  for (int level = 0; level <= 9; level += 3)
    for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
      {
        g_autofree guint8 *data = make_data (random, lengths[i]);
        g_autoptr(GByteArray) in = compress (data, lengths[i], level);

        for (gsize j = 0; j < G_N_ELEMENTS (pieces); j++)
          {
            assert_decompressed (in, pieces[j], 262144, data, lengths[i], 1);
            assert_decompressed (in, 4096, MAX (pieces[j], 50), data, lengths[i], 1);
          }
      }
}

/* Wherever one piece of the input ends, a member ends where it ends. */
static void
test_members (void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (6);
  g_autofree guint8 *data = make_data (random, 5000);
  g_autoptr(GByteArray) joined = g_byte_array_new ();

  for (int i = 0; i < 50; i++)
    {
      g_autoptr(GByteArray) member = compress (data + 100 * i, 100, 1 + i % 9);

      g_byte_array_append (joined, member->data, member->len);
    }
  for (gsize piece = 1; piece < 200; piece += 3)
    assert_decompressed (joined, piece, 4096, data, 5000, 50);
}

/* A header with all that it may have. */
static void
test_header (void)
{
  /* The last two bytes are the lower half of the CRC-32 of the others. */
  static const guint8 header[] = { 0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 5, 0, 'e', 'x', 't', 'r', 'a',
                                   'n', 'a', 'm', 'e', 0, 't', 'e', 'x', 't', 0, 0x91, 0x77 };
  g_autoptr(GByteArray) plain = compress ((const guint8 *) "contents", 8, 6);
  g_autoptr(GByteArray) in = g_byte_array_new ();

  g_byte_array_append (in, header, sizeof header);
  g_byte_array_append (in, plain->data + 10, plain->len - 10);
  for (gsize piece = 1; piece < in->len; piece++)
    assert_decompressed (in, piece, 4096, (const guint8 *) "contents", 8, 1);
}

static void
test_truncated (void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (7);
  g_autofree guint8 *data = make_data (random, 3000);
  g_autoptr(GByteArray) whole = compress (data, 3000, 6);

  for (guint length = 0; length < whole->len; length++)
    {
      g_autoptr(GByteArray) part = g_byte_array_new ();
      g_autoptr(GByteArray) out = g_byte_array_new ();
      g_autoptr(GError) error = NULL;
      guint n_members;

      g_byte_array_append (part, whole->data, length);
      g_assert_false (decompress (part, 100, 4096, out, &n_members, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
      g_assert_cmpuint (out->len, <=, 3000);
    }
}

/* No changed bit gives other contents; some of the header mean nothing. */
static void
test_damaged (void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (8);
  g_autofree guint8 *data = make_data (random, 3000);
  g_autoptr(GByteArray) in = compress (data, 3000, 6);
  guint refused = 0;

  for (guint bit = 0; bit < 8 * in->len; bit++)
    {
      g_autoptr(GByteArray) out = g_byte_array_new ();
      g_autoptr(GError) error = NULL;
      guint n_members;

      in->data[bit / 8] ^= (guint8) (1 << bit % 8);
      if (decompress (in, 1000, 4096, out, &n_members, &error))
        g_assert_cmpmem (out->data, out->len, data, 3000);
      else
        {
          g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
          refused++;
        }
      in->data[bit / 8] ^= (guint8) (1 << bit % 8);
    }
  g_assert_cmpuint (refused, >=, 8 * (in->len - 10));
}

static void
test_noise (void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (9);

  for (int round = 0; round < 2000; round++)
    {
      g_autoptr(GByteArray) in = g_byte_array_new ();
      g_autoptr(GByteArray) out = g_byte_array_new ();
      g_autoptr(GError) error = NULL;
      guint n_members;

      g_byte_array_append (in, (const guint8 *) "\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
      for (int i = 0; i < 300; i++)
        {
          guint8 byte = (guint8) g_rand_int (random);

          g_byte_array_append (in, &byte, 1);
        }
      g_assert_false (decompress (in, 128, 512, out, &n_members, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/oci/inflate/levels", test_levels);
  g_test_add_func ("/oci/inflate/members", test_members);
  g_test_add_func ("/oci/inflate/header", test_header);
  g_test_add_func ("/oci/inflate/truncated", test_truncated);
  g_test_add_func ("/oci/inflate/damaged", test_damaged);
  g_test_add_func ("/oci/inflate/noise", test_noise);
  return g_test_run ();
}
