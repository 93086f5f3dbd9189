/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * A place where a test may kill the process, as a crash or a power cut would:
 * with CPOD_FAULT=NAME in the environment the process gets SIGKILL when it
 * reaches the point of that name; NAME:3 spares it the first two times.
 * With CPOD_HALT=NAME:FIFO it waits there until somebody has opened the fifo
 * for writing and closed it again.
 */
void cpd_fault_point (const char *name);

G_END_DECLS
