/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-engine-private.h"

/*
 * The pulse: it goes through all that must not stand still for the engine to
 * be alive, and what stands still keeps it. Not through the pool of calls,
 * whose threads may wait for as long as their callers want.
 */
enum
{
  NOWHERE,
  MONITOR,
  STORE,
  MAIN,
};

static const char *const places[] = { "nowhere", "the monitor or the threads that deal with ends of containers",
                                      "the store", "the main loop" };

void
cpd_engine_send_pulse (CpdEngine *engine)
{
  g_atomic_int_set (&engine->pulse_place, MONITOR);
  cpd_monitor_poke (engine->monitor);
}

static gboolean
on_returned (gpointer data)
{
  CpdEngine *engine = data;

  g_atomic_int_set (&engine->pulse_place, NOWHERE);
  cpd_engine_emit_pulse (engine);
  return G_SOURCE_REMOVE;
}

void
cpd_engine_pass_pulse (CpdEngine *engine)
{
  g_autoptr(GSource) source = g_idle_source_new ();
  g_autoptr(CpdTransaction) tx = NULL;

  g_atomic_int_set (&engine->pulse_place, STORE);
  /* A database that refuses is none that hangs. Nothing is written. */
  tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, NULL);
  g_clear_pointer (&tx, cpd_transaction_free);
  g_atomic_int_set (&engine->pulse_place, MAIN);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_returned, g_object_ref (engine), g_object_unref);
  g_source_attach (source, engine->context);
}

const char *
cpd_engine_locate_pulse (CpdEngine *engine)
{
  return places[g_atomic_int_get (&engine->pulse_place)];
}
