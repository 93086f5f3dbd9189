/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-gate.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/cpd-bus-way.h"
#include "bus/cpd-bus-wire.h"
#include "common/cpd-fs.h"

/* What is read at once, and how long a header may be that a refusal is made of: a path and some names. */
#define CHUNK (64 << 10)

/* Messages that are passed before others have their turn. */
#define TURN 16

/* How long it may take to see to one before the next large message comes all the same: it may wait for that one. */
#define PATIENCE_SECONDS 1

/* How long the bus may take to read the last that it is sent. */
#define LAST_WORDS_MS (5 * 1000)

typedef struct
{
  GSource base;
  CpdBusGate *gate;             /* (owned) */
  CpdBusWay *way;               /* (unowned) */
  gpointer tag;                 /* (nullable): of the socket that it waits for */
  int watched;
} WaySource;

/* What comes from the bus. */
typedef enum
{
  STAGE_LINES,                  /* of the authentication */
  STAGE_MESSAGE,
  STAGE_REST                    /* of one that was cut */
} Stage;

struct _CpdBusGate
{
  gatomicrefcount ref_count;
  GSocketConnection *bus;       /* (owned): closes its socket */
  GIOStream *stream;            /* (owned) */
  int inner;                    /* the other end of it */
  gsize max;

  GMutex lock;                  /* for all below */
  gboolean closed;
  CpdBusWay in;
  CpdBusWay out;
  GSource *sources[2];          /* (owned) (nullable) */
  Stage stage;
  gsize rest;
  guint32 ticket;               /* of what was let through last */
  gboolean waits;               /* until that was taken */
};

/* A line is taken byte for byte, since what comes behind it may be a message. No line of a server begins like one. */
static CpdBusWayState
pass_line (CpdBusGate *gate)
{
  CpdBusWay *way = &gate->in;
  CpdBusWayState state = CPD_BUS_WAY_DONE;

  while (state == CPD_BUS_WAY_DONE)
    {
      const GByteArray *got = way->got;

      if (got->len == 1 && (got->data[0] == 'l' || got->data[0] == 'B'))
        {
          gate->stage = STAGE_MESSAGE;
          return CPD_BUS_WAY_DONE;
        }
      if (got->len > 0 && got->data[got->len - 1] == '\n')
        {
          cpd_bus_way_forward (way);
          return CPD_BUS_WAY_DONE;
        }
      state = got->len == CHUNK ? CPD_BUS_WAY_ENDED : cpd_bus_way_receive (way, 1);
    }
  return state;
}

/* SIZE bytes, of which the head is there. It goes on without the arguments, so that GDBus can answer it. */
static void
cut (CpdBusWay *way, gsize size, guint32 bytes, guint32 values)
{
  const gsize head_size = cpd_bus_wire_head_size (way->got->data);
  g_autoptr(GBytes) head = NULL;

  if (head_size <= way->got->len)
    head = cpd_bus_wire_mark (way->got->data, head_size, CPD_BUS_WIRE_CUT, bytes, values);
  if (head != NULL)
    g_byte_array_append (way->unsent, g_bytes_get_data (head, NULL), (guint) g_bytes_get_size (head));
  else
    g_message ("a message of %" G_GSIZE_FORMAT " bytes was dropped: its header cannot be understood", size);
  cpd_bus_way_drop_fds (way);
  cpd_bus_way_forget (way);
}

/* The whole message is never there. */
static CpdBusWayState
cut_unseen (CpdBusGate *gate, gsize size)
{
  CpdBusWay *way = &gate->in;
  const gsize head_size = MIN (cpd_bus_wire_head_size (way->got->data), CHUNK);
  CpdBusWayState state = cpd_bus_way_collect (way, head_size);

  if (state != CPD_BUS_WAY_DONE)
    return state;
  cut (way, size, (guint32) size, 0);
  gate->rest = size - head_size;
  gate->stage = STAGE_REST;
  return CPD_BUS_WAY_DONE;
}

static CpdBusWayState
swallow (CpdBusGate *gate)
{
  CpdBusWayState state = cpd_bus_way_receive (&gate->in, MIN (gate->rest, CHUNK));

  gate->rest -= gate->in.got->len;
  cpd_bus_way_forget (&gate->in);
  cpd_bus_way_drop_fds (&gate->in);
  if (gate->rest == 0)
    gate->stage = STAGE_MESSAGE;
  return state;
}

