/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

enum
{
  EVENT,
  EVENTS_LOST,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

void
cpod_client_install_signals (void)
{
  /**
   * CpodClient::event:
   * @self: a client
   * @seq: number of the event
   * @time: when it happened, in microseconds since the epoch
   * @type: what it is about, such as "container"
   * @status: what has happened, such as "start"
   * @id: id of the object
   * @name: name of the object
   * @attributes: what else there is to tell (a{sv})
   *
   * Something has happened. Events are told once cpod_client_follow_events()
   * was called: each one once, in the order of their numbers, and none is left
   * out. What they mean is said with org.cpod.Cpod1.Runtime::Event.
   *
   * Since: 0.1
   */
  signals[EVENT] = g_signal_new ("event", CPOD_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 7,
                                 G_TYPE_UINT64, G_TYPE_UINT64, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING,
                                 G_TYPE_STRING, G_TYPE_VARIANT);
  /**
   * CpodClient::events-lost:
   * @self: a client
   * @after: number of the last event that is known
   *
   * Some events after @after are not on record any more, and cannot be told.
   *
   * Since: 0.1
   */
  signals[EVENTS_LOST] = g_signal_new ("events-lost", CPOD_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 1, G_TYPE_UINT64);
}

void
cpod_client_tell_event (CpodClient *self,
                        guint64     seq,
                        guint64     time,
                        const char *type,
                        const char *status,
                        const char *id,
                        const char *name,
                        GVariant   *attributes)
{
  g_signal_emit (self, signals[EVENT], 0, seq, time, type, status, id, name, attributes);
}

void
cpod_client_tell_lost (CpodClient *self,
                       guint64     after)
{
  g_signal_emit (self, signals[EVENTS_LOST], 0, after);
}
