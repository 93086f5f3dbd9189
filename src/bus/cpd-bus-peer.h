/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/*
 * A caller, from its first call until it leaves the bus. Everything that a
 * caller holds hangs on its cancellable.
 */
typedef struct _CpdBusPeer CpdBusPeer;

/* All callers of a connection. Main thread only. */
typedef struct _CpdBusPeers CpdBusPeers;

/* PEER is NULL when ERROR is set. */
typedef void (*CpdBusPeerReady) (CpdBusPeer   *peer,
                                 const GError *error,
                                 gpointer      user_data);
typedef void (*CpdBusPeerLeft)  (CpdBusPeer   *peer,
                                 gpointer      user_data);

CpdBusPeers  *cpd_bus_peers_new            (GDBusConnection  *connection,
                                            CpdBusPeerLeft    left,
                                            gpointer          user_data);
void          cpd_bus_peers_free           (CpdBusPeers      *peers);
/* Calls READY at once when the caller is known, else once the bus has told who it is. SENDER is NULL on
 * a private connection. */
void          cpd_bus_peers_get            (CpdBusPeers      *peers,
                                            const char       *sender,
                                            CpdBusPeerReady   ready,
                                            gpointer          user_data);
/* Ends what all callers wait for. */
void          cpd_bus_peers_cancel         (CpdBusPeers      *peers);

/* For tests, and for private connections. */
CpdBusPeer   *cpd_bus_peer_new             (const char       *sender,
                                            guint32           uid,
                                            guint32           pid);
CpdBusPeer   *cpd_bus_peer_ref             (CpdBusPeer       *peer);
void          cpd_bus_peer_unref           (CpdBusPeer       *peer);
const char   *cpd_bus_peer_get_sender      (const CpdBusPeer *peer);
gboolean      cpd_bus_peer_is_private      (const CpdBusPeer *peer);
guint32       cpd_bus_peer_get_uid         (const CpdBusPeer *peer);
guint32       cpd_bus_peer_get_pid         (const CpdBusPeer *peer);
/* Reads /proc at the first call: not for the main thread. */
const char   *cpd_bus_peer_get_unit        (CpdBusPeer       *peer);
/* As the store knows it, for as long as PEER is there; the same goes for that. */
CpdCaller     cpd_bus_peer_get_caller      (CpdBusPeer       *peer);
GCancellable *cpd_bus_peer_get_cancellable (CpdBusPeer       *peer);

/* Containers and exec sessions that PEER has created, the latest of them. Any thread. */
void          cpd_bus_peer_add_made        (CpdBusPeer       *peer,
                                            const char       *id);
gboolean      cpd_bus_peer_has_made        (CpdBusPeer       *peer,
                                            const char       *id);
/* Prompts that are open for PEER, and for all callers of its user. Main thread. */
void          cpd_bus_peer_add_prompts     (CpdBusPeer       *peer,
                                            int               n);
guint         cpd_bus_peer_count_prompts   (const CpdBusPeer *peer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdBusPeer, cpd_bus_peer_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdBusPeers, cpd_bus_peers_free)

G_END_DECLS
