/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib-unix.h>
#include <locale.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-layer.h"
#include "oci/cpd-tar-writer.h"
#include "public/cpod-error.h"
#include "test-scratch.h"

typedef struct
{
  char *scratch;
  char *from_path;
  char *to_path;
  int from;
  int to;
  int archive;
} Fixture;

static int
make_root (Fixture *self, const char *name, char **path)
{
  *path = g_build_filename (self->scratch, name, NULL);
  g_assert_cmpint (mkdir (*path, 0755), ==, 0);
  return open (*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
set_up (Fixture *self, gconstpointer data)
{
  self->scratch = test_scratch_new ("64m");
  self->from = make_root (self, "from", &self->from_path);
  self->to = make_root (self, "to", &self->to_path);
  self->archive = memfd_create ("archive", MFD_CLOEXEC);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  cpd_close_fd (&self->from);
  cpd_close_fd (&self->to);
  cpd_close_fd (&self->archive);
  g_free (self->from_path);
  g_free (self->to_path);
  test_scratch_free (self->scratch);
}

static void
write_file (int root, const char *name, const char *text)
{
  cpd_autofd int fd = openat (root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

  g_assert_cmpint (fd, >=, 0);
  g_assert_true (cpd_fs_write_all (fd, text, strlen (text), NULL));
}

static struct stat
look (int root, const char *name)
{
  struct stat info;

  if (fstatat (root, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
    g_error ("%s is missing", name);
  return info;
}

static void
pack (Fixture *self, const CpdTarOptions *options, const char *base, const char *name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdTarWriter) writer = cpd_tar_writer_new (self->archive, options, &error);

  g_assert_no_error (error);
  cpd_tar_writer_add (writer, self->from, base, name, &error);
  g_assert_no_error (error);
  cpd_tar_writer_finish (writer, &error);
  g_assert_no_error (error);
  g_assert_cmpint (lseek (self->archive, 0, SEEK_SET), ==, 0);
}

static void
unpack (Fixture *self)
{
  g_autoptr(GError) error = NULL;
  g_auto(CpdLayerInfo) info = { 0 };

  cpd_layer_extract (self->archive, self->to, -1, NULL, NULL, NULL, NULL, &info, &error);
  g_assert_no_error (error);
  g_assert_cmpint (lseek (self->archive, 0, SEEK_SET), ==, 0);
}

/* The names in the archive, as one string. */
static char *
list_archive (Fixture *self)
{
  struct archive *archive = archive_read_new ();
  struct archive_entry *entry;
  GString *names = g_string_new (NULL);

  archive_read_support_format_tar (archive);
  g_assert_cmpint (archive_read_open_fd (archive, self->archive, 10240), ==, ARCHIVE_OK);
  while (archive_read_next_header (archive, &entry) == ARCHIVE_OK)
    g_string_append_printf (names, "%s%s", names->len > 0 ? " " : "", archive_entry_pathname (entry));
  archive_read_free (archive);
  g_assert_cmpint (lseek (self->archive, 0, SEEK_SET), ==, 0);
  return g_string_free (names, FALSE);
}

static void
test_kinds (Fixture *self, gconstpointer data)
{
  const CpdTarOptions options = { 0 };
  const struct timespec times[2] = { { 1000000000, 0 }, { 1234567890, 0 } };
  char target[16] = "";

  write_file (self->from, "secret", "of many");
  g_assert_cmpint (fchownat (self->from, "secret", 12, 34, 0), ==, 0);
  g_assert_cmpint (fchmodat (self->from, "secret", 04640, 0), ==, 0);
  g_assert_cmpint (utimensat (self->from, "secret", times, 0), ==, 0);
  g_assert_cmpint (mkdirat (self->from, "sub", 0750), ==, 0);
  g_assert_cmpint (linkat (self->from, "secret", self->from, "sub/again", 0), ==, 0);
  g_assert_cmpint (symlinkat ("/no/where", self->from, "link"), ==, 0);
  g_assert_cmpint (mknodat (self->from, "null", S_IFCHR | 0666, makedev (1, 3)), ==, 0);
  g_assert_cmpint (mkfifoat (self->from, "fifo", 0600), ==, 0);
  g_assert_cmpint (mknodat (self->from, "socket", S_IFSOCK | 0600, 0), ==, 0);
  write_file (self->from, "\303\244 \n\377", "odd");
  pack (self, &options, ".", "");
  unpack (self);

  g_assert_cmpint (look (self->to, "secret").st_mode, ==, S_IFREG | 04640);
  g_assert_cmpint (look (self->to, "secret").st_uid, ==, 12);
  g_assert_cmpint (look (self->to, "secret").st_gid, ==, 34);
  g_assert_cmpint (look (self->to, "secret").st_mtime, ==, 1234567890);
  g_assert_cmpint (look (self->to, "secret").st_size, ==, 7);
  g_assert_cmpint (look (self->to, "sub/again").st_ino, ==, look (self->to, "secret").st_ino);
  g_assert_cmpint (look (self->to, "sub").st_mode, ==, S_IFDIR | 0750);
  g_assert_cmpint (readlinkat (self->to, "link", target, sizeof target), ==, 9);
  g_assert_cmpint (look (self->to, "null").st_rdev, ==, makedev (1, 3));
  g_assert_cmpint (look (self->to, "fifo").st_mode, ==, S_IFIFO | 0600);
  g_assert_cmpint (look (self->to, "\303\244 \n\377").st_size, ==, 3);
  g_assert_cmpint (faccessat (self->to, "socket", F_OK, 0), ==, -1);
}

static void
test_sparse (Fixture *self, gconstpointer data)
{
  const CpdTarOptions options = { 0 };
  cpd_autofd int fd = openat (self->from, "holes", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  cpd_autofd int empty = openat (self->from, "nothing", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  cpd_autofd int got = -1;
  char byte = 0;

  g_assert_cmpint (pwrite (fd, "a", 1, 1024 * 1024), ==, 1);
  g_assert_cmpint (pwrite (fd, "b", 1, 300 * 1024 * 1024), ==, 1);
  g_assert_cmpint (ftruncate (fd, 400 * 1024 * 1024), ==, 0);
  g_assert_cmpint (ftruncate (empty, 400 * 1024 * 1024), ==, 0);
  pack (self, &options, ".", "");
  unpack (self);

  got = openat (self->to, "holes", O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (look (self->to, "holes").st_size, ==, 400 * 1024 * 1024);
  g_assert_cmpint (look (self->to, "holes").st_blocks, <, 1024);
  g_assert_cmpint (pread (got, &byte, 1, 1024 * 1024), ==, 1);
  g_assert_cmpint (byte, ==, 'a');
  g_assert_cmpint (pread (got, &byte, 1, 300 * 1024 * 1024), ==, 1);
  g_assert_cmpint (byte, ==, 'b');
  g_assert_cmpint (look (self->to, "nothing").st_size, ==, 400 * 1024 * 1024);
  g_assert_cmpint (look (self->to, "nothing").st_blocks, <, 1024);
}

static void
test_xattrs (Fixture *self, gconstpointer data)
{
  const CpdTarOptions options = { 0 };
  /* cap_net_raw+ep */
  const guint8 capability[20] = { 1, 0, 0, 2, 0, 0x20 };
  g_autofree char *from = g_build_filename (self->from_path, "ping", NULL);
  g_autofree char *to = g_build_filename (self->to_path, "ping", NULL);
  guint8 found[64];

  write_file (self->from, "ping", "");
  g_assert_cmpint (setxattr (from, "security.capability", capability, sizeof capability, 0), ==, 0);
  g_assert_cmpint (setxattr (from, "trusted.secret", "x", 1, 0), ==, 0);
  pack (self, &options, ".", "");
  unpack (self);

  g_assert_cmpint (getxattr (to, "security.capability", found, sizeof found), ==, sizeof capability);
  g_assert_cmpmem (found, sizeof capability, capability, sizeof capability);
  g_assert_cmpint (getxattr (to, "trusted.secret", found, sizeof found), ==, -1);
}

static gboolean
hides_only_old (const char *path, gpointer user_data)
{
  return strcmp (path, "old") == 0;
}

static void
test_upper (Fixture *self, gconstpointer data)
{
  const CpdTarOptions options = { .upper = TRUE, .hides = hides_only_old };
  const char *const opaque[] = { "old", "new" };
  g_autofree char *names = NULL;

  g_assert_cmpint (mknodat (self->from, "gone", S_IFCHR, 0), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (opaque); i++)
    {
      g_autofree char *path = g_build_filename (self->from_path, opaque[i], NULL);

      g_assert_cmpint (mkdir (path, 0755), ==, 0);
      g_assert_cmpint (setxattr (path, "trusted.overlay.opaque", "y", 1, 0), ==, 0);
    }
  write_file (self->from, "old/file", "x");
  pack (self, &options, ".", "");
  names = list_archive (self);
  g_assert_cmpstr (names, ==, "./ .wh.gone new/ old/ old/.wh..wh..opq old/file");
}

static void
test_torn (Fixture *self, gconstpointer data)
{
  const CpdTarOptions options = { .upper = TRUE };
  g_autofree char *path = g_build_filename (self->from_path, "moved", NULL);
  g_autoptr(CpdTarWriter) writer = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (mkdir (path, 0755), ==, 0);
  g_assert_cmpint (setxattr (path, "trusted.overlay.redirect", "/x", 2, 0), ==, 0);
  writer = cpd_tar_writer_new (self->archive, &options, &error);
  g_assert_false (cpd_tar_writer_add (writer, self->from, ".", "", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "moved"));
}

static void
test_renamed (Fixture *self, gconstpointer data)
{
  const CpdTarOptions options = { 0 };
  g_autofree char *names = NULL;

  g_assert_cmpint (mkdirat (self->from, "dir", 0755), ==, 0);
  write_file (self->from, "dir/b", "");
  write_file (self->from, "dir/a", "");
  write_file (self->from, "other", "");
  pack (self, &options, "dir", "new name");
  names = list_archive (self);
  g_assert_cmpstr (names, ==, "new name/ new name/a new name/b");
}

static void
test_single (Fixture *self, gconstpointer data)
{
  const CpdTarOptions options = { 0 };
  g_autofree char *names = NULL;

  write_file (self->from, "file", "text");
  pack (self, &options, "file", "other");
  names = list_archive (self);
  g_assert_cmpstr (names, ==, "other");
}

/* Deeper than there may be descriptors, and than a path may be long is an error that names it. */
static void
test_deep (Fixture *self, gconstpointer data)
{
  const CpdTarOptions options = { 0 };
  cpd_autofd int fd = dup (self->from);

  for (int i = 0; i < 1500; i++)
    {
      int next;

      g_assert_cmpint (mkdirat (fd, "d", 0755), ==, 0);
      next = openat (fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      cpd_close_fd (&fd);
      fd = next;
    }
  write_file (fd, "file", "x");
  pack (self, &options, ".", "");
  unpack (self);
}

typedef struct
{
  Fixture *fixture;
  CpdTarOptions options;
  int fd;
  GError *error;
} Job;

static gpointer
pack_thread (gpointer user_data)
{
  Job *job = user_data;
  g_autoptr(CpdTarWriter) writer = cpd_tar_writer_new (job->fd, &job->options, &job->error);

  if (writer != NULL && cpd_tar_writer_add (writer, job->fixture->from, ".", "", &job->error))
    cpd_tar_writer_finish (writer, &job->error);
  return NULL;
}

/* Whoever has the other end does not read; DATA tells what it is. */
static void
test_cancel (Fixture *self, gconstpointer data)
{
  const gboolean is_socket = GPOINTER_TO_INT (data);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Job job = { .fixture = self, .options = { .cancellable = cancellable } };
  cpd_autofd int file = openat (self->from, "large", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  g_autofree char *block = g_malloc0 (4 * 1024 * 1024);
  int fds[2];
  GThread *thread;

  g_assert_true (cpd_fs_write_all (file, block, 4 * 1024 * 1024, NULL));
  if (is_socket)
    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  else
    g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  job.fd = fds[1];
  thread = g_thread_new ("pack", pack_thread, &job);
  g_cancellable_cancel (cancellable);
  g_thread_join (thread);
  g_assert_error (job.error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
  g_assert_false (fcntl (fds[1], F_GETFL) & O_NONBLOCK);
  g_clear_error (&job.error);
  close (fds[0]);
  close (fds[1]);
}

static void
test_closed (Fixture *self, gconstpointer data)
{
  Job job = { .fixture = self };
  int fds[2];

  write_file (self->from, "file", "x");
  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  close (fds[0]);
  job.fd = fds[1];
  signal (SIGPIPE, SIG_IGN);
  pack_thread (&job);
  g_assert_nonnull (job.error);
  g_assert_cmpint (job.error->domain, ==, CPOD_ERROR);
  g_clear_error (&job.error);
  close (fds[1]);
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C");
  test_scratch_init ();
  g_test_init (&argc, &argv, NULL);

#define ADD(path, data, func) g_test_add ("/oci/tar-writer/" path, Fixture, data, set_up, func, tear_down)
  ADD ("kinds", NULL, test_kinds);
  ADD ("sparse", NULL, test_sparse);
  ADD ("xattrs", NULL, test_xattrs);
  ADD ("upper", NULL, test_upper);
  ADD ("torn", NULL, test_torn);
  ADD ("renamed", NULL, test_renamed);
  ADD ("single", NULL, test_single);
  ADD ("deep", NULL, test_deep);
  ADD ("cancel/pipe", GINT_TO_POINTER (FALSE), test_cancel);
  ADD ("cancel/socket", GINT_TO_POINTER (TRUE), test_cancel);
  ADD ("closed", NULL, test_closed);
#undef ADD
  return g_test_run ();
}
