/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "config/cpd-config.h"
#include "storage/cpd-storage.h"
#include "store/cpd-store-containers.h"
#include "store/cpd-store-events.h"
#include "store/cpd-store-images.h"

G_BEGIN_DECLS

/*
 * The engine. It knows no D-Bus. Functions may be called from any thread and
 * may block, but for those that say "main thread", which never do.
 *
 * Signals, on the main thread:
 *   "container-changed" (const char *id): something shown of it may have changed
 *   "health-changed": what cpd_engine_get_health() gives
 *   "busy-changed" (gboolean busy): whether something goes on that must not be torn
 *   "event" (CpdEventRow *event): every event, once, in order
 *   "pulse": what cpd_engine_send_pulse() has sent has come back
 * and one in the thread that does it:
 *   "reloading" (gboolean begins): the configuration is being read again; it has been, or could not be
 */
#define CPD_TYPE_ENGINE (cpd_engine_get_type ())
G_DECLARE_FINAL_TYPE (CpdEngine, cpd_engine, CPD, ENGINE, GObject)

/* Takes the state directory for itself and opens the store: STORE_LOCKED, STORE_TOO_NEW, STORE_FAILED. */
CpdEngine       *cpd_engine_new                (CpdConfig           *config,
                                                GError             **error);
/* As it was at the start: what is read only then does not change. */
/* As it is since the last reload. */
CpdConfig       *cpd_engine_ref_config         (CpdEngine           *engine);
/* a{sv}: each key's value and origin, (vs); and "warnings" when there are any. */
GVariant        *cpd_engine_describe_config    (CpdEngine           *engine);
/* Reads the files again: the keys whose values differ from those in force. BAD_CONFIG. */
char           **cpd_engine_reload             (CpdEngine           *engine,
                                                GError             **error);
CpdStore        *cpd_engine_get_store          (CpdEngine           *engine);
CpdStorage      *cpd_engine_get_storage        (CpdEngine           *engine);
const char      *cpd_engine_get_boot_id        (CpdEngine           *engine);

/* Compares the records with what is there: undoes and finishes what was interrupted, takes running
 * containers over, notices exits that nobody saw, refreshes after a reboot. Once, after cpd_engine_new(). */
gboolean         cpd_engine_recover            (CpdEngine           *engine,
                                                GError             **error);
/* Backups and checks of the database, from now on. Main thread, after cpd_engine_recover(). */
void             cpd_engine_start_upkeep       (CpdEngine           *engine);
/* aa{sv} (kind, text, time), floating: what is or was not well with the records. */
GVariant        *cpd_engine_get_health         (CpdEngine           *engine);
/* Whether something goes on that the end of the process would tear, and leave for the next start. */
gboolean         cpd_engine_is_busy            (CpdEngine           *engine);
/* "3 containers, 2 of them running". Main thread. */
char            *cpd_engine_describe           (CpdEngine           *engine);
/* Whether the engine moves: from the main thread through the monitor's, the pool that deals with ends of
 * containers and the store, and back. One at a time, until "pulse". Main thread. */
void             cpd_engine_send_pulse         (CpdEngine           *engine);
/* Where the one that was sent last has come to, for messages. */
const char      *cpd_engine_locate_pulse       (CpdEngine           *engine);
/* Ends the engine's own threads; containers go on. Main thread. */
void             cpd_engine_shutdown           (CpdEngine           *engine);

/* Emits what was committed and not yet emitted: when it returns, every event of every operation that has
 * returned was emitted. Main thread. */
void             cpd_engine_drain_events       (CpdEngine           *engine);

/* Rows are snapshots. NAMESPACE is "" (or NULL) for all. */
char            *cpd_engine_find_container     (CpdEngine           *engine,
                                                const char          *name_or_id,
                                                const char          *namespace,
                                                GError             **error);
/* The option "namespace", or else what the configuration says. */
char            *cpd_engine_choose_namespace   (CpdEngine           *engine,
                                                GVariant            *options);
CpdContainerRow *cpd_engine_get_container      (CpdEngine           *engine,
                                                const char          *id,
                                                GError             **error);
/* a{sv}; what could not be found out is told in it. */
GVariant        *cpd_engine_get_info           (CpdEngine           *engine);
/* Strings "kind\tobject\ttext". */
GPtrArray       *cpd_engine_check              (CpdEngine           *engine,
                                                GError             **error);

/* OPTIONS: a{sv} with the keys of org.cpod.Cpod1.Runtime.Create(). */
gboolean         cpd_engine_create_container   (CpdEngine           *engine,
                                                const char          *image,
                                                GVariant            *options,
                                                const CpdCaller     *caller,
                                                GCancellable        *cancellable,
                                                char               **id,
                                                char               **name,
                                                GError             **error);
