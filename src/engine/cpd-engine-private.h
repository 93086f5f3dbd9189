/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/cpd-quota.h"
#include "engine/conmon/cpd-launcher.h"
#include "engine/conmon/cpd-monitor.h"
#include "engine/containers/cpd-container-config.h"
#include "engine/cpd-engine.h"
#include "engine/cpd-event-log.h"
#include "engine/cpd-health.h"
#include "engine/cpd-holds.h"
#include "engine/cpd-locks.h"
#include "engine/cpd-waiters.h"
#include "engine/host/cpd-oom-log.h"
#include "engine/host/cpd-programs.h"
#include "store/cpd-store-repair.h"
#include "transport/cpd-registries.h"

G_BEGIN_DECLS

struct _CpdEngine
{
  GObject parent;

  CpdConfig *config;            /* (owned): as it was at the start */
  char *boot_id;                /* (owned) */
  int lock_fd;                  /* (owned): the lock on the state directory */
  CpdStore *store;              /* (owned) */
  CpdStorage *storage;          /* (owned) */
  CpdLauncher *launcher;        /* (owned) */
  CpdMonitor *monitor;          /* (owned) */
  CpdOomLog *oom_log;           /* (owned) */
  CpdLocks *locks;              /* (owned) */
  CpdQuota *streams;            /* (owned): that are fed for each user */
  GThreadPool *exits;           /* (owned): its own, so that callers who wait for an exit cannot keep it out */
  CpdWaiters *waiters;          /* (owned), main thread */
  CpdEventLog *event_log;       /* (owned) (nullable) */
  CpdPrograms *programs;        /* (owned): versions of those that were asked for */
  CpdHolds *holds;              /* (owned): by what must not be torn */

  GMainContext *context;        /* (owned): of the main thread */
  guint64 last_emitted;         /* main thread */
  guint64 last_pruned;          /* main thread */

  CpdHealth *health;            /* (owned) */
  gboolean incomplete;          /* what the database has lost could not be put in again */
  GSource *upkeep;              /* (owned) (nullable), main thread */
  GThread *upkeep_thread;       /* (owned) (nullable); what follows is its own once it runs */
  gboolean unchecked;           /* the start had no time to check all of the database */
  gboolean condemned;           /* the database is damaged */
  gboolean changed_schema;      /* the schema is newer than the newest backup's */
  gboolean backup_failed;
  gint pulse_place;             /* atomic */
  gint machine_ends;            /* atomic: that a container is stopped is nobody's wish */

  GMutex mutex;                 /* guards what follows */
  GCond changed;                /* some container changed */
  GHashTable *dirty;            /* (owned): ids not yet told as changed */
  gboolean drain_scheduled;
  GHashTable *pending;          /* (owned): "what id" → GSource that will do it; NULL once the engine ends */
  GHashTable *unrefreshed;      /* (owned): id → how often that was tried in vain since the reboot */
  CpdConfig *settings;          /* (owned): as it is since the last reload */
  GHashTable *going;            /* (owned): id → by how many removals it is claimed */
  GHashTable *pulls;            /* (owned): what is being pulled */
  GHashTable *borrowed;         /* (owned): id → how often its root is used, see cpd-container-root.h */
};

/* Paths of a container. */
char            *cpd_engine_bundle_path       (CpdEngine                *engine,
                                               const char               *id);
char            *cpd_engine_rootfs_path       (CpdEngine                *engine,
                                               const char               *id);
char            *cpd_engine_container_dir     (CpdEngine                *engine,
                                               const char               *id);
char            *cpd_engine_log_path          (CpdEngine                *engine,
                                               const char               *id);

/* Makes the directories of the state that are not the storage's own. */
gboolean         cpd_engine_open_storage      (CpdEngine                *engine,
                                                GError                  **error);
gboolean         cpd_engine_make_directories  (CpdEngine                *engine,
                                               GError                  **error);
void             cpd_engine_log_config_warnings (const CpdConfig        *config);
/* The value of a key for a path, or FALLBACK when it is empty. */
const char      *cpd_engine_configured_path   (const CpdConfig          *config,
                                               CpdKey                    key,
                                               const char               *fallback);
/* As the configuration names the files. */
CpdRegistries   *cpd_engine_load_registries   (CpdEngine                *engine,
                                               GError                  **error);
char            *cpd_engine_database_path     (CpdEngine                *engine);
char            *cpd_engine_backups_path      (CpdEngine                *engine);

