/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Writes events, one on a line: in podman's form, as JSON, or by a template. */
typedef struct _CliEventPrinter CliEventPrinter;

CliEventPrinter *cli_event_printer_new   (const char       *format,
                                          gboolean          trunc,
                                          GError          **error);
void             cli_event_printer_free  (CliEventPrinter  *self);
gboolean         cli_event_printer_print (CliEventPrinter  *self,
                                          GVariant         *event,
                                          GError          **error);
char            *cli_event_text          (GVariant         *event,
                                          gboolean          trunc);
GVariant        *cli_event_row           (GVariant         *event);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliEventPrinter, cli_event_printer_free)

G_END_DECLS
