/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-peer.h"

G_BEGIN_DECLS

/* One question to polkit: whether somebody may do something. */
typedef struct
{
  char *action;                 /* (owned) */
  GVariant *details;            /* (owned) a{ss}: what rules and prompts go by */
  gboolean optional;            /* the call goes on without it, and with less; nobody is asked */
} CpdBusQuestion;

CpdBusQuestion *cpd_bus_question_new     (const char           *action,
                                          GVariant             *details);
void            cpd_bus_question_free    (CpdBusQuestion       *question);

/*
 * Asks QUESTION about PEER, who has a name on the bus of CONNECTION. With
 * INTERACTIVE a person may be asked, which may take minutes; the prompt goes
 * away with the peer. Never blocks. QUESTION stays with the caller, and there
 * until the answer. Main thread.
 */
void            cpd_bus_polkit_ask        (GDBusConnection      *connection,
                                          CpdBusPeer           *peer,
                                          const CpdBusQuestion *question,
                                          gboolean              interactive,
                                          GAsyncReadyCallback   callback,
                                          gpointer              user_data);
/* NOT_AUTHORIZED, also when polkit is not there or does not answer; INTERACTION_REQUIRED when only a prompt
 * could tell; CANCELLED; LIMITS_EXCEEDED for too many prompts. */
gboolean        cpd_bus_polkit_ask_finish (GAsyncResult         *result,
                                          GError              **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdBusQuestion, cpd_bus_question_free)

G_END_DECLS