/* After damage to the database, see cpd-engine-rebuild.c. */
void             cpd_engine_rebuild           (CpdEngine                *engine,
                                               const CpdStoreRepair     *repair);
gboolean         cpd_engine_keeps_files       (CpdEngine                *engine,
                                               const char               *id);
/* All ids that have a row, or are worked on. */
GHashTable      *cpd_engine_known_ids         (CpdEngine                *engine,
                                               GError                  **error);
void             cpd_engine_end_upkeep        (CpdEngine                *engine);
void             cpd_engine_emit_health       (CpdEngine                *engine);
void             cpd_engine_emit_pulse        (CpdEngine                *engine);
/* Any thread. */
void             cpd_engine_emit_reloading    (CpdEngine                *engine,
                                               gboolean                  reloading);
/* In a thread of the exit pool, see cpd-engine-pulse.c. */
void             cpd_engine_pass_pulse        (CpdEngine                *engine);
/* The same, from any thread. */
void             cpd_engine_tell_health       (CpdEngine                *engine);

/* Whoever feeds a stream takes one for the user who reads it, and gives it back at its end. */
gboolean         cpd_engine_take_stream       (CpdEngine                *engine,
                                               guint32                   uid,
                                               GError                  **error);
void             cpd_engine_give_stream       (CpdEngine                *engine,
                                               guint32                   uid);

/* Dependencies, see cpd-container-depends.c. */
char           **cpd_engine_resolve_dependencies (CpdEngine             *engine,
                                                  GVariant              *options,
                                                  const char            *namespace,
                                                  GError               **error);
/* In the transaction that adds ROW. */
gboolean         cpd_engine_check_dependencies (CpdEngine               *engine,
                                                CpdTransaction          *tx,
                                                const CpdContainerRow   *row,
                                                GError                 **error);
/* Starts what ID depends on and does not run, in order. Unless EVEN_STOPPED, what somebody has stopped is an error. No lock is held. */
gboolean         cpd_engine_start_dependencies (CpdEngine               *engine,
                                                const char              *id,
                                                gboolean                 even_stopped,
                                                const CpdCaller         *caller,
                                                GError                 **error);
/* All that ROW depends on directly runs, or this is an INVALID_STATE. */
gboolean         cpd_engine_dependencies_run   (CpdEngine               *engine,
                                                const CpdContainerRow   *row,
                                                const char              *operation,
                                                GError                 **error);
/* None but those in TOGETHER (nullable) depends on ROW, or this is a DEPENDENTS_EXIST. */
gboolean         cpd_engine_check_dependents   (CpdEngine               *engine,
                                                const CpdContainerRow   *row,
                                                GHashTable              *together,
                                                GError                 **error);
/* After ROW was removed: what it was the last to keep from being removed. */
void             cpd_engine_release_dependencies (CpdEngine             *engine,
                                                  const CpdContainerRow *row);
/* Whether a removal of it has begun that ends it first. */
gboolean         cpd_engine_is_going           (CpdEngine               *engine,
                                                const char              *id);
/* One container of a plan, see cpd-container-removal.c. */
gboolean         cpd_engine_remove_one         (CpdEngine               *engine,
                                                const char              *id,
                                                gboolean                 force,
                                                gint64                   timeout,
                                                GHashTable              *together,
                                                const CpdCaller         *caller,
                                                GError                 **error);

/* Drops events that are too old or too many. */
void             cpd_engine_prune_events      (CpdEngine                *engine);
/* The event queue. */
void             cpd_engine_on_commit         (GPtrArray                *changed_containers,
                                               gpointer                  engine);

/* A change of status and its event, in one transaction. STATUS_EVENT may be NULL for a change that
 * podman has no event for; NUMBER is an operation that this completes, or 0. */
gboolean         cpd_engine_set_status        (CpdEngine                *engine,
                                               const CpdContainerRow    *row,
                                               const CpdContainerStatus *status,
                                               const char               *status_event,
                                               GVariant                 *attributes,
                                               gint64                    number,
                                               const CpdCaller          *caller,
                                               GError                  **error);
gboolean         cpd_engine_begin_operation   (CpdEngine                *engine,
                                               const char               *kind,
                                               const char               *object,
                                               gint64                   *number,
                                               GError                  **error);
void             cpd_engine_end_operation     (CpdEngine                *engine,
                                               gint64                    number);

