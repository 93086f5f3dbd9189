/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Messages of D-Bus as they are sent (D-Bus Specification, "Message Format"),
 * looked at without making values of them. The bus has checked them; what it
 * should not have let through is not understood, and never read beyond its end.
 */

/* What each message begins with, and what its size can be told from. */
#define CPD_BUS_WIRE_PREFIX 16

/*
 * Fields that only this process adds to a header, for itself, with two numbers:
 * of a whole message, a number of this message and how many values it has, and
 * of a message that was cut, how many bytes and values it had, or 0 for either
 * when that was not the reason.
 */
#define CPD_BUS_WIRE_TICKET 200
#define CPD_BUS_WIRE_CUT 201

/* The size of the fields, with the prefix and what they are padded with. */
gsize    cpd_bus_wire_head_size (const guint8  *prefix);
/* 0 when there is no message that begins like this. */
gsize    cpd_bus_wire_size      (const guint8  *prefix);
/* How many values the arguments of a whole message are; FALSE if there are more than MAX, or none that are understood. */
gboolean cpd_bus_wire_count     (const guint8  *message,
                                 gsize          size,
                                 guint          max,
                                 guint         *values);
/*
 * The head of a message with one more field, CODE; with CPD_BUS_WIRE_CUT, that
 * of a message without arguments and descriptors. NULL when HEAD cannot be
 * understood.
 */
GBytes  *cpd_bus_wire_mark      (const guint8  *head,
                                 gsize          head_size,
                                 guint8         code,
                                 guint32        first,
                                 guint32        second);

G_END_DECLS
