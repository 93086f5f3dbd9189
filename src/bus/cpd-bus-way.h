/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* SCM_MAX_FD: the kernel passes no more descriptors at once. */
#define CPD_BUS_WAY_FDS_MAX 253

/* One direction between two sockets: what has come from one, and what is still to go to the other, with its descriptors. */
typedef struct
{
  int from;
  int to;
  GByteArray *got;              /* (owned) */
  GByteArray *unsent;           /* (owned) */
  gsize sent;                   /* of that */
  int fds[CPD_BUS_WAY_FDS_MAX]; /* that came with what was got, or go with what is unsent */
  guint n_fds;
} CpdBusWay;

/* What a way waits for. */
typedef enum
{
  CPD_BUS_WAY_DONE,             /* nothing */
  CPD_BUS_WAY_INPUT,
  CPD_BUS_WAY_OUTPUT,
  CPD_BUS_WAY_OTHER,            /* something else */
  CPD_BUS_WAY_ENDED             /* one of the sockets is closed */
} CpdBusWayState;

void           cpd_bus_way_init    (CpdBusWay *way,
                                    int        from,
                                    int        to);
void           cpd_bus_way_clear   (CpdBusWay *way);
/* Until SIZE bytes are there, which are never more. */
CpdBusWayState cpd_bus_way_collect (CpdBusWay *way,
                                    gsize      size);
/* What there is, at most SIZE bytes. */
CpdBusWayState cpd_bus_way_receive (CpdBusWay *way,
                                    gsize      size);
/* What was got is to go on as it is. */
void           cpd_bus_way_forward (CpdBusWay *way);
/* What was got goes nowhere; its descriptors are kept. */
void           cpd_bus_way_forget  (CpdBusWay *way);
/* Sends what is unsent. */
CpdBusWayState cpd_bus_way_flush   (CpdBusWay *way);
/* Closes the descriptors that came. */
void           cpd_bus_way_drop_fds (CpdBusWay *way);

G_END_DECLS
