/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib-unix.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-layer.h"
#include "public/cpod-error.h"
#include "test-archive.h"
#include "test-scratch.h"
#include "test-unpacking.h"

#define MIB (1024 * 1024)

/* What ends the threads of an unpacking, and what they may use up until then. */

static guint64
bytes_used (TestUnpacking *self)
{
  struct statvfs info;

  g_assert_cmpint (fstatvfs (self->root, &info), ==, 0);
  return (info.f_blocks - info.f_bfree) * info.f_frsize;
}

/* An archive with one file of SIZE zeros. */
static GBytes *
make_archive (const char *filter, gsize size)
{
  TestArchive *archive = test_archive_new (filter);
  g_autofree char *contents = g_malloc0 (size);

  test_archive_add (archive, test_archive_entry ("zeros", AE_IFREG, 0644), contents, size);
  return test_archive_finish (archive);
}

static gboolean
extract (TestUnpacking *self, GBytes *archive, const CpdLayerLimits *limits, GError **error)
{
  cpd_autofd int fd = test_bytes_open (archive);

  return cpd_layer_extract (fd, self->root, self->blob, limits, NULL, NULL, NULL, &self->info, error);
}

/* A few KiB that would be 48 MiB: not much more than is allowed is ever written. */
static void
test_bomb (TestUnpacking *self, gconstpointer filter)
{
  const CpdLayerLimits limits = { .size = 4 * MIB };
  g_autoptr(GBytes) archive = make_archive (filter, 48 * MIB);
  g_autoptr(GError) error = NULL;

  g_assert_false (extract (self, archive, &limits, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
  g_assert_nonnull (strstr (error->message, "4194304"));
  g_assert_cmpuint (bytes_used (self), <, strcmp (filter, "none") == 0 ? 17 * MIB : 9 * MIB);
}

static void
test_size (TestUnpacking *self, gconstpointer filter)
{
  g_autoptr(GBytes) archive = make_archive (filter, MIB);
  g_autoptr(GBytes) plain = make_archive ("none", MIB);
  const CpdLayerLimits exact = { .size = g_bytes_get_size (plain) };
  const CpdLayerLimits less = { .size = exact.size - 1 };
  g_autoptr(GError) error = NULL;

  g_assert_false (extract (self, archive, &less, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
  g_clear_error (&error);
  g_assert_true (extract (self, archive, &exact, &error));
  g_assert_no_error (error);
}

static void
test_entries (TestUnpacking *self, gconstpointer data)
{
  const CpdLayerLimits exact = { .entries = 10 }, less = { .entries = 9 };
  TestArchive *archive = test_archive_new ("gzip");
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  for (char name[] = "a"; name[0] <= 'j'; name[0]++)
    test_archive_file (archive, name, name);
  bytes = test_archive_finish (archive);
  g_assert_false (extract (self, bytes, &less, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
  g_assert_nonnull (strstr (error->message, "more than 9 entries"));
  g_clear_error (&error);
  g_assert_true (extract (self, bytes, &exact, &error));
  g_assert_no_error (error);
}

/* The blob's disk is full, or the files' is. */
static void
test_disk_full (TestUnpacking *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = make_archive ("none", 20 * MIB);
  g_autoptr(GError) error = NULL;
  cpd_autofd int full = open ("/dev/full", O_WRONLY | O_CLOEXEC);
  cpd_autofd int fd = test_bytes_open (archive);

  g_assert_false (cpd_layer_extract (fd, self->root, full, NULL, NULL, NULL, NULL, &self->info, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_DISK_FULL);
  g_clear_error (&error);
  g_clear_pointer (&archive, g_bytes_unref);
  archive = make_archive ("gzip", 70 * MIB);
  g_assert_false (extract (self, archive, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_DISK_FULL);
}

typedef struct
{
  int fd;
  const void *data;             /* written again and again */
  gsize length;
  guint times;                  /* 0 for as long as somebody reads */
  GBytes *last;                 /* (nullable) written at the end */
} Feed;

/* Writes to a pipe, whose other end may be closed at any time. */
static gpointer
feed (gpointer user_data)
{
  Feed *self = user_data;
  gboolean open = TRUE;

  for (guint i = 0; open && (self->times == 0 || i < self->times); i++)
    open = cpd_fs_write_all (self->fd, self->data, self->length, NULL);
  if (open && self->last != NULL)
    cpd_fs_write_all (self->fd, g_bytes_get_data (self->last, NULL), g_bytes_get_size (self->last), NULL);
  cpd_close_fd (&self->fd);
  return NULL;
}

static void
open_pipe (int *read_end, int *write_end)
{
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  *read_end = fds[0];
  *write_end = fds[1];
}

/* The header of an entry, without what ends an archive. */
static GBytes *
header_of (const char *name, mode_t type)
{
  TestArchive *archive = test_archive_new ("none");
  struct archive_entry *entry = test_archive_entry (name, type, 0755);
  g_autoptr(GBytes) bytes = NULL;

  test_archive_add (archive, entry, NULL, 0);
  bytes = test_archive_finish (archive);
  return g_bytes_new_from_bytes (bytes, 0, 512);
}

/* A million entries, all of one name. */
static void
test_million (TestUnpacking *self, gconstpointer data)
{
  enum { AT_ONCE = 1000 };
  g_autoptr(GBytes) header = header_of ("directory", AE_IFDIR);
  g_autoptr(GBytes) end = g_bytes_new_take (g_malloc0 (1024), 1024);
  g_autofree guint8 *block = g_malloc (AT_ONCE * 512);
  Feed source = { .data = block, .length = AT_ONCE * 512, .times = 1000000 / AT_ONCE, .last = end };
  g_autoptr(GError) error = NULL;
  cpd_autofd int fd = -1, null = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  GThread *thread;

  for (int i = 0; i < AT_ONCE; i++)
    memcpy (block + i * 512, g_bytes_get_data (header, NULL), 512);
  open_pipe (&fd, &source.fd);
  thread = g_thread_new ("feed", feed, &source);
  cpd_layer_extract (fd, self->root, null, NULL, NULL, NULL, NULL, &self->info, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (self->info.entries, ==, 1000000);
  g_thread_join (thread);
}

/* Whoever writes into the pipe neither ends nor goes on, and that keeps nobody from telling what is wrong. */
static void
test_waiting (TestUnpacking *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  cpd_autofd int fd = -1, write_end = -1;

  test_archive_file (archive, "../evil", "evil");
  bytes = test_archive_finish (archive);
  open_pipe (&fd, &write_end);
  g_assert_true (cpd_fs_write_all (write_end, g_bytes_get_data (bytes, NULL), 1024, NULL));
  g_assert_false (cpd_layer_extract (fd, self->root, self->blob, NULL, NULL, NULL, NULL, &self->info, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
  g_assert_nonnull (strstr (error->message, "../evil"));
}

static void
cancel_when_read (guint64 done, guint64 total, gpointer cancellable)
{
  if (done > 3 * MIB)
    g_cancellable_cancel (cancellable);
}

/* It has no end, and all threads have something to do. */
static void
test_cancel (TestUnpacking *self, gconstpointer data)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GBytes) header = header_of ("directory", AE_IFDIR);
  Feed source = { .data = g_bytes_get_data (header, NULL), .length = 512 };
  g_autoptr(GError) error = NULL;
  cpd_autofd int fd = -1;
  GThread *thread;

  open_pipe (&fd, &source.fd);
  thread = g_thread_new ("feed", feed, &source);
  g_assert_false (cpd_layer_extract (fd, self->root, self->blob, NULL, cancel_when_read, cancellable, cancellable,
                                     &self->info, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
  cpd_close_fd (&fd);
  g_thread_join (thread);
}

static void
test_cancelled_before (TestUnpacking *self, gconstpointer data)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GBytes) archive = make_archive ("none", 1000);
  g_autoptr(GError) error = NULL;
  cpd_autofd int fd = test_bytes_open (archive);

  g_cancellable_cancel (cancellable);
  g_assert_false (cpd_layer_extract (fd, self->root, self->blob, NULL, NULL, NULL, cancellable, &self->info, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
  g_assert_cmpint (faccessat (self->root, "zeros", F_OK, 0), ==, -1);
}

/* Each write is one read at the other end. */
static void
open_packets (int *read_end, int *write_end)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
  *read_end = fds[0];
  *write_end = fds[1];
}

typedef struct
{
  int fd;
  GBytes *bytes;
  gsize piece;                  /* length of each write */
} Pieces;

static gpointer
feed_pieces (gpointer user_data)
{
  Pieces *pieces = user_data;
  gsize length;
  const guint8 *data = g_bytes_get_data (pieces->bytes, &length);

  for (gsize i = 0; i < length; i += pieces->piece)
    g_assert_true (cpd_fs_write_all (pieces->fd, data + i, MIN (pieces->piece, length - i), NULL));
  cpd_close_fd (&pieces->fd);
  return NULL;
}

/* In however small pieces an archive comes, it is the same one. */
static void
test_pieces (TestUnpacking *self, gconstpointer filter)
{
  static const gsize lengths[] = { 1, 5, 511, 4097, 65536 };
  g_autoptr(GBytes) archive = make_archive (filter, 30000);
  g_autofree char *digest = NULL, *diff_id = NULL;

  g_assert_true (extract (self, archive, NULL, NULL));
  digest = g_steal_pointer (&self->info.blob_digest);
  diff_id = g_steal_pointer (&self->info.diff_id);
  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      Pieces pieces = { .bytes = archive, .piece = lengths[i] };
      g_autoptr(GError) error = NULL;
      cpd_autofd int fd = -1;
      GThread *thread;

      cpd_layer_info_clear (&self->info);
      open_packets (&fd, &pieces.fd);
      thread = g_thread_new ("pieces", feed_pieces, &pieces);
      cpd_layer_extract (fd, self->root, self->blob, NULL, NULL, NULL, NULL, &self->info, &error);
      g_assert_no_error (error);
      g_thread_join (thread);
      g_assert_cmpstr (self->info.blob_digest, ==, digest);
      g_assert_cmpstr (self->info.diff_id, ==, diff_id);
    }
}

#define ADD(path, data, function) g_test_add (path, TestUnpacking, data, test_unpacking_set_up, function, test_unpacking_tear_down)

int
main (int argc, char *argv[])
{
  static const char *const filters[] = { "none", "gzip", "zstd", "xz", "bzip2" };

  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  signal (SIGPIPE, SIG_IGN);
  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++)
    {
      g_autofree char *bomb = g_strconcat ("/oci/limits/bomb/", filters[i], NULL);
      g_autofree char *size = g_strconcat ("/oci/limits/size/", filters[i], NULL);
      g_autofree char *pieces = g_strconcat ("/oci/limits/pieces/", filters[i], NULL);

      ADD (bomb, filters[i], test_bomb);
      ADD (size, filters[i], test_size);
      ADD (pieces, filters[i], test_pieces);
    }
  ADD ("/oci/limits/entries", NULL, test_entries);
  ADD ("/oci/limits/million", NULL, test_million);
  ADD ("/oci/limits/disk-full", NULL, test_disk_full);
  ADD ("/oci/limits/waiting", NULL, test_waiting);
  ADD ("/oci/limits/cancel", NULL, test_cancel);
  ADD ("/oci/limits/cancelled-before", NULL, test_cancelled_before);
  return g_test_run ();
}
