/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

/* Each stream that the service feeds has a thread. */
#define MAX_STREAMS 512
#define EVERYBODY "*"

/* A stream outlives the connection of who asked for it, so that it is the user who has it. */
static void
name_holder (guint32 uid, char *holder, gsize size)
{
  g_snprintf (holder, size, "%u", uid);
}

gboolean
cpd_engine_take_stream (CpdEngine *engine, guint32 uid, GError **error)
{
  g_autoptr(CpdConfig) config = cpd_engine_ref_config (engine);
  const gint64 max = cpd_config_get_int (config, CPD_KEY_CALLER_STREAMS_MAX);
  char holder[16];

  name_holder (uid, holder, sizeof (holder));
  if (!cpd_quota_take (engine->streams, holder, max))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED,
                   "user %u has %" G_GINT64_FORMAT " streams open already (caller_streams_max)", uid, max);
      return FALSE;
    }
  if (cpd_quota_take (engine->streams, EVERYBODY, MAX_STREAMS))
    return TRUE;
  cpd_quota_give (engine->streams, holder);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED, "%d streams are open already", MAX_STREAMS);
  return FALSE;
}

void
cpd_engine_give_stream (CpdEngine *engine, guint32 uid)
{
  char holder[16];

  name_holder (uid, holder, sizeof (holder));
  cpd_quota_give (engine->streams, EVERYBODY);
  cpd_quota_give (engine->streams, holder);
}