gboolean         cpd_engine_init_container     (CpdEngine           *engine,
                                                const char          *id,
                                                const CpdCaller     *caller,
                                                GError             **error);
gboolean         cpd_engine_start_container    (CpdEngine           *engine,
                                                const char          *id,
                                                const CpdCaller     *caller,
                                                GError             **error);
/* TIMEOUT in seconds, -1 for the container's own. */
gboolean         cpd_engine_stop_container     (CpdEngine           *engine,
                                                const char          *id,
                                                gint64               timeout,
                                                const CpdCaller     *caller,
                                                GError             **error);
gboolean         cpd_engine_kill_container     (CpdEngine           *engine,
                                                const char          *id,
                                                const char          *signal_name,
                                                const CpdCaller     *caller,
                                                GError             **error);

/* What became of one of them. */
typedef struct
{
  char *id;
  GError *error;                /* (owned) (nullable) */
} CpdStopped;

/* Stops all containers at once, for good: no restart policy starts one again in this process. An array of
 * CpdStopped. TIMEOUT as for stop. */
GPtrArray       *cpd_engine_stop_all           (CpdEngine           *engine,
                                                gint64               timeout,
                                                const CpdCaller     *caller,
                                                GError             **error);
/* The same because the machine ends: restart policies start them again after the boot, as if nobody had stopped them. */
GPtrArray       *cpd_engine_end_with_machine   (CpdEngine           *engine,
                                                GError             **error);
/* Stops it if it runs, and starts it. TIMEOUT as for stop. */
gboolean         cpd_engine_restart_container  (CpdEngine           *engine,
                                                const char          *id,
                                                gint64               timeout,
                                                const CpdCaller     *caller,
                                                GError             **error);
gboolean         cpd_engine_pause_container    (CpdEngine           *engine,
                                                const char          *id,
                                                const CpdCaller     *caller,
                                                GError             **error);
gboolean         cpd_engine_unpause_container  (CpdEngine           *engine,
                                                const char          *id,
                                                const CpdCaller     *caller,
                                                GError             **error);
/* OPTIONS: a{sv} with the keys of org.cpod.Cpod1.Container.Update(). */
gboolean         cpd_engine_update_container   (CpdEngine           *engine,
                                                const char          *id,
                                                GVariant            *options,
                                                const CpdCaller     *caller,
                                                GError             **error);
/* From stopped to exited, should that not have happened by itself. */
gboolean         cpd_engine_cleanup_container  (CpdEngine           *engine,
                                                const char          *id,
                                                const CpdCaller     *caller,
                                                GError             **error);
gboolean         cpd_engine_rename_container   (CpdEngine           *engine,
                                                const char          *id,
                                                const char          *new_name,
                                                const CpdCaller     *caller,
                                                GError             **error);
gboolean         cpd_engine_remove_container   (CpdEngine           *engine,
                                                const char          *id,
                                                gboolean             force,
                                                gint64               timeout,
                                                const CpdCaller     *caller,
                                                GError             **error);

/* Why a container cannot be removed. */
typedef struct
{
  char *id;                     /* of the container that is in the way */
  char *name;
  const char *reason;           /* "state": it runs; "dependent": it depends on one that is to be removed */
  char *text;
} CpdBlocker;

/* What a removal would do. */
typedef struct
{
  GPtrArray *rows;              /* CpdContainerRow: what would go, in that order */
  GPtrArray *blockers;          /* CpdBlocker: without any of them it would */
} CpdRemovalPlan;

void             cpd_removal_plan_free         (CpdRemovalPlan      *plan);
/* IDS all together; with DEPEND also what depends on them. */
CpdRemovalPlan  *cpd_engine_plan_removal       (CpdEngine           *engine,
                                                const char *const   *ids,
                                                gboolean             force,
                                                gboolean             depend,
                                                GError             **error);
/* Carries such a plan out; nothing is ended if something is in the way. DEPENDENTS_EXIST, INVALID_STATE. */
gboolean         cpd_engine_remove_containers  (CpdEngine           *engine,
                                                const char *const   *ids,
                                                gboolean             force,
                                                gboolean             depend,
                                                gint64               timeout,
                                                const CpdCaller     *caller,
                                                GError             **error);
/* Removes a container whatever is wrong with it; what cannot be undone is logged. Nothing of it survives. */
gboolean         cpd_engine_evict_container    (CpdEngine           *engine,
                                                const char          *id,
                                                const CpdCaller     *caller,
                                                GError             **error);

/* Which containers a prune is about. */
typedef struct
{
  char **labels;                /* "key" or "key=value"; NULL for any */
  gint64 until;                 /* created before this time (µs since the epoch), 0 for any time */
  char *namespace;              /* NULL or "" for all */
} CpdPruneFilter;

