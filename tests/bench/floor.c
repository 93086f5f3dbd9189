/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The least that running a container can cost with conmon, runc and overlayfs:
 * directories, config.json, mount, conmon (and with it "runc create"), attach,
 * "runc start", exit file, "runc delete", and all of it undone. It keeps no
 * records, checks nothing and serves nobody. What an engine takes longer than
 * this for the same container is its own share.
 *
 * usage: floor CONMON RUNC TEMPLATE LOWER DISK RUN
 *
 * TEMPLATE is a config.json with @ID@ for the container's id and @BUNDLE@ for
 * its directory; the names of files that it mounts from there follow as
 * further arguments. LOWER is the unpacked layer, DISK a directory for what
 * lies on a disk, RUN one on a tmpfs. The exit code is the container's.
 */
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYNC_FD 3

typedef struct
{
  const char *conmon;
  const char *runc;
  const char *lower;
  char id[65];
  char bundle[PATH_MAX];
  char layers[PATH_MAX];
  char exits[PATH_MAX];
  char runc_root[PATH_MAX];
} Floor;

static char *
path (const char *directory, const char *name)
{
  char *joined;

  if (asprintf (&joined, "%s/%s", directory, name) < 0)
    err (1, "asprintf");
  return joined;
}

static void
make_dir (const char *directory, const char *name)
{
  char *joined = path (directory, name);

  if (mkdir (joined, 0755) < 0)
    err (1, "%s", joined);
  free (joined);
}

static char *
read_all (const char *name)
{
  FILE *file = fopen (name, "re");
  char *text = calloc (1, 1 << 20);

  if (file == NULL || text == NULL || fread (text, 1, (1 << 20) - 1, file) == 0)
    err (1, "%s", name);
  fclose (file);
  return text;
}

