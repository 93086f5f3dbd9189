/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-options.h"
#include "bus/cpd-bus-peer.h"
#include "bus/cpd-bus-service.h"
#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/*
 * A call on its way through the house: begin, authorize, work, tell, reply.
 * It is the only thing that touches the invocation, and it answers exactly
 * once whatever happens.
 */
typedef struct _CpdBusCall CpdBusCall;

/* Runs in a worker thread: returns the reply, a floating tuple, or NULL with an error. */
typedef GVariant *(*CpdBusWork)  (CpdBusCall  *call,
                                  GError     **error);
/* Runs in the main thread and must not block; it, or what it sets going, ends with cpd_bus_call_return(). */
typedef void      (*CpdBusStart) (CpdBusCall  *call);

/* One method of an interface, with either a work or a start function. A table ends with a NULL name. */
typedef struct
{
  const char *name;
  const CpdBusOption *options;
  gboolean changes;             /* something: it waits for the recovery, and is logged */
  CpdBusWork work;
  CpdBusStart start;
} CpdBusMethod;

/* Calls in progress: the worker threads and the gate that the recovery opens. Main thread only. */
typedef struct _CpdBusCalls CpdBusCalls;

CpdBusCalls   *cpd_bus_calls_new           (CpdBusService          *service);
void           cpd_bus_calls_free          (CpdBusCalls            *calls);
void           cpd_bus_calls_open          (CpdBusCalls            *calls);
void           cpd_bus_calls_stop          (CpdBusCalls            *calls);
guint          cpd_bus_calls_count         (CpdBusCalls            *calls);
/* The call that ends the service: whether it still works, and its answer when it does not. */
gboolean       cpd_bus_calls_last_works      (CpdBusCalls            *calls);
void           cpd_bus_calls_answer_last   (CpdBusCalls            *calls);

/* Begins a call to OBJECT (the last part of the path, or NULL). METHOD is NULL if there is no handler. */
void           cpd_bus_call_begin          (CpdBusService          *service,
                                            GDBusMethodInvocation  *invocation,
                                            const CpdBusMethod     *method,
                                            const char             *object);
/* Answers a call of a standard interface, which needs none of this. */
void           cpd_bus_call_answer         (GDBusMethodInvocation  *invocation,
                                            GVariant               *reply);

/* Ends CALL: with a reply (floating, or NULL for none) or, when ERROR is set, with that (taken). Main thread. */
void           cpd_bus_call_return         (CpdBusCall             *call,
                                            GVariant               *reply,
                                            GError                 *error);

/* The service ends, and this call is its last: it is answered when all else has ended. Main thread. */
void           cpd_bus_call_end_service    (CpdBusCall             *call);
/* Goes on with that call in a thread of its own. */
void           cpd_bus_call_work_last      (CpdBusCall             *call,
                                            CpdBusWork              work);

CpdBusService *cpd_bus_call_get_service    (CpdBusCall             *call);
CpdEngine     *cpd_bus_call_get_engine     (CpdBusCall             *call);
const char    *cpd_bus_call_get_object     (CpdBusCall             *call);
const GDBusMethodInfo *cpd_bus_call_get_info (CpdBusCall             *call);
GDBusMessage  *cpd_bus_call_get_message    (CpdBusCall             *call);
GVariant      *cpd_bus_call_get_parameters (CpdBusCall             *call);
const CpdBusMethod *cpd_bus_call_get_method (CpdBusCall            *call);
/* "Container", say. */
const char    *cpd_bus_call_get_interface  (CpdBusCall             *call);
/* The annotation of the method. */
const char    *cpd_bus_call_get_action     (CpdBusCall             *call);
/* Whether the caller lets a person be asked. */
gboolean       cpd_bus_call_is_interactive (CpdBusCall             *call);
CpdBusPeer    *cpd_bus_call_get_peer       (CpdBusCall             *call);
const CpdCaller *cpd_bus_call_get_caller   (CpdBusCall             *call);
GCancellable  *cpd_bus_call_get_cancellable (CpdBusCall            *call);
GVariant      *cpd_bus_call_get_options    (CpdBusCall             *call);
const char    *cpd_bus_call_get_string     (CpdBusCall             *call,
                                            gsize                   index);
/* Bytes with a zero after them: NULL for others. */
const char    *cpd_bus_call_get_bytes      (CpdBusCall             *call,
                                            gsize                   index,
                                            GError                **error);
/* To be freed with g_strfreev(). */
char         **cpd_bus_call_get_strings    (CpdBusCall             *call,
                                            gsize                   index);
/* The first two arguments as the size of a terminal: INVALID_ARGUMENT. */
gboolean       cpd_bus_call_get_size       (CpdBusCall             *call,
                                            guint32                *rows,
                                            guint32                *columns,
                                            GError                **error);
/* The argument NAME as a text, words put together; NULL when the method has none. */
char          *cpd_bus_call_get_argument   (CpdBusCall             *call,
                                            const char             *name);
guint64        cpd_bus_call_get_uint64     (CpdBusCall             *call,
                                            gsize                   index);
int            cpd_bus_call_get_fd         (CpdBusCall             *call,
                                            gsize                   index,
                                            GError                **error);

/* The descriptor of option KEY: FALSE for a wrong one, -1 in FD when there is no such option. */
gboolean       cpd_bus_call_get_fd_option  (CpdBusCall             *call,
                                            const char             *key,
                                            int                    *fd,
                                            GError                **error);

/* Replies: without values, and with one descriptor, which is taken (-1 passes an error on). */
GVariant      *cpd_bus_call_nothing        (void);
GVariant      *cpd_bus_call_reply_fd       (CpdBusCall             *call,
                                            int                     fd,
                                            GError                **error);

G_END_DECLS
