/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport/cpd-image-proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"

#define PACKET_MAX (64 * 1024)
#define TEXT_MAX (8 * 1024 * 1024)
#define CHUNK (1024 * 1024)
#define FAREWELL_MS 5000
/* The end of a pipe is seen only after its FinishPipe, which keeps all other requests waiting until all is written.
 * So it comes last, but when nothing arrives for this long, which may mean that there is no more. */
#define STALL_MS 2000

struct _CpdImageProxy
{
  const CpdSkopeo *skopeo;      /* (unowned) */
  char *reference;              /* (owned) */
  CpdChild *child;              /* (owned) */
  int socket;                   /* (owned) */
  int cancel_fd;                /* of the cancellable, or -1 */
  gint64 image;

  GMutex lock;                  /* one request at a time */
  GError *broken;               /* (owned) (nullable): why an answer was given up, and no other one can be told from it */
};

/* An answer. */
typedef struct
{
  JsonNode *node;               /* (owned) */
  JsonNode *value;              /* (unowned) (nullable) */
  gint64 pipe;
  int fd;                       /* (owned) */
} Reply;

static void
reply_clear (Reply *reply)
{
  g_clear_pointer (&reply->node, json_node_unref);
  cpd_close_fd (&reply->fd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reply, reply_clear)

/* A pipe that is being read. */
typedef struct
{
  CpdImageProxy *proxy;         /* (unowned) */
  int fd;                       /* (owned) */
  gint64 pipe;
  gint64 size;                  /* -1 when unknown */
  gint64 done;
  int to;                       /* (unowned) */
  gboolean finishing;           /* FinishPipe was sent, its answer is not here, the lock is held */
  CpdImageProxyProgress progress;
  gpointer user_data;
} Transfer;

static gboolean
fail_silent (CpdImageProxy *proxy, GError **error)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED, "%s: nothing has happened for %u seconds",
               proxy->reference, proxy->skopeo->silence);
  return FALSE;
}

/* Waits until FD can be read: 1, or 0 after TIMEOUT (-1 for never); -1 when it was cancelled. */
static int
wait_readable (CpdImageProxy *proxy, int fd, int timeout, GError **error)
{
  struct pollfd items[2] = { { .fd = fd, .events = POLLIN }, { .fd = proxy->cancel_fd, .events = POLLIN } };
  int n;

  while ((n = poll (items, 2, timeout)) < 0 && errno == EINTR)
    continue;
  if (items[1].revents != 0)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
      return -1;
    }
  return n > 0;
}

/* Whoever finds out is told the reason. */
static gboolean
fail_broken (CpdImageProxy *proxy, GError **error)
{
  if (error != NULL)
    *error = g_error_copy (proxy->broken);
  return FALSE;
}

static gboolean
send_request (CpdImageProxy *proxy, const char *method, JsonArray *arguments, GError **error)
{
  g_autoptr(JsonObject) request = json_object_new ();
  g_autofree char *text = NULL;

  json_object_set_string_member (request, "method", method);
  json_object_set_array_member (request, "args", arguments);
  text = cpd_json_print_object (request);
  if (proxy->broken == NULL && send (proxy->socket, text, strlen (text), MSG_NOSIGNAL) >= 0)
    return TRUE;
  if (proxy->broken == NULL)
    g_set_error (&proxy->broken, CPOD_ERROR, CPOD_ERROR_FAILED, "%s: skopeo has ended", proxy->reference);
  return fail_broken (proxy, error);
}

/* Takes the descriptor of a message, and closes what else came with it. */
static int
take_descriptor (struct msghdr *message)
{
  int taken = -1;

  for (struct cmsghdr *item = CMSG_FIRSTHDR (message); item != NULL; item = CMSG_NXTHDR (message, item))
    {
      gsize n = (item->cmsg_len - CMSG_LEN (0)) / sizeof (int);

      if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
        continue;
      for (gsize i = 0; i < n; i++)
        {
          int fd;

          memcpy (&fd, CMSG_DATA (item) + i * sizeof fd, sizeof fd);
          if (taken < 0)
            taken = fd;
          else
            close (fd);
        }
    }
  return taken;
}