/* Public attributes of a container's events. */
GVariantBuilder *cpd_engine_attributes        (const CpdContainerRow    *row);

/* A row whose state allows an operation: CPD_STATE_BIT() of each state in ALLOWED. */
#define CPD_STATE_BIT(state) (1u << (state))
CpdContainerRow *cpd_engine_get_in_state      (CpdEngine                *engine,
                                               const char               *id,
                                               guint                     allowed,
                                               const char               *operation,
                                               GError                  **error);

/* Steps that need the container's lock held. */
gboolean         cpd_engine_init_locked       (CpdEngine                *engine,
                                               const CpdContainerRow    *row,
                                               const CpdCaller          *caller,
                                               GError                  **error);
gboolean         cpd_engine_launch            (CpdEngine                *engine,
                                               const CpdContainerRow    *row,
                                               CpdContainerConfig       *config,
                                               const CpdCaller          *caller,
                                               CpdLaunched              *launched,
                                               GError                  **error);
gboolean         cpd_engine_start_locked      (CpdEngine                *engine,
                                               const char               *id,
                                               guint                     restarts,
                                               const CpdCaller          *caller,
                                               GError                  **error);
gboolean         cpd_engine_cleanup_locked    (CpdEngine                *engine,
                                               const char               *id,
                                               GError                  **error);
/* TOGETHER (nullable) has what is removed with it. */
gboolean         cpd_engine_remove_locked     (CpdEngine                *engine,
                                               const CpdContainerRow    *row,
                                               GHashTable               *together,
                                               const CpdCaller          *caller,
                                               GError                  **error);
gboolean         cpd_engine_clear_runtime     (CpdEngine                *engine,
                                               const char               *id,
                                               GError                  **error);
gboolean         cpd_engine_delete_files      (CpdEngine                *engine,
                                               const char               *id,
                                               GError                  **error);

/* The end of a container's process. MONITOR_PID is that of the monitor that died, or 0. */
void             cpd_engine_container_exited  (CpdEngine                *engine,
                                               const char               *id,
                                               pid_t                     monitor_pid);
/* Brings the metadata of a container up to date after it was changed. */
gboolean         cpd_engine_record_metadata       (CpdEngine                *engine,
                                               const char               *id,
                                               GError                  **error);
/* The last step of those operations of a container that could not be finished. */
void             cpd_engine_finish_metadata_again (CpdEngine            *engine,
                                               const char               *id);
/* Removes from the storage what could not be removed for want of room. */
void             cpd_engine_tidy_storage      (CpdEngine                *engine);
/* The last step of operation NUMBER, which changed what is recorded there; should it fail, it is tried again. */
void             cpd_engine_finish_metadata   (CpdEngine                *engine,
                                               const char               *id,
                                               gint64                    number);
/* Fills in what version 0.1.0 has not recorded. */
gboolean         cpd_engine_complete_config   (CpdEngine                *engine,
                                               CpdContainerConfig       *config,
                                               GError                  **error);
/* A change of how a container was asked for, with its event "update". */
gboolean         cpd_engine_set_config        (CpdEngine                *engine,
                                               const CpdContainerRow    *row,
                                               const CpdContainerConfig *config,
                                               GVariantBuilder          *attributes,
                                               const CpdCaller          *caller,
                                               GError                  **error);
gboolean         cpd_engine_undo_update       (CpdEngine                *engine,
                                               const char               *id,
                                               const char               *payload,
                                               GError                  **error);
gboolean         cpd_engine_undo_migrate      (CpdEngine                *engine,
                                               const char               *id,
                                               GError                  **error);
gboolean         cpd_engine_pause_locked      (CpdEngine                *engine,
                                               const char               *id,
                                               const CpdCaller          *caller,
                                               GError                  **error);
gboolean         cpd_engine_unpause_locked    (CpdEngine                *engine,
                                               const char               *id,
                                               const CpdCaller          *caller,
                                               GError                  **error);
gboolean         cpd_engine_undo_pause        (CpdEngine                *engine,
                                               const char               *id,
                                               GError                  **error);
/* Leaves it to the exit pool to deal with the end of a container, to start it again, to start it after a reboot,
 * or to refresh it. */
