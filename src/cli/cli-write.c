/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-write.h"

#include <errno.h>
#include <unistd.h>

gboolean
cli_write_all (int         fd,
               const void *data,
               gsize       length)
{
  const char *at = data;

  while (length > 0)
    {
      const gssize n = write (fd, at, length);

      if (n < 0 && errno == EAGAIN)
        {
          GPollFD poll_fd = { .fd = fd, .events = G_IO_OUT };

          g_poll (&poll_fd, 1, -1);
        }
      else if (n < 0 && errno != EINTR)
        return FALSE;
      else if (n > 0)
        {
          at += n;
          length -= n;
        }
    }

  return TRUE;
}