static gboolean
receive_packet (CpdImageProxy *proxy, GString *text, int *fd, GError **error)
{
  g_autofree char *buffer = g_malloc (PACKET_MAX);
  union { struct cmsghdr header; char space[CMSG_SPACE (4 * sizeof (int))]; } control = { 0 };
  struct iovec vector = { buffer, PACKET_MAX };
  struct msghdr message = {
    .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control,
  };
  ssize_t n;

  while ((n = recvmsg (proxy->socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
    continue;
  *fd = n > 0 ? take_descriptor (&message) : -1;
  if (n > 0)
    {
      g_string_append_len (text, buffer, n);
      return TRUE;
    }
  cpd_child_wait_brief (proxy->child, FAREWELL_MS);
  {
    g_autofree char *said = cpd_child_said (proxy->child);

    cpd_skopeo_set_error (proxy->reference, *said != '\0' ? said : "skopeo has ended", error);
  }
  return FALSE;
}

static gboolean
parse_reply (CpdImageProxy *proxy, const char *text, Reply *reply, GError **error)
{
  JsonObject *object;

  reply->node = cpd_json_parse (text, -1, NULL);
  if (reply->node == NULL || !JSON_NODE_HOLDS_OBJECT (reply->node))
    {
      g_set_error (&proxy->broken, CPOD_ERROR, CPOD_ERROR_FAILED,
                   "%s: skopeo's image proxy does not keep to its protocol", proxy->reference);
      return fail_broken (proxy, error);
    }
  object = json_node_get_object (reply->node);
  if (!cpd_json_get_boolean (object, "success"))
    {
      const char *said = cpd_json_get_string (object, "error");

      cpd_skopeo_set_error (proxy->reference, said != NULL ? said : "unknown error", error);
      return FALSE;
    }
  reply->value = json_object_get_member (object, "value");
  reply->pipe = cpd_json_get_int (object, "pipeid");
  return TRUE;
}

/* The answer to what was sent; the lock is held. */
static gboolean
receive_reply (CpdImageProxy *proxy, Reply *reply, GError **error)
{
  g_autoptr(GString) text = g_string_new (NULL);
  guint silence = proxy->skopeo->silence;
  int ready;

  if (proxy->broken != NULL)
    return fail_broken (proxy, error);
  ready = wait_readable (proxy, proxy->socket, silence > 0 ? (int) silence * 1000 : -1, &proxy->broken);
  if (ready > 0 && receive_packet (proxy, text, &reply->fd, &proxy->broken))
    return parse_reply (proxy, text->str, reply, error);
  if (ready == 0)
    fail_silent (proxy, &proxy->broken);
  return fail_broken (proxy, error);
}

/* ARGUMENTS are taken. */
static gboolean
request (CpdImageProxy *proxy, const char *method, JsonArray *arguments, Reply *reply, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&proxy->lock);

  reply->fd = -1;
  return send_request (proxy, method, arguments, error) && receive_reply (proxy, reply, error);
}

/* For the methods of an image. */
static JsonArray *
image_arguments (CpdImageProxy *proxy, const char *digest, gint64 size)
{
  JsonArray *arguments = json_array_new ();

  json_array_add_int_element (arguments, proxy->image);
  if (digest != NULL)
    {
      json_array_add_string_element (arguments, digest);
      json_array_add_int_element (arguments, size);
    }
  return arguments;
}

static JsonArray *
pipe_arguments (gint64 pipe)
{
  JsonArray *arguments = json_array_new ();

  json_array_add_int_element (arguments, pipe);
  return arguments;
}

static gboolean
open_image (CpdImageProxy *proxy, GError **error)
{
  JsonArray *arguments = json_array_new ();
  g_auto(Reply) hello = { .fd = -1 }, opened = { .fd = -1 };

  if (!request (proxy, "Initialize", json_array_new (), &hello, error))
    {
      json_array_unref (arguments);
      return FALSE;
    }
  json_array_add_string_element (arguments, proxy->reference);
  if (!request (proxy, "OpenImage", arguments, &opened, error))
    return FALSE;
  proxy->image = opened.value != NULL && JSON_NODE_HOLDS_VALUE (opened.value) ? json_node_get_int (opened.value) : 0;
  return TRUE;
}

CpdImageProxy *
cpd_image_proxy_new (const CpdSkopeo *skopeo, const char *reference, GError **error)
{
  g_autoptr(CpdImageProxy) proxy = g_new0 (CpdImageProxy, 1);
  cpd_autofd int theirs = -1;
  int ends[2];

  g_mutex_init (&proxy->lock);
  proxy->skopeo = skopeo;
  proxy->reference = g_strdup (reference);
  proxy->socket = proxy->cancel_fd = -1;
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make a socket");
      return NULL;
    }
  proxy->socket = ends[0];
  theirs = ends[1];
  proxy->child = cpd_skopeo_run_proxy (skopeo, theirs, error);
  if (proxy->child == NULL)
    return NULL;
  cpd_close_fd (&theirs);
  if (skopeo->cancellable != NULL)
    proxy->cancel_fd = g_cancellable_get_fd (skopeo->cancellable);
  return open_image (proxy, error) ? g_steal_pointer (&proxy) : NULL;
}

/* It is told to end, since it clears away what it has unpacked; if it does not, that is done for it. */
void
cpd_image_proxy_free (CpdImageProxy *proxy)
{
  if (proxy == NULL)
    return;
  if (proxy->child != NULL)
    {
      if (proxy->broken == NULL)
        send_request (proxy, "Shutdown", json_array_new (), NULL);
      cpd_close_fd (&proxy->socket);
      if (proxy->broken == NULL)
        cpd_child_wait_brief (proxy->child, FAREWELL_MS);
    }
  if (proxy->cancel_fd >= 0)
    g_cancellable_release_fd (proxy->skopeo->cancellable);
  cpd_child_free (proxy->child);
  cpd_close_fd (&proxy->socket);
  g_mutex_clear (&proxy->lock);
  g_clear_error (&proxy->broken);
  g_free (proxy->reference);
  g_free (proxy);
}

/* Sends FinishPipe, and keeps the lock until its answer is here. */
static gboolean
begin_finish (Transfer *transfer, GError **error)
{
  g_mutex_lock (&transfer->proxy->lock);
  transfer->finishing = TRUE;
  return send_request (transfer->proxy, "FinishPipe", pipe_arguments (transfer->pipe), error);
}

/* Ends a transfer: with the proxy's word on what it has written, unless it has failed already. */
static gboolean
end_transfer (Transfer *transfer, gboolean well, GError **error)
{
  g_auto(Reply) reply = { .fd = -1 };

  cpd_close_fd (&transfer->fd); /* what was not read is not waited for */
  if (!transfer->finishing && !begin_finish (transfer, well ? error : NULL))
    well = FALSE;
  else if (!receive_reply (transfer->proxy, &reply, well ? error : NULL))
    well = FALSE;
  g_mutex_unlock (&transfer->proxy->lock);
  return well;
}

/* Waits for the next bytes. FALSE after an error. */
static gboolean
wait_for_bytes (Transfer *transfer, GError **error)
{
  guint silence = transfer->proxy->skopeo->silence;
  int timeout = silence > 0 ? (int) silence * 1000 : -1;
  int ready;

  if (!transfer->finishing)
    {
      ready = wait_readable (transfer->proxy, transfer->fd, STALL_MS, error);
      if (ready != 0)
        return ready > 0;
      if (!begin_finish (transfer, error))
        return FALSE;
    }
  ready = wait_readable (transfer->proxy, transfer->fd, timeout, error);
  return ready == 0 ? fail_silent (transfer->proxy, error) : ready > 0;
}

/* Moves what there is, up to the size. AT_END is set at the end of the pipe. */
static gboolean
move_bytes (Transfer *transfer, gboolean *at_end, GError **error)
{
  gint64 left = transfer->size >= 0 ? transfer->size - transfer->done : TEXT_MAX - transfer->done;
  ssize_t n = splice (transfer->fd, NULL, transfer->to, NULL, (gsize) MIN (left, CHUNK), SPLICE_F_MOVE);

  if (n < 0 && errno == EPIPE)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE, "nobody reads the blob any more");
      return FALSE;
    }
  if (n < 0 && errno != EINTR && errno != EAGAIN)
    {
      cpd_set_error_errno (error, errno, "failed to take over a blob");
      return FALSE;
    }
  *at_end = n == 0;
  transfer->done += MAX (0, n);
  if (transfer->progress != NULL && n > 0)
    transfer->progress ((gsize) n, transfer->user_data);
  return TRUE;
}

