/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fault.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

void
cpd_fault_point (const char *name)
{
  static gint passed = 0;
  const char *wanted = g_getenv ("CPOD_FAULT");
  const char *colon;
  gsize length;
  int times = 1;

  if (G_LIKELY (wanted == NULL))
    return;

  colon = strchr (wanted, ':');
  length = colon != NULL ? (gsize) (colon - wanted) : strlen (wanted);
  if (colon != NULL)
    times = atoi (colon + 1);
  if (strlen (name) == length && strncmp (name, wanted, length) == 0
      && g_atomic_int_add (&passed, 1) + 1 >= times)
    raise (SIGKILL);
}
