/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/*
 * The root of a container for the length of some work of the engine's own: it
 * is mounted at RUN_ROOT/mounts/ID as for callers, but neither counted nor told
 * of, and goes when nobody needs it. The container may be started, stopped and
 * removed meanwhile; there is still but one overlay of its writable layer.
 */

/* A descriptor of the root; to be closed before it is given back. IN_NAMESPACE: as what runs in the container sees it
 * if something does, with all that is mounted there. The lock of the container is held. */
int      cpd_engine_borrow_root_locked (CpdEngine              *engine,
                                        const CpdContainerRow  *row,
                                        gboolean                in_namespace,
                                        GError                **error);
void     cpd_engine_return_root_locked (CpdEngine              *engine,
                                        const char             *id);
/* The same without the lock. */
int      cpd_engine_borrow_root        (CpdEngine              *engine,
                                        const char             *id,
                                        gboolean                in_namespace,
                                        const char             *operation,
                                        GError                **error);
void     cpd_engine_return_root        (CpdEngine              *engine,
                                        const char             *id);
gboolean cpd_engine_root_is_borrowed   (CpdEngine              *engine,
                                        const char             *id);

G_END_DECLS
