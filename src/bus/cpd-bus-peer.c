/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-peer.h"

#include "common/cpd-process.h"
#include "public/cpod-error.h"

#define BUS_DAEMON "org.freedesktop.DBus"
#define BUS_DAEMON_PATH "/org/freedesktop/DBus"

/* How much is remembered of what a caller has made. */
#define MADE_MAX 256

/* A call that waits to be told who its caller is. */
typedef struct
{
  CpdBusPeerReady ready;
  gpointer user_data;
} Waiter;

struct _CpdBusPeer
{
  gatomicrefcount ref_count;
  char *sender;                 /* (owned) (nullable): NULL on a private connection */
  guint32 uid;
  guint32 pid;
  GCancellable *cancellable;    /* (owned) */
  GMutex unit_lock;
  char *unit;                   /* (owned) (nullable): NULL until asked for */
  GMutex made_lock;
  GHashTable *made;             /* (owned): ids of containers and exec sessions */

  /* Main thread only. */
  CpdBusPeers *peers;           /* (unowned) (nullable): NULL once it has left */
  guint watch;
  gboolean known;
  guint prompts;
  GArray *waiters;              /* (owned) (element-type Waiter) */
};

struct _CpdBusPeers
{
  GDBusConnection *connection;  /* (owned) */
  GHashTable *table;            /* (owned): sender, "" on a private connection → CpdBusPeer */
  CpdBusPeerLeft left;
  gpointer user_data;
  gulong closed;
};

CpdBusPeer *
cpd_bus_peer_new (const char *sender, guint32 uid, guint32 pid)
{
  CpdBusPeer *peer = g_new0 (CpdBusPeer, 1);

  g_atomic_ref_count_init (&peer->ref_count);
  g_mutex_init (&peer->unit_lock);
  g_mutex_init (&peer->made_lock);
  peer->made = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  peer->sender = g_strdup (sender);
  peer->uid = uid;
  peer->pid = pid;
  peer->cancellable = g_cancellable_new ();
  peer->waiters = g_array_new (FALSE, FALSE, sizeof (Waiter));
  return peer;
}

CpdBusPeer *
cpd_bus_peer_ref (CpdBusPeer *peer)
{
  g_atomic_ref_count_inc (&peer->ref_count);
  return peer;
}

void
cpd_bus_peer_unref (CpdBusPeer *peer)
{
  if (peer == NULL || !g_atomic_ref_count_dec (&peer->ref_count))
    return;
  g_object_unref (peer->cancellable);
  g_array_unref (peer->waiters);
  g_hash_table_unref (peer->made);
  g_mutex_clear (&peer->made_lock);
  g_mutex_clear (&peer->unit_lock);
  g_free (peer->unit);
  g_free (peer->sender);
  g_free (peer);
}

const char *
cpd_bus_peer_get_sender (const CpdBusPeer *peer)
{
  return peer->sender;
}

gboolean
cpd_bus_peer_is_private (const CpdBusPeer *peer)
{
  return peer->sender == NULL;
}

guint32
cpd_bus_peer_get_uid (const CpdBusPeer *peer)
{
  return peer->uid;
}

guint32
cpd_bus_peer_get_pid (const CpdBusPeer *peer)
{
  return peer->pid;
}

const char *
cpd_bus_peer_get_unit (CpdBusPeer *peer)
{
  g_mutex_lock (&peer->unit_lock);
  if (peer->unit == NULL)
    peer->unit = cpd_process_unit ((pid_t) peer->pid);
  if (peer->unit == NULL)
    peer->unit = g_strdup ("");
  g_mutex_unlock (&peer->unit_lock);
  return peer->unit;
}

CpdCaller
cpd_bus_peer_get_caller (CpdBusPeer *peer)
{
  return (CpdCaller) { .uid = peer->uid, .pid = peer->pid, .unit = cpd_bus_peer_get_unit (peer) };
}

GCancellable *
cpd_bus_peer_get_cancellable (CpdBusPeer *peer)
{
  return peer->cancellable;
}