static gboolean
move_all (Transfer *transfer, GError **error)
{
  gint64 max = transfer->size >= 0 ? transfer->size : TEXT_MAX;
  gboolean at_end = FALSE;

  while (!at_end && transfer->done < max)
    if (!wait_for_bytes (transfer, error) || !move_bytes (transfer, &at_end, error))
      return FALSE;
  if (transfer->size < 0 && !at_end)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "%s: its manifest is longer than %d bytes",
                   transfer->proxy->reference, TEXT_MAX);
      return FALSE;
    }
  return TRUE;
}

/* Runs a transfer that REPLY has begun; takes its descriptor. */
static gboolean
run_transfer (CpdImageProxy *proxy, Reply *reply, gint64 size, int to, CpdImageProxyProgress progress,
              gpointer user_data, GError **error)
{
  Transfer transfer = {
    .proxy = proxy, .fd = g_steal_fd (&reply->fd), .pipe = reply->pipe, .size = size, .to = to,
    .progress = progress, .user_data = user_data,
  };
  gboolean well;

  if (transfer.fd < 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s: skopeo's image proxy gives no pipe", proxy->reference);
      return FALSE;
    }
  /* Where the size is not known, only the end tells that all is here. */
  well = size >= 0 || begin_finish (&transfer, error);
  well = end_transfer (&transfer, well && move_all (&transfer, error), error);
  if (!well || size < 0 || transfer.done == size)
    return well;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE,
               "%s: a blob has %" G_GINT64_FORMAT " bytes instead of %" G_GINT64_FORMAT, proxy->reference,
               transfer.done, size);
  return FALSE;
}

