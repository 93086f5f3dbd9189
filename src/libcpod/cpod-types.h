/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * CpodClientFlags:
 * @CPOD_CLIENT_FLAGS_NONE: No flags.
 * @CPOD_CLIENT_FLAGS_NO_PROXIES: Do not make the proxies of the properties
 *   #CpodClient:runtime and #CpodClient:images, which stay %NULL. This saves
 *   round trips for a program that makes a call or two and ends.
 *
 * How a client is set up.
 *
 * Since: 0.1
 */
typedef enum /*< flags >*/
{
  CPOD_CLIENT_FLAGS_NONE = 0,
  CPOD_CLIENT_FLAGS_NO_PROXIES = 1 << 0,
} CpodClientFlags;

/**
 * CpodStreamId:
 * @CPOD_STREAM_ID_NONE: No stream: the end was reached.
 * @CPOD_STREAM_ID_STDOUT: Standard output.
 * @CPOD_STREAM_ID_STDERR: Standard error.
 *
 * Which of a container's streams data comes from.
 *
 * Since: 0.1
 */
typedef enum
{
  CPOD_STREAM_ID_NONE = 0,
  CPOD_STREAM_ID_STDOUT = 2,
  CPOD_STREAM_ID_STDERR = 3,
} CpodStreamId;

/**
 * CPOD_EVENTS_FROM_NOW:
 *
 * For cpod_client_follow_events(): no event that has happened before.
 *
 * Since: 0.1
 */
#define CPOD_EVENTS_FROM_NOW ((guint64) 18446744073709551615U)

/**
 * CpodOutputCallback:
 * @stream: which stream the data comes from
 * @data: the data
 * @user_data: what was passed with the callback
 *
 * Takes a piece of output.
 *
 * Since: 0.1
 */
typedef void (*CpodOutputCallback) (CpodStreamId stream,
                                    GBytes      *data,
                                    gpointer     user_data);

/**
 * CpodProgressCallback:
 * @done: bytes worked on so far
 * @total: bytes there are, 0 when that is not known
 * @user_data: what was passed with the callback
 *
 * Tells how far a job has come.
 *
 * Since: 0.1
 */
typedef void (*CpodProgressCallback) (guint64  done,
                                      guint64  total,
                                      gpointer user_data);

G_END_DECLS