/* One container or image that was removed, or would be, or could not be. */
typedef struct
{
  char *id;
  gint64 bytes;                 /* of its writable layer; of layers that nothing else needs, when unpacked */
  GError *error;                /* (owned) (nullable) */
} CpdPruned;

void             cpd_pruned_free               (CpdPruned           *pruned);

/* Removes all containers that do not run and match, and on which none depends that stays; with DRY_RUN just tells which. An array of CpdPruned. */
GPtrArray       *cpd_engine_prune_containers   (CpdEngine            *engine,
                                                const CpdPruneFilter *filter,
                                                gboolean              dry_run,
                                                const CpdCaller      *caller,
                                                GCancellable         *cancellable,
                                                GError              **error);
/* One container that was moved to another OCI runtime, or could not be. */
typedef struct
{
  char *id;                     /* what was given, if there is no such container */
  GError *error;                /* (owned) (nullable) */
} CpdMigrated;

/* Moves those of NAMES (NULL for all) in NAMESPACE that do not run and have another OCI runtime to that one, "" for the default.
 * An array of CpdMigrated. */
GPtrArray       *cpd_engine_migrate_containers (CpdEngine           *engine,
                                                const char          *oci_runtime,
                                                const char *const   *names,
                                                const char          *namespace,
                                                const CpdCaller     *caller,
                                                GCancellable        *cancellable,
                                                GError             **error);
gboolean         cpd_engine_renumber_locks     (CpdEngine           *engine,
                                                const CpdCaller     *caller,
                                                GError             **error);
/* SIZE: measure it as well. */
char            *cpd_engine_inspect_container  (CpdEngine           *engine,
                                                const char          *id,
                                                gboolean             size,
                                                GError             **error);
char            *cpd_engine_inspect_image      (CpdEngine           *engine,
                                                const char          *id,
                                                GError             **error);
/* A new size of its terminal. */
gboolean         cpd_engine_resize_container   (CpdEngine           *engine,
                                                const char          *id,
                                                guint                rows,
                                                guint                columns,
                                                GError             **error);
/* A connected socket, see org.cpod.Cpod1.Container.Attach(). */
int              cpd_engine_attach_container   (CpdEngine           *engine,
                                                const char          *id,
                                                gboolean             must_run,
                                                const CpdCaller     *caller,
                                                GError             **error);

typedef struct
{
  gboolean follow;
  gint64 tail;                  /* lines, -1 for all */
  gint64 since;                 /* µs since the epoch, 0 for no bound */
  gint64 until;
  guint32 uid;                  /* who reads it */
} CpdLogOptions;

/* The reading end of a pipe; a thread of the engine's own fills it. */
int              cpd_engine_container_logs     (CpdEngine           *engine,
                                                const char          *id,
                                                const CpdLogOptions *options,
                                                GError             **error);

/* Waits without a thread until the container is in one of the states, or "removed". Main thread. */
void             cpd_engine_wait_async         (CpdEngine           *engine,
                                                const char          *id,
                                                const char *const   *conditions,
                                                GCancellable        *cancellable,
                                                GAsyncReadyCallback  callback,
                                                gpointer             user_data);
gboolean         cpd_engine_wait_finish        (CpdEngine           *engine,
                                                GAsyncResult        *result,
                                                int                 *exit_code,
                                                GError             **error);

/* Import: CHANGES are Containerfile instructions. See cpd_storage_import(). */
char            *cpd_engine_import_image       (CpdEngine           *engine,
                                                int                  fd,
                                                const char          *reference,
                                                const char *const   *changes,
                                                const char          *message,
                                                const CpdCaller     *caller,
                                                CpdProgressFunc      progress,
                                                gpointer             user_data,
                                                GCancellable        *cancellable,
                                                GError             **error);
/* With CPD_REMOVE_IMAGE_FORCE, containers made from it are removed too when it goes. */
gboolean         cpd_engine_remove_image       (CpdEngine           *engine,
                                                const char          *name_or_id,
                                                CpdRemoveImageFlags  flags,
                                                const CpdCaller     *caller,
                                                char              ***untagged,
                                                char               **deleted,
                                                GError             **error);
/* See cpd_storage_tag_image(), cpd_storage_untag_image(). */
char           **cpd_engine_tag_image          (CpdEngine           *engine,
                                                const char          *id,
                                                const char *const   *names,
                                                const CpdCaller     *caller,
                                                GError             **error);
char           **cpd_engine_untag_image        (CpdEngine           *engine,
                                                const char          *id,
                                                const char *const   *names,
                                                const CpdCaller     *caller,
                                                GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdRemovalPlan, cpd_removal_plan_free)

G_END_DECLS