static void
write_all (const char *name, const char *text)
{
  int fd = open (name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

  if (fd < 0 || write (fd, text, strlen (text)) != (ssize_t) strlen (text))
    err (1, "%s", name);
  close (fd);
}

static void
make_id (char *id)
{
  unsigned char bytes[32];

  if (getrandom (bytes, sizeof bytes, 0) != sizeof bytes)
    err (1, "getrandom");
  for (size_t i = 0; i < sizeof bytes; i++)
    sprintf (id + 2 * i, "%02x", bytes[i]);
}

/* Writes config.json, with the two words put in. */
static void
write_config (const Floor *floor, const char *template)
{
  char *name = path (floor->bundle, "config.json");
  char *rest = read_all (template);
  FILE *file = fopen (name, "we");
  char *at;

  if (file == NULL)
    err (1, "%s", name);
  while ((at = strchr (rest, '@')) != NULL)
    {
      fwrite (rest, 1, (size_t) (at - rest), file);
      if (strncmp (at, "@ID@", 4) == 0)
        {
          fputs (floor->id, file);
          rest = at + 4;
        }
      else if (strncmp (at, "@BUNDLE@", 8) == 0)
        {
          fputs (floor->bundle, file);
          rest = at + 8;
        }
      else
        {
          fputc ('@', file);
          rest = at + 1;
        }
    }
  fputs (rest, file);
  fclose (file);
}

static void
mount_root (const Floor *floor)
{
  char options[3 * PATH_MAX];
  char *merged = path (floor->bundle, "merged");

  snprintf (options, sizeof options, "lowerdir=%s,upperdir=%s/u,workdir=%s/w,volatile",
            floor->lower, floor->layers, floor->layers);
  if (mount ("overlay", merged, "overlay", 0, options) < 0)
    err (1, "mount %s", options);
  free (merged);
}

static pid_t
spawn (char *const argv[], int sync_fd)
{
  char *environment[] = { (char *) "PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *) "_OCI_SYNCPIPE=3", NULL };
  posix_spawn_file_actions_t actions;
  pid_t pid;

  posix_spawn_file_actions_init (&actions);
  if (sync_fd >= 0)
    posix_spawn_file_actions_adddup2 (&actions, sync_fd, SYNC_FD);
  if (posix_spawn (&pid, argv[0], &actions, NULL, argv, environment) != 0)
    errx (1, "failed to run %s", argv[0]);
  posix_spawn_file_actions_destroy (&actions);
  return pid;
}

static void
run (char *const argv[], int sync_fd)
{
  int status;

  if (waitpid (spawn (argv, sync_fd), &status, 0) < 0 || status != 0)
    errx (1, "%s failed", argv[0]);
}

/* The same arguments as the engine's. */
static void
create (const Floor *floor)
{
  char *log, *oci_log = path (floor->bundle, "oci-log"), *pid_file = path (floor->bundle, "pidfile");
  char *conmon_pid = path (floor->bundle, "conmon.pid");
  char reply[512];
  int ends[2];

  if (asprintf (&log, "k8s-file:%s/ctr.log", floor->layers) < 0 || pipe2 (ends, O_CLOEXEC) < 0)
    err (1, "pipe");
  /* A descriptor 3 of its own would be closed by the spawn. */
  int write_end = fcntl (ends[1], F_DUPFD_CLOEXEC, SYNC_FD + 1);
  char *argv[] = {
    (char *) floor->conmon, (char *) "--full-attach", (char *) "--api-version", (char *) "1",
    (char *) "-c", (char *) floor->id, (char *) "-u", (char *) floor->id, (char *) "-n", (char *) floor->id,
    (char *) "-r", (char *) floor->runc, (char *) "-b", (char *) floor->bundle, (char *) "-p", pid_file,
    (char *) "--conmon-pidfile", conmon_pid, (char *) "--exit-dir", (char *) floor->exits,
    (char *) "--persist-dir", (char *) floor->bundle, (char *) "-l", log,
    (char *) "--log-level", (char *) "warning", (char *) "--no-sync-log",
    (char *) "--runtime-arg", (char *) "--root", (char *) "--runtime-arg", (char *) floor->runc_root,
    (char *) "--runtime-arg", (char *) "--log-format=json", (char *) "--runtime-arg", (char *) "--log",
    (char *) "--runtime-arg", oci_log, NULL,
  };

  close (ends[1]);
  run (argv, write_end);
  close (write_end);
  ssize_t n = read (ends[0], reply, sizeof reply - 1);
  reply[n > 0 ? n : 0] = '\0';
  if (n <= 0 || strstr (reply, "-1") != NULL)
    errx (1, "conmon says: %s", reply);
}

static int
attach (const Floor *floor)
{
  int directory = open (floor->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/attach", directory);
  if (connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    err (1, "attach");
  close (directory);
  return fd;
}

static void
runc (const Floor *floor, const char *command)
{
  char *argv[] = { (char *) floor->runc, (char *) "--root", (char *) floor->runc_root, (char *) command,
                   (char *) floor->id, NULL };

  run (argv, -1);
}

/* Reads the output to its end, and then the exit code. */
static int
wait_exit (const Floor *floor, int stream, int watch)
{
  char *name = path (floor->exits, floor->id);
  char buffer[8193];
  ssize_t n;

  while ((n = read (stream, buffer, sizeof buffer)) > 0)
    if (n > 1 && write (buffer[0] == 3 ? 2 : 1, buffer + 1, (size_t) n - 1) < 0)
      err (1, "write");
  while (access (name, F_OK) < 0)
    {
      struct pollfd poll_fd = { .fd = watch, .events = POLLIN };

      if (poll (&poll_fd, 1, 10000) != 1 || read (watch, buffer, sizeof buffer) < 0)
        errx (1, "no exit file");
    }
  int code = atoi (read_all (name));

  unlink (name);
  return code;
}

static int
remove_one (const char *name, const struct stat *info, int kind, struct FTW *where)
{
  (void) info, (void) kind, (void) where;
  return remove (name);
}

static void
clean (const Floor *floor)
{
  char *merged = path (floor->bundle, "merged");

  if (umount2 (merged, 0) < 0)
    err (1, "umount %s", merged);
  if (nftw (floor->bundle, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0
      || nftw (floor->layers, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
    err (1, "remove %s", floor->bundle);
}

int
main (int argc, char **argv)
{
  Floor floor = { 0 };

  if (argc < 7)
    errx (2, "usage: floor CONMON RUNC TEMPLATE LOWER DISK RUN [FILE...]");
  floor.conmon = argv[1];
  floor.runc = argv[2];
  floor.lower = argv[4];
  make_id (floor.id);
  snprintf (floor.bundle, sizeof floor.bundle, "%s/%s", argv[6], floor.id);
  snprintf (floor.layers, sizeof floor.layers, "%s/%s", argv[5], floor.id);
  snprintf (floor.exits, sizeof floor.exits, "%s/exits", argv[6]);
  snprintf (floor.runc_root, sizeof floor.runc_root, "%s/runc", argv[6]);
  mkdir (floor.exits, 0755);

  make_dir (argv[6], floor.id);
  make_dir (argv[5], floor.id);
  make_dir (floor.layers, "u");
  make_dir (floor.layers, "w");
  make_dir (floor.bundle, "merged");
  for (int i = 7; i < argc; i++)
    write_all (path (floor.bundle, argv[i]), "");
  write_config (&floor, argv[3]);
  mount_root (&floor);

  int watch = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  inotify_add_watch (watch, floor.exits, IN_MOVED_TO);
  create (&floor);
  int stream = attach (&floor);
  runc (&floor, "start");
  int code = wait_exit (&floor, stream, watch);
  runc (&floor, "delete");
  clean (&floor);
  return code;
}
