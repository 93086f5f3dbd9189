/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * A lock for each object, made when it is first wanted and gone when nobody
 * wants it any more. Who needs several takes them in this order: pod,
 * containers by id, volumes by name, images by id. None is held while waiting
 * for a process of a container to end.
 */
typedef struct _CpdLocks CpdLocks;
typedef struct _CpdLock CpdLock;

CpdLocks *cpd_locks_new       (void);
void      cpd_locks_free      (CpdLocks   *locks);

/* OPERATION is a literal: who waits can be shown what for. */
CpdLock  *cpd_locks_acquire   (CpdLocks   *locks,
                               const char *object,
                               const char *operation);
void      cpd_lock_release    (CpdLock    *lock);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLocks, cpd_locks_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLock, cpd_lock_release)

G_END_DECLS