#define CPD_EXIT_RESTART ((pid_t) -1)
#define CPD_EXIT_BOOT ((pid_t) -2)
#define CPD_EXIT_REFRESH ((pid_t) -3)
#define CPD_EXIT_EXEC ((pid_t) -4)       /* the id is that of an exec session */
#define CPD_EXIT_METADATA ((pid_t) -5)   /* what is recorded with a container is to be brought up to date */
#define CPD_EXIT_TIDY ((pid_t) -6)       /* the storage is to be rid of what nobody needs; no id */
#define CPD_EXIT_PRUNE ((pid_t) -8)      /* old events are to go; no id */
#define CPD_EXIT_PULSE ((pid_t) -7)      /* nothing but that there is a thread to do it; no id */
/* When what failed for want of room is tried again. */
#define CPD_RETRY_MS 2000
void             cpd_engine_push_exit         (CpdEngine                *engine,
                                               const char               *id,
                                               pid_t                     monitor_pid);
/* The same, some time later. */
void             cpd_engine_schedule          (CpdEngine                *engine,
                                               const char               *id,
                                               pid_t                     what,
                                               guint                     delay_ms);
/* After a reboot, see cpd-engine-refresh.c. */
gboolean         cpd_engine_refresh_if_booted (CpdEngine                *engine,
                                               gboolean                 *booted,
                                               GError                  **error);
gboolean         cpd_engine_needs_refresh     (CpdEngine                *engine,
                                               const char               *id);
gboolean         cpd_engine_refresh_locked    (CpdEngine                *engine,
                                               const CpdContainerRow    *row,
                                               GError                  **error);
void             cpd_engine_refresh_again     (CpdEngine                *engine,
                                               const char               *id);
void             cpd_engine_forget_refresh    (CpdEngine                *engine,
                                               const char               *id);
/* Again after a while, should ERROR be of the kind that passes. */
void             cpd_engine_retry_exit        (CpdEngine                *engine,
                                               const char               *id,
                                               pid_t                     monitor_pid,
                                               const GError             *error);
/* Starts one that has ended again after a while if its restart policy says so; BOOTED tells that it ended
 * because the machine did. */
void             cpd_engine_consider_restart  (CpdEngine                *engine,
                                               const CpdContainerRow    *row,
                                               gboolean                  booted);
void             cpd_engine_restart_by_policy (CpdEngine                *engine,
                                               const char               *id,
                                               gboolean                  booted);
void             cpd_engine_forget_restarts   (CpdEngine                *engine);
/* Nothing is started any more. With a hold taken before: who is told "no" is seen by cpd_engine_stop_all(). */
gboolean         cpd_engine_check_not_ending  (CpdEngine                *engine,
                                               GError                  **error);
/* An event about a container whose status does not change with it. */
gboolean         cpd_engine_add_event         (CpdEngine                *engine,
                                               const CpdContainerRow    *row,
                                               const char               *status_event,
                                               const CpdCaller          *caller,
                                               GError                  **error);
void             cpd_engine_drop_attached     (CpdEngine                *engine,
                                               const char               *id);
void             cpd_engine_watch             (CpdEngine                *engine,
                                               const CpdContainerRow    *row,
                                               const CpdContainerStatus *status);
/* What the archive of a layer may have. */
CpdLayerLimits   cpd_engine_get_layer_limits  (CpdEngine                *engine);
/* Room for what frees room, see cpd-engine-reserve.c. */
void             cpd_engine_fill_reserve      (CpdEngine                *engine);
gboolean         cpd_engine_use_reserve       (CpdEngine                *engine,
                                               const GError             *error);
/* Waits until IS_SO, which is asked under the engine's mutex after each commit; FALSE when it was not so in time. */
typedef gboolean (*CpdEngineCondition)        (CpdEngine                *engine,
                                               gconstpointer             data);
gboolean         cpd_engine_wait_for          (CpdEngine                *engine,
                                               CpdEngineCondition        is_so,
                                               gconstpointer             data,
                                               gint64                    timeout_us);
/* Waits until the run of the container that ROW tells of has ended; TRUE when it has. */
gboolean         cpd_engine_wait_stopped      (CpdEngine                *engine,
                                               const CpdContainerRow    *row,
                                               gint64                    timeout_us);

/* Everything that is on disk or mounted but in no row. FOUND is called for each. */
typedef gboolean (*CpdOrphanFunc) (CpdEngine *engine, const char *kind, const char *id,
                                   gpointer user_data, GError **error);
gboolean         cpd_engine_find_orphans      (CpdEngine                *engine,
                                               CpdOrphanFunc             found,
                                               gpointer                  user_data,
                                               GError                  **error);

G_END_DECLS