void
cpd_bus_peer_add_made (CpdBusPeer *peer, const char *id)
{
  g_mutex_lock (&peer->made_lock);
  if (g_hash_table_size (peer->made) >= MADE_MAX)
    g_hash_table_remove_all (peer->made);
  g_hash_table_add (peer->made, g_strdup (id));
  g_mutex_unlock (&peer->made_lock);
}

gboolean
cpd_bus_peer_has_made (CpdBusPeer *peer, const char *id)
{
  gboolean found;

  g_mutex_lock (&peer->made_lock);
  found = g_hash_table_contains (peer->made, id);
  g_mutex_unlock (&peer->made_lock);
  return found;
}

void
cpd_bus_peer_add_prompts (CpdBusPeer *peer, int n)
{
  peer->prompts += (guint) n;
}

/* A user can have many connections. */
guint
cpd_bus_peer_count_prompts (const CpdBusPeer *peer)
{
  GHashTableIter iter;
  CpdBusPeer *other;
  guint n = 0;

  if (peer->peers == NULL)
    return peer->prompts;
  g_hash_table_iter_init (&iter, peer->peers->table);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &other))
    if (other->uid == peer->uid)
      n += other->prompts;
  return n;
}

/* Answers the calls that waited. An answer may start another call, or end the peer. */
static void
wake_waiters (CpdBusPeer *peer, const GError *error)
{
  g_autoptr(CpdBusPeer) hold = cpd_bus_peer_ref (peer);
  g_autoptr(GArray) waiters = g_steal_pointer (&peer->waiters);

  peer->waiters = g_array_new (FALSE, FALSE, sizeof (Waiter));
  for (guint i = 0; i < waiters->len; i++)
    {
      Waiter *waiter = &g_array_index (waiters, Waiter, i);

      waiter->ready (error == NULL ? peer : NULL, error, waiter->user_data);
    }
}

static void
forget_peer (CpdBusPeer *peer, gboolean tell)
{
  g_autoptr(CpdBusPeer) hold = cpd_bus_peer_ref (peer);
  CpdBusPeers *peers = g_steal_pointer (&peer->peers);

  if (peers == NULL)
    return;
  if (peer->watch != 0)
    g_dbus_connection_signal_unsubscribe (peers->connection, peer->watch);
  peer->watch = 0;
  g_hash_table_remove (peers->table, peer->sender != NULL ? peer->sender : "");
  g_cancellable_cancel (peer->cancellable);
  if (tell && peer->known)
    peers->left (peer, peers->user_data);
}

static void
on_owner_changed (GDBusConnection *connection, const char *sender, const char *path,
                  const char *interface, const char *signal, GVariant *parameters,
                  gpointer user_data)
{
  CpdBusPeer *peer = user_data;
  const char *new_owner;

  g_variant_get (parameters, "(&s&s&s)", NULL, NULL, &new_owner);
  if (*new_owner == '\0')
    forget_peer (peer, TRUE);
}

static void
on_closed (GDBusConnection *connection, gboolean vanished, GError *error, gpointer user_data)
{
  CpdBusPeers *peers = user_data;
  g_autoptr(GList) all = g_hash_table_get_values (peers->table);

  for (GList *l = all; l != NULL; l = l->next)
    forget_peer (l->data, TRUE);
}

static gboolean
read_credentials (CpdBusPeer *peer, GVariant *reply, GError **error)
{
  g_autoptr(GVariant) dict = g_variant_get_child_value (reply, 0);

  /* No uid, no rights: a pid alone says nothing. */
  if (!g_variant_lookup (dict, "UnixUserID", "u", &peer->uid))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
                   "the bus does not tell the user of %s", peer->sender);
      return FALSE;
    }
  g_variant_lookup (dict, "ProcessID", "u", &peer->pid);
  return TRUE;
}

static void
on_credentials (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(CpdBusPeer) peer = user_data;
  g_autoptr(GError) cause = NULL, error = NULL;
  g_autoptr(GVariant) reply = NULL;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &cause);
  if (reply == NULL)
    g_set_error (&error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
                 "failed to find out who %s is: %s", peer->sender, cause->message);
  else
    peer->known = read_credentials (peer, reply, &error) && peer->peers != NULL;

  wake_waiters (peer, error);
  if (!peer->known)
    forget_peer (peer, FALSE);
}

