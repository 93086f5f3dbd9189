/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sqlite3.h> /* BAD */
#include <seccomp.h> /* BAD */
#include <archive_entry.h> /* BAD */
#include <isa-l/igzip_lib.h> /* BAD */
#include <nettle/sha2.h> /* BAD */
#include <json-glib/json-glib.h> /* BAD */
/* Words in a comment, such as sqlite3_open or SELECT x FROM y, are free. */
static const char query[] = "SELECT id FROM containers"; /* BAD */

static void
reply (GDBusMethodInvocation *invocation) /* BAD */
{
  g_dbus_connection_flush_sync (NULL, NULL, NULL); /* BAD */
  json_parser_new (); /* BAD */
  sha256_init (NULL); /* BAD */
}