static void
pass_large (CpdBusGate *gate)
{
  CpdBusWay *way = &gate->in;
  const GByteArray *got = way->got;
  const gsize head_size = cpd_bus_wire_head_size (got->data);
  g_autoptr(GBytes) head = NULL;
  guint values;

  if (cpd_bus_wire_count (got->data, got->len, CPD_BUS_GATE_VALUES_MAX, &values))
    head = cpd_bus_wire_mark (got->data, head_size, CPD_BUS_WIRE_TICKET, ++gate->ticket, values);
  if (head == NULL)
    {
      cut (way, got->len, 0, CPD_BUS_GATE_VALUES_MAX);
      return;
    }
  gate->waits = TRUE;
  g_byte_array_append (way->unsent, g_bytes_get_data (head, NULL), (guint) g_bytes_get_size (head));
  g_byte_array_append (way->unsent, got->data + head_size, (guint) (got->len - head_size));
  cpd_bus_way_forget (way);
}

static CpdBusWayState
pass_message (CpdBusGate *gate)
{
  CpdBusWay *way = &gate->in;
  CpdBusWayState state = cpd_bus_way_collect (way, CPD_BUS_WIRE_PREFIX);
  gsize size;

  if (state != CPD_BUS_WAY_DONE)
    return state;
  size = cpd_bus_wire_size (way->got->data);
  if (size == 0)
    {
      g_message ("the bus has sent what is no message");
      return CPD_BUS_WAY_ENDED;
    }
  if (size > gate->max)
    return cut_unseen (gate, size);
  state = cpd_bus_way_collect (way, size);
  if (state != CPD_BUS_WAY_DONE)
    return state;
  if (size > CPD_BUS_GATE_SMALL)
    pass_large (gate);
  else
    cpd_bus_way_forward (way);
  return CPD_BUS_WAY_DONE;
}

static CpdBusWayState
pass_in (CpdBusGate *gate)
{
  if (gate->waits)
    return CPD_BUS_WAY_OTHER;
  switch (gate->stage)
    {
    case STAGE_LINES:
      return pass_line (gate);
    case STAGE_REST:
      return swallow (gate);
    case STAGE_MESSAGE:
    default:
      return pass_message (gate);
    }
}

/* What GDBus sends is ours. */
static CpdBusWayState
pass_out (CpdBusGate *gate)
{
  CpdBusWayState state = cpd_bus_way_receive (&gate->out, CHUNK);

  if (state == CPD_BUS_WAY_DONE)
    cpd_bus_way_forward (&gate->out);
  return state;
}

/* At most some messages, or a part of one: GDBus takes its turns in the same thread. */
static CpdBusWayState
pass (CpdBusGate *gate, CpdBusWay *way)
{
  CpdBusWayState state = cpd_bus_way_flush (way);

  for (guint i = 0; i < TURN && state == CPD_BUS_WAY_DONE; i++)
    {
      state = way == &gate->in ? pass_in (gate) : pass_out (gate);
      if (state == CPD_BUS_WAY_DONE)
        state = cpd_bus_way_flush (way);
    }
  return state;
}

static void
watch (WaySource *source, int fd, GIOCondition condition)
{
  if (source->watched == fd)
    return;
  if (source->tag != NULL)
    g_source_remove_unix_fd (&source->base, source->tag);
  source->tag = fd >= 0 ? g_source_add_unix_fd (&source->base, fd, condition) : NULL;
  source->watched = fd;
}

/* The end of one way is the end of the other. */
static void
end (CpdBusGate *gate)
{
  gate->closed = TRUE;
  shutdown (gate->inner, SHUT_RDWR);
  shutdown (g_socket_get_fd (g_socket_connection_get_socket (gate->bus)), SHUT_RDWR);
}

/* A way that waits for nothing any more has had its turn, and waits for more. */
static gboolean
on_ready (GSource *base, GSourceFunc callback, gpointer data)
{
  WaySource *source = (WaySource *) base;
  CpdBusGate *gate = source->gate;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&gate->lock);
  const gint64 ready_time = g_source_get_ready_time (base);

  if (g_source_is_destroyed (base))
    return G_SOURCE_REMOVE;     /* while this waited for the lock */
  if (ready_time >= 0 && g_source_get_time (base) >= ready_time)
    {
      g_source_set_ready_time (base, -1);
      gate->waits = FALSE;
    }
  switch (gate->closed ? CPD_BUS_WAY_ENDED : pass (gate, source->way))
    {
    case CPD_BUS_WAY_OUTPUT:
      watch (source, source->way->to, G_IO_OUT);
      break;
    case CPD_BUS_WAY_OTHER:
      watch (source, -1, 0);
      g_source_set_ready_time (base, g_source_get_time (base) + PATIENCE_SECONDS * G_USEC_PER_SEC);
      break;
    case CPD_BUS_WAY_ENDED:
      end (gate);
      return G_SOURCE_REMOVE;
    case CPD_BUS_WAY_DONE:
    case CPD_BUS_WAY_INPUT:
    default:
      watch (source, source->way->from, G_IO_IN);
    }
  return G_SOURCE_CONTINUE;
}

static void
way_source_finalize (GSource *base)
{
  cpd_bus_gate_unref (((WaySource *) base)->gate);
}