static char *
read_back (int fd, gint64 size, GError **error)
{
  g_autofree char *text = g_malloc0 ((gsize) size + 1);
  gint64 done = 0;

  while (done < size)
    {
      ssize_t n = pread (fd, text + done, (gsize) (size - done), done);

      if (n <= 0)
        {
          cpd_set_error_errno (error, n < 0 ? errno : EIO, "failed to read a file in memory");
          return NULL;
        }
      done += n;
    }
  return g_steal_pointer (&text);
}

/* The text of a pipe that REPLY has begun. */
static char *
receive_text (CpdImageProxy *proxy, Reply *reply, gint64 size, GError **error)
{
  cpd_autofd int fd = memfd_create ("text", MFD_CLOEXEC);
  g_autofree char *text = NULL;
  off_t length;

  if (fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make a file in memory");
      return NULL;
    }
  if (!run_transfer (proxy, reply, size, fd, NULL, NULL, error))
    return NULL;
  length = lseek (fd, 0, SEEK_END);
  text = read_back (fd, length, error);
  if (text == NULL || strlen (text) == (gsize) length)
    return g_steal_pointer (&text);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "%s: what should be text is not", proxy->reference);
  return NULL;
}

char *
cpd_image_proxy_get_manifest (CpdImageProxy *proxy, char **digest, GError **error)
{
  g_auto(Reply) reply = { .fd = -1 };
  g_autofree char *text = NULL;
  const char *value;

  if (!request (proxy, "GetManifest", image_arguments (proxy, NULL, 0), &reply, error))
    return NULL;
  text = receive_text (proxy, &reply, -1, error);
  if (text == NULL)
    return NULL;
  value = reply.value != NULL && JSON_NODE_HOLDS_VALUE (reply.value) ? json_node_get_string (reply.value) : NULL;
  if (value == NULL || !cpd_digest_check (value, NULL))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s: skopeo's image proxy tells no digest", proxy->reference);
      return NULL;
    }
  *digest = g_strdup (value);
  return g_steal_pointer (&text);
}

char *
cpd_image_proxy_get_text (CpdImageProxy *proxy, const char *digest, gint64 size, GError **error)
{
  g_auto(Reply) reply = { .fd = -1 };
  g_autofree char *text = NULL, *found = NULL;

  if (size < 0 || size > TEXT_MAX)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "%s: blob %s is too long: there may be %d bytes",
                   proxy->reference, digest, TEXT_MAX);
      return NULL;
    }
  if (!request (proxy, "GetBlob", image_arguments (proxy, digest, size), &reply, error))
    return NULL;
  text = receive_text (proxy, &reply, size, error);
  found = text != NULL ? cpd_digest_of_text (text, -1) : NULL;
  if (found == NULL || strcmp (found, digest) == 0)
    return g_steal_pointer (&text);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "%s: the digest of blob %s is %s", proxy->reference,
               digest, found);
  return NULL;
}

gint64
cpd_image_proxy_get_size (CpdImageProxy *proxy, const char *digest, GError **error)
{
  g_auto(Reply) reply = { .fd = -1 }, finished = { .fd = -1 };
  gint64 size;

  if (!request (proxy, "GetBlob", image_arguments (proxy, digest, 0), &reply, error))
    return -1;
  size = reply.value != NULL && JSON_NODE_HOLDS_VALUE (reply.value) ? json_node_get_int (reply.value) : -1;
  cpd_close_fd (&reply.fd);
  /* It complains that nobody has read it. */
  if (!request (proxy, "FinishPipe", pipe_arguments (reply.pipe), &finished, NULL) && proxy->broken != NULL)
    size = -1;
  if (size < 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s: the size of blob %s cannot be told", proxy->reference, digest);
  return size;
}

gboolean
cpd_image_proxy_copy_blob (CpdImageProxy *proxy, const char *digest, gint64 size, int to,
                           CpdImageProxyProgress progress, gpointer user_data, GError **error)
{
  g_auto(Reply) reply = { .fd = -1 };

  return request (proxy, "GetBlob", image_arguments (proxy, digest, size), &reply, error)
         && run_transfer (proxy, &reply, size, to, progress, user_data, error);
}