/*
 * The watch is sent before the question: a caller that is gone by then is
 * either told by the watch or unknown to the bus.
 */
static void
ask_bus (CpdBusPeers *peers, CpdBusPeer *peer)
{
  peer->watch = g_dbus_connection_signal_subscribe (peers->connection, BUS_DAEMON, BUS_DAEMON,
                                                    "NameOwnerChanged", BUS_DAEMON_PATH,
                                                    peer->sender, G_DBUS_SIGNAL_FLAGS_NONE,
                                                    on_owner_changed, cpd_bus_peer_ref (peer),
                                                    (GDestroyNotify) cpd_bus_peer_unref);
  g_dbus_connection_call (peers->connection, BUS_DAEMON, BUS_DAEMON_PATH, BUS_DAEMON,
                          "GetConnectionCredentials", g_variant_new ("(s)", peer->sender),
                          G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, -1,
                          peer->cancellable, on_credentials, cpd_bus_peer_ref (peer));
}

/* The socket itself tells who is at the other end. */
static gboolean
ask_socket (CpdBusPeers *peers, CpdBusPeer *peer, GError **error)
{
  GCredentials *credentials = g_dbus_connection_get_peer_credentials (peers->connection);
  uid_t uid = (uid_t) -1;
  pid_t pid = 0;

  if (credentials != NULL)
    {
      uid = g_credentials_get_unix_user (credentials, NULL);
      pid = g_credentials_get_unix_pid (credentials, NULL);
    }
  if (uid == (uid_t) -1)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_NOT_AUTHORIZED,
                           "the socket does not tell whose it is");
      return FALSE;
    }
  peer->uid = uid;
  peer->pid = pid > 0 ? (guint32) pid : 0;
  return TRUE;
}

void
cpd_bus_peers_get (CpdBusPeers *peers, const char *sender,
                   CpdBusPeerReady ready, gpointer user_data)
{
  CpdBusPeer *peer = g_hash_table_lookup (peers->table, sender != NULL ? sender : "");
  Waiter waiter = { ready, user_data };
  g_autoptr(GError) error = NULL;

  if (peer != NULL && peer->known)
    {
      ready (peer, NULL, user_data);
      return;
    }
  if (peer == NULL)
    {
      peer = cpd_bus_peer_new (sender, (guint32) -1, 0);
      peer->peers = peers;
      g_hash_table_insert (peers->table, g_strdup (sender != NULL ? sender : ""), peer);
      if (sender != NULL)
        ask_bus (peers, peer);
    }
  g_array_append_val (peer->waiters, waiter);

  if (sender == NULL)
    {
      peer->known = ask_socket (peers, peer, &error);
      wake_waiters (peer, error);
    }
}

CpdBusPeers *
cpd_bus_peers_new (GDBusConnection *connection, CpdBusPeerLeft left, gpointer user_data)
{
  CpdBusPeers *peers = g_new0 (CpdBusPeers, 1);

  peers->connection = g_object_ref (connection);
  peers->table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                        (GDestroyNotify) cpd_bus_peer_unref);
  peers->left = left;
  peers->user_data = user_data;
  peers->closed = g_signal_connect (connection, "closed", G_CALLBACK (on_closed), peers);
  return peers;
}

void
cpd_bus_peers_cancel (CpdBusPeers *peers)
{
  g_autoptr(GList) all = g_hash_table_get_values (peers->table);

  for (GList *l = all; l != NULL; l = l->next)
    g_cancellable_cancel (cpd_bus_peer_get_cancellable (l->data));
}

void
cpd_bus_peers_free (CpdBusPeers *peers)
{
  g_autoptr(GList) all = NULL;

  if (peers == NULL)
    return;
  all = g_hash_table_get_values (peers->table);
  for (GList *l = all; l != NULL; l = l->next)
    forget_peer (l->data, FALSE);
  g_signal_handler_disconnect (peers->connection, peers->closed);
  g_hash_table_unref (peers->table);
  g_object_unref (peers->connection);
  g_free (peers);
}
