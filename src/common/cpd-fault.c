/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"

/* A writer that opens the fifo knows that the point is reached, and its end lets the process go on. */
static void
halt (const char *name)
{
  const char *wanted = g_getenv ("CPOD_HALT");
  const gsize length = strlen (name);
  cpd_autofd int fd = -1;
  char byte;

  if (G_LIKELY (wanted == NULL) || strncmp (wanted, name, length) != 0 || wanted[length] != ':')
    return;
  fd = open (wanted + length + 1, O_RDONLY | O_CLOEXEC);
  while (fd >= 0 && read (fd, &byte, 1) > 0)
    continue;
}

void
cpd_fault_point (const char *name)
{
  static gint passed = 0;
  const char *wanted = g_getenv ("CPOD_FAULT");
  const char *colon;
  gsize length;
  int times = 1;

  halt (name);
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