static GSource *
way_source_new (CpdBusGate *gate, CpdBusWay *way)
{
  static GSourceFuncs funcs = { .dispatch = on_ready, .finalize = way_source_finalize };
  GSource *base = g_source_new (&funcs, sizeof (WaySource));
  WaySource *source = (WaySource *) base;

  g_source_set_static_name (base, way == &gate->in ? "from the bus" : "to the bus");
  source->gate = cpd_bus_gate_ref (gate);
  source->way = way;
  source->watched = -1;
  g_source_set_ready_time (base, 0);    /* so that it begins by looking what there is to do */
  return base;
}

static void
detach (CpdBusGate *gate)
{
  for (gsize i = 0; i < G_N_ELEMENTS (gate->sources); i++)
    if (gate->sources[i] != NULL)
      {
        g_source_destroy (gate->sources[i]);
        g_clear_pointer (&gate->sources[i], g_source_unref);
      }
}

/* Whoever is in the middle of it holds the lock. */
void
cpd_bus_gate_attach (CpdBusGate *gate, GMainContext *context)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&gate->lock);

  if (gate->closed)
    return;
  detach (gate);
  gate->sources[0] = way_source_new (gate, &gate->in);
  gate->sources[1] = way_source_new (gate, &gate->out);
  for (gsize i = 0; i < G_N_ELEMENTS (gate->sources); i++)
    g_source_attach (gate->sources[i], context);
}

static GIOStream *
make_stream (int fd, GError **error)
{
  cpd_autofd int owned = fd;
  g_autoptr(GSocket) socket = g_socket_new_from_fd (owned, error);

  if (socket == NULL)
    return NULL;
  (void) g_steal_fd (&owned);
  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

CpdBusGate *
cpd_bus_gate_new (GSocketConnection *bus, gsize max, GError **error)
{
  g_autoptr(GIOStream) stream = NULL;
  cpd_autofd int inner = -1;
  CpdBusGate *gate;
  int outer, pair[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make a pair of sockets");
      return NULL;
    }
  inner = pair[0];
  stream = make_stream (pair[1], error);
  if (stream == NULL)
    return NULL;

  outer = g_socket_get_fd (g_socket_connection_get_socket (bus));
  gate = g_new0 (CpdBusGate, 1);
  g_atomic_ref_count_init (&gate->ref_count);
  g_mutex_init (&gate->lock);
  gate->bus = g_object_ref (bus);
  gate->stream = g_steal_pointer (&stream);
  gate->inner = g_steal_fd (&inner);
  gate->max = max;
  gate->ticket = g_random_int ();
  cpd_bus_way_init (&gate->in, outer, gate->inner);
  cpd_bus_way_init (&gate->out, gate->inner, outer);
  cpd_bus_gate_attach (gate, NULL);
  return gate;
}

GIOStream *
cpd_bus_gate_get_stream (CpdBusGate *gate)
{
  return gate->stream;
}

gboolean
cpd_bus_gate_knows (CpdBusGate *gate, guint32 ticket)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&gate->lock);

  return ticket == gate->ticket;
}

void
cpd_bus_gate_take (CpdBusGate *gate, guint32 ticket)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&gate->lock);

  if (ticket != gate->ticket || !gate->waits)
    return;
  gate->waits = FALSE;
  if (gate->sources[0] != NULL)
    g_source_set_ready_time (gate->sources[0], 0);
}

gboolean
cpd_bus_gate_is_closed (CpdBusGate *gate)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&gate->lock);

  return gate->closed;
}

static gboolean
wait_for_room (CpdBusWay *way)
{
  GPollFD poll = { .fd = way->to, .events = G_IO_OUT };

  return g_poll (&poll, 1, LAST_WORDS_MS) > 0;
}

static void
send_last_words (CpdBusGate *gate)
{
  CpdBusWayState state;

  do
    state = pass (gate, &gate->out);
  while (state == CPD_BUS_WAY_DONE || (state == CPD_BUS_WAY_OUTPUT && wait_for_room (&gate->out)));
}

void
cpd_bus_gate_close (CpdBusGate *gate)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&gate->lock);

  detach (gate);
  if (!gate->closed)
    send_last_words (gate);
  end (gate);
}

CpdBusGate *
cpd_bus_gate_ref (CpdBusGate *gate)
{
  g_atomic_ref_count_inc (&gate->ref_count);
  return gate;
}

void
cpd_bus_gate_unref (CpdBusGate *gate)
{
  if (gate == NULL || !g_atomic_ref_count_dec (&gate->ref_count))
    return;
  cpd_bus_way_clear (&gate->in);
  cpd_bus_way_clear (&gate->out);
  close (gate->inner);
  g_object_unref (gate->stream);
  g_object_unref (gate->bus);
  g_mutex_clear (&gate->lock);
  g_free (gate);
}
