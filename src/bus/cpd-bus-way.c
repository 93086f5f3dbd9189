/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-way.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Buffers that have become larger than this are not kept. */
#define KEPT (64 << 10)

typedef union
{
  struct cmsghdr header;
  guint8 bytes[CMSG_SPACE (CPD_BUS_WAY_FDS_MAX * sizeof (int))];
} Control;

void
cpd_bus_way_init (CpdBusWay *way, int from, int to)
{
  *way = (CpdBusWay) { .from = from, .to = to, .got = g_byte_array_new (), .unsent = g_byte_array_new () };
}

void
cpd_bus_way_clear (CpdBusWay *way)
{
  cpd_bus_way_drop_fds (way);
  g_byte_array_unref (way->got);
  g_byte_array_unref (way->unsent);
}

void
cpd_bus_way_drop_fds (CpdBusWay *way)
{
  for (guint i = 0; i < way->n_fds; i++)
    close (way->fds[i]);
  way->n_fds = 0;
}

static void
take_fds (CpdBusWay *way, struct msghdr *message)
{
  for (struct cmsghdr *item = CMSG_FIRSTHDR (message); item != NULL; item = CMSG_NXTHDR (message, item))
    {
      const guint8 *data = CMSG_DATA (item);

      if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
        continue;
      for (gsize n = (item->cmsg_len - CMSG_LEN (0)) / sizeof (int); n > 0; n--, data += sizeof (int))
        {
          int fd;

          memcpy (&fd, data, sizeof fd);
          if (way->n_fds < CPD_BUS_WAY_FDS_MAX)
            way->fds[way->n_fds++] = fd;
          else
            close (fd);
        }
    }
}

static CpdBusWayState
why (CpdBusWayState wait)
{
  return errno == EAGAIN || errno == EWOULDBLOCK ? wait : CPD_BUS_WAY_ENDED;
}

CpdBusWayState
cpd_bus_way_receive (CpdBusWay *way, gsize size)
{
  const guint have = way->got->len;
  Control control;
  struct iovec part = { NULL, size };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
  gssize n;

  g_byte_array_set_size (way->got, have + (guint) size);
  part.iov_base = way->got->data + have;
  do
    n = recvmsg (way->from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  g_byte_array_set_size (way->got, have + (guint) MAX (n, 0));
  if (n < 0)
    return why (CPD_BUS_WAY_INPUT);
  if (n == 0)
    return CPD_BUS_WAY_ENDED;
  take_fds (way, &message);
  return CPD_BUS_WAY_DONE;
}

CpdBusWayState
cpd_bus_way_collect (CpdBusWay *way, gsize size)
{
  CpdBusWayState state = CPD_BUS_WAY_DONE;

  while (state == CPD_BUS_WAY_DONE && way->got->len < size)
    state = cpd_bus_way_receive (way, size - way->got->len);
  return state;
}

static void
empty (GByteArray **bytes)
{
  if ((*bytes)->len > KEPT)
    {
      g_byte_array_unref (*bytes);
      *bytes = g_byte_array_new ();
    }
  g_byte_array_set_size (*bytes, 0);
}

void
cpd_bus_way_forget (CpdBusWay *way)
{
  empty (&way->got);
}

void
cpd_bus_way_forward (CpdBusWay *way)
{
  GByteArray *sent = way->unsent;

  way->unsent = way->got;
  way->got = sent;
}

static void
pack_fds (const CpdBusWay *way, struct msghdr *message, Control *control)
{
  struct cmsghdr *item;

  message->msg_control = control;
  message->msg_controllen = CMSG_SPACE (way->n_fds * sizeof (int));
  item = CMSG_FIRSTHDR (message);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN (way->n_fds * sizeof (int));
  memcpy (CMSG_DATA (item), way->fds, way->n_fds * sizeof (int));
}

/* Descriptors go with the first byte, as in GDBus and libdbus. */
static CpdBusWayState
send_some (CpdBusWay *way)
{
  struct iovec part = { way->unsent->data + way->sent, way->unsent->len - way->sent };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
  Control control = { 0 };
  gssize n;

  if (way->n_fds > 0)
    pack_fds (way, &message, &control);
  do
    n = sendmsg (way->to, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return why (CPD_BUS_WAY_OUTPUT);
  cpd_bus_way_drop_fds (way);
  way->sent += (gsize) n;
  return CPD_BUS_WAY_DONE;
}

CpdBusWayState
cpd_bus_way_flush (CpdBusWay *way)
{
  CpdBusWayState state = CPD_BUS_WAY_DONE;

  while (state == CPD_BUS_WAY_DONE && way->sent < way->unsent->len)
    state = send_some (way);
  if (state == CPD_BUS_WAY_DONE && way->sent > 0)
    {
      way->sent = 0;
      empty (&way->unsent);
    }
  return state;
}
