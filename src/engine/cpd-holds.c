/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-holds.h"

/* What takes less time than this is over before anybody could be told of it. */
#define DELAY_MS 100

/* A hold is one count of the table, so its address is all there is to it. */
struct _CpdHolds
{
  GMainContext *context;        /* (owned) */
  CpdHoldsChanged changed;
  gpointer user_data;

  GMutex mutex;                 /* guards what follows */
  GCond none;
  guint count;
  GSource *source;              /* (owned) (nullable): will look whether there is something to tell */
  gboolean told;
};

CpdHolds *
cpd_holds_new (GMainContext *context, CpdHoldsChanged changed, gpointer user_data)
{
  CpdHolds *holds = g_new0 (CpdHolds, 1);

  holds->context = g_main_context_ref (context);
  holds->changed = changed;
  holds->user_data = user_data;
  g_mutex_init (&holds->mutex);
  g_cond_init (&holds->none);
  return holds;
}

void
cpd_holds_free (CpdHolds *holds)
{
  g_assert (holds->count == 0);
  if (holds->source != NULL)
    g_source_destroy (holds->source);
  g_clear_pointer (&holds->source, g_source_unref);
  g_main_context_unref (holds->context);
  g_cond_clear (&holds->none);
  g_mutex_clear (&holds->mutex);
  g_free (holds);
}

static gboolean
look (gpointer data)
{
  CpdHolds *holds = data;
  gboolean held, news;

  g_mutex_lock (&holds->mutex);
  g_clear_pointer (&holds->source, g_source_unref);
  held = holds->count > 0;
  news = held != holds->told;
  holds->told = held;
  g_mutex_unlock (&holds->mutex);
  if (news)
    holds->changed (held, holds->user_data);
  return G_SOURCE_REMOVE;
}

/* The mutex is held. */
static void
look_later (CpdHolds *holds, guint delay_ms)
{
  if (holds->source != NULL)
    return;
  holds->source = g_timeout_source_new (delay_ms);
  g_source_set_callback (holds->source, look, holds, NULL);
  g_source_attach (holds->source, holds->context);
}

CpdHold *
cpd_holds_take (CpdHolds *holds)
{
  g_mutex_lock (&holds->mutex);
  if (holds->count++ == 0 && !holds->told)
    look_later (holds, DELAY_MS);
  g_mutex_unlock (&holds->mutex);
  return (CpdHold *) holds;
}

void
cpd_hold_release (CpdHold *hold)
{
  CpdHolds *holds = (CpdHolds *) hold;

  g_mutex_lock (&holds->mutex);
  if (--holds->count == 0)
    {
      g_cond_broadcast (&holds->none);
      if (holds->told)
        look_later (holds, 0);
    }
  g_mutex_unlock (&holds->mutex);
}

gboolean
cpd_holds_any (CpdHolds *holds)
{
  gboolean any;

  g_mutex_lock (&holds->mutex);
  any = holds->count > 0;
  g_mutex_unlock (&holds->mutex);
  return any;
}

gboolean
cpd_holds_wait_none (CpdHolds *holds, gint64 timeout_us)
{
  const gint64 deadline = g_get_monotonic_time () + timeout_us;
  gboolean none, in_time = TRUE;

  g_mutex_lock (&holds->mutex);
  while (!(none = holds->count == 0) && in_time)
    in_time = g_cond_wait_until (&holds->none, &holds->mutex, deadline);
  g_mutex_unlock (&holds->mutex);
  return none;
}
