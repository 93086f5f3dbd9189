/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What the command line tells. */
typedef struct
{
  char *root;                   /* (nullable): all state is below it */
  gboolean session;             /* on the session bus */
  int peer;                     /* serve the client on this descriptor instead; -1 for none */
} CpdServiceOptions;

/* Runs the service until it is told to end: the exit status of the process. */
int cpd_service_run (const CpdServiceOptions *options);

G_END_DECLS
