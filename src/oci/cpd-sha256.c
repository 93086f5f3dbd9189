/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-sha256.h"

#include <string.h>

#if defined (__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

/* FIPS 180-4, 4.2.2 */
static const guint32 constants[64] __attribute__ ((aligned (16))) = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

gboolean
cpd_sha256_is_supported (void)
{
  static gsize once = 0;
  static gboolean supported = FALSE;

  if (g_once_init_enter (&once))
    {
      unsigned a, b, c, d;

      supported = __builtin_cpu_supports ("sse4.1") && __builtin_cpu_supports ("ssse3")
                  && __get_cpuid_count (7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
      g_once_init_leave (&once, 1);
    }
  return supported;
}

/*
 * The instructions want the eight words of the state as {A,B,E,F} and
 * {C,D,G,H}, each with the first one highest, and do two rounds at a time.
 */
__attribute__ ((target ("sha,sse4.1,ssse3")))
static void
compress (guint32 state[8], const guint8 *data, gsize n_blocks)
{
  const __m128i swap = _mm_set_epi8 (12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  __m128i abef = _mm_set_epi32 ((int) state[0], (int) state[1], (int) state[4], (int) state[5]);
  __m128i cdgh = _mm_set_epi32 ((int) state[2], (int) state[3], (int) state[6], (int) state[7]);
  guint32 words[4];

  for (; n_blocks > 0; n_blocks--, data += 64)
    {
      const __m128i abef_before = abef, cdgh_before = cdgh;
      __m128i w[4];

      for (int i = 0; i < 4; i++)
        w[i] = _mm_shuffle_epi8 (_mm_loadu_si128 ((const __m128i *) (const void *) (data + 16 * i)), swap);
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++)      /* four rounds each */
        {
          __m128i sum = _mm_add_epi32 (w[i % 4], _mm_load_si128 ((const __m128i *) (const void *) &constants[4 * i]));

          cdgh = _mm_sha256rnds2_epu32 (cdgh, abef, sum);
          abef = _mm_sha256rnds2_epu32 (abef, cdgh, _mm_shuffle_epi32 (sum, 0x0e));
          if (i < 12)           /* the words of four rounds ahead take this one's place */
            {
              __m128i next = _mm_sha256msg1_epu32 (w[i % 4], w[(i + 1) % 4]);

              next = _mm_add_epi32 (next, _mm_alignr_epi8 (w[(i + 3) % 4], w[(i + 2) % 4], 4));
              w[i % 4] = _mm_sha256msg2_epu32 (next, w[(i + 3) % 4]);
            }
        }
      abef = _mm_add_epi32 (abef, abef_before);
      cdgh = _mm_add_epi32 (cdgh, cdgh_before);
    }

  _mm_storeu_si128 ((__m128i *) (void *) words, abef);
  state[5] = words[0];
  state[4] = words[1];
  state[1] = words[2];
  state[0] = words[3];
  _mm_storeu_si128 ((__m128i *) (void *) words, cdgh);
  state[7] = words[0];
  state[6] = words[1];
  state[3] = words[2];
  state[2] = words[3];
}

#else

gboolean
cpd_sha256_is_supported (void)
{
  return FALSE;
}

static void
compress (guint32 state[8], const guint8 *data, gsize n_blocks)
{
  g_assert_not_reached ();
}

#endif

void
cpd_sha256_init (CpdSha256 *sha)
{
  static const guint32 start[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  };

  memcpy (sha->state, start, sizeof start);
  sha->length = 0;
}

void
cpd_sha256_update (CpdSha256 *sha, const guint8 *data, gsize length)
{
  gsize used = sha->length % 64;

  sha->length += length;
  if (used > 0)
    {
      gsize part = MIN (length, 64 - used);

      memcpy (sha->block + used, data, part);
      if (used + part < 64)
        return;
      compress (sha->state, sha->block, 1);
      data += part;
      length -= part;
    }
  compress (sha->state, data, length / 64);
  if (length % 64 > 0)
    memcpy (sha->block, data + length / 64 * 64, length % 64);
}

void
cpd_sha256_finish (CpdSha256 *sha, guint8 digest[32])
{
  guint64 bits = GUINT64_TO_BE (sha->length * 8);
  gsize used = sha->length % 64;

  sha->block[used++] = 0x80;
  if (used > 56)                /* no room for the length: it goes into a block of its own */
    {
      memset (sha->block + used, 0, 64 - used);
      compress (sha->state, sha->block, 1);
      used = 0;
    }
  memset (sha->block + used, 0, 56 - used);
  memcpy (sha->block + 56, &bits, sizeof bits);
  compress (sha->state, sha->block, 1);
  for (int i = 0; i < 8; i++)
    {
      guint32 word = GUINT32_TO_BE (sha->state[i]);

      memcpy (digest + 4 * i, &word, sizeof word);
    }
}
