/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "oci/cpd-layer.h"
#include "store/cpd-store-images.h"
#include "store/cpd-store.h"

G_BEGIN_DECLS

/*
 * Root file systems on disk:
 *
 *   GRAPH_ROOT/images             the image store, a valid OCI image layout
 *     oci-layout index.json blobs/sha256/HEX
 *   GRAPH_ROOT/overlay/layers/HEX/diff      an unpacked layer (HEX of its chain id)
 *   GRAPH_ROOT/overlay/l/SHORT    symbolic link to ../layers/HEX/diff
 *   GRAPH_ROOT/overlay/c/ID/{u,w} upper and work directory of a container of the driver overlay
 *   GRAPH_ROOT/overlay/c/ID/root  root of a container of the driver vfs, a copy of its image's
 *   GRAPH_ROOT/overlay/c/ID/image symbolic link whose target is the id of its image
 *   GRAPH_ROOT/overlay/i/ID/root  root of an image that is mounted by the driver vfs, a copy
 *   GRAPH_ROOT/overlay/tmp        layers being unpacked
 *
 * All functions may be called from any thread.
 */
typedef struct _CpdStorage CpdStorage;

/* Called now and then, from the thread that does the work. */
typedef CpdLayerProgressFunc CpdProgressFunc;

typedef struct
{
  const char *driver;           /* (nullable) "overlay" or "vfs"; NULL or "" for overlay if that works, else vfs */
  const char *mount_options;    /* (nullable) of overlays: "nodev,metacopy=on" */
  const char *mount_program;    /* (nullable) path of what makes overlays; NULL or "" for the kernel, or if that does not
                                 * serve them, for a program that is found */
} CpdStorageSettings;

/* SETTINGS may be NULL. BAD_CONFIG when they make no sense. */
CpdStorage  *cpd_storage_open            (CpdStore           *store,
                                          const char         *graph_root,
                                          const CpdStorageSettings *settings,
                                          GError            **error);
CpdStorage  *cpd_storage_ref             (CpdStorage         *storage);
void         cpd_storage_unref           (CpdStorage         *storage);
/* Of new containers: "overlay" or "vfs". */
const char  *cpd_storage_get_driver      (CpdStorage         *storage);
/* The program that makes the overlays of new containers; NULL when there are none, or the kernel makes them. */
const char  *cpd_storage_get_mount_program (CpdStorage       *storage);
/* Why overlay, or that of the kernel, was tried and not taken; NULL when it was not so. */
const char  *cpd_storage_get_refusal     (CpdStorage         *storage);
/* Whether files, or directories, of a container need not be whole in its writable layer. */
gboolean     cpd_storage_uses_metacopy   (CpdStorage         *storage);
gboolean     cpd_storage_uses_redirects  (CpdStorage         *storage);

/* Undoes and finishes what the operations of kind "pull", "push" and "remove-image" left half-done, and
 * removes what is on disk but in no row. */
gboolean     cpd_storage_recover         (CpdStorage         *storage,
                                          GError            **error);
/* Something of an operation that was done could not be finished, for lack of room: FUNC is called once, in any thread,
 * and is to have cpd_storage_tidy() called some time later, until that succeeds. */
typedef void (*CpdUntidyFunc) (gpointer user_data);
void         cpd_storage_set_untidy_func (CpdStorage         *storage,
                                          CpdUntidyFunc       func,
                                          gpointer            user_data);
gboolean     cpd_storage_tidy            (CpdStorage         *storage,
                                          GError            **error);
/* Compares rows and disk: appends one string "kind\tobject\ttext" a problem. */
gboolean     cpd_storage_check           (CpdStorage         *storage,
                                          GPtrArray          *problems,
                                          GError            **error);

/* Makes an image of the tar archive that FD reads: image rows, names and the event "import" in one
 * transaction. LIMITS may be NULL. CONFIG is the "config" member of the image config (CpdJsonObject as text, or NULL).
 * INVALID_ARCHIVE, DISK_FULL, CANCELLED, INVALID_ARGUMENT (bad reference). */
char        *cpd_storage_import          (CpdStorage         *storage,
                                          int                 fd,
                                          const CpdLayerLimits *limits,
                                          const char         *reference,
                                          const char         *config,
                                          const char         *message,
                                          const CpdCaller    *caller,
                                          CpdProgressFunc     progress,
                                          gpointer            user_data,
                                          GCancellable       *cancellable,
                                          GError            **error);
/* By name ("busybox" finds "localhost/busybox:latest"), id or unique prefix. */
CpdImageRow *cpd_storage_find_image      (CpdStorage         *storage,
                                          const char         *name_or_id,
                                          GError            **error);
/* Gives an image further names, whoever had them before, and tells their full forms. NO_SUCH_IMAGE, INVALID_ARGUMENT. */
char       **cpd_storage_tag_image       (CpdStorage         *storage,
                                          const char         *id,
                                          const char *const  *names,
                                          const CpdCaller    *caller,
                                          GError            **error);
/* Takes NAMES away, or all if there are none, and tells which. NO_SUCH_IMAGE also when it has not got one of them. */
char       **cpd_storage_untag_image     (CpdStorage         *storage,
                                          const char         *id,
                                          const char *const  *names,
                                          const CpdCaller    *caller,
                                          GError            **error);

/* Where the unpacked layers of an image are, topmost first. */
char       **cpd_storage_list_layer_dirs (CpdStorage         *storage,
                                          const char         *id,
                                          GError            **error);
/* The text of a manifest that is kept. */
char        *cpd_storage_read_manifest   (CpdStorage         *storage,
                                          const char         *digest,
                                          GError            **error);

typedef enum
{
  CPD_REMOVE_IMAGE_FORCE = 1 << 0,      /* by its id though it has several names */
  CPD_REMOVE_IMAGE_ALL_NAMES = 1 << 1,  /* whichever way it is named */
  CPD_REMOVE_IMAGE_IF_NAMELESS = 1 << 2,        /* or not at all: IMAGE_IN_USE */
} CpdRemoveImageFlags;

/* Takes away one name or, when NAME_OR_ID is an id, all; deletes the image with its last name. UNTAGGED gets the names,
 * DELETED the id or "". IMAGE_IN_USE while containers use it; INVALID_ARGUMENT when an id was given and there are
 * several names. */
gboolean     cpd_storage_remove_image    (CpdStorage         *storage,
                                          const char         *name_or_id,
                                          CpdRemoveImageFlags flags,
                                          const CpdCaller    *caller,
                                          char             ***untagged,
                                          char              **deleted,
                                          GError            **error);

/* The image that would be deleted so; NULL without an error if only a name would be taken away. */
CpdImageRow *cpd_storage_find_deletion   (CpdStorage         *storage,
                                          const char         *name_or_id,
                                          CpdRemoveImageFlags flags,
                                          GError            **error);

/* A container's writable layer, or the copy of its image's root that takes the place of one. */
gboolean     cpd_storage_create_rw       (CpdStorage         *storage,
                                          const char         *container_id,
                                          const char         *image_id,
                                          GCancellable       *cancellable,
                                          GError            **error);
/* Makes what a power cut has kept from the disk: nothing of a new writable layer is synced. */
gboolean     cpd_storage_mend_rw         (CpdStorage         *storage,
                                          const char         *container_id,
                                          const char         *image_id,
                                          GError            **error);
/* Mounts the image's layers with the writable layer over them at TARGET (an existing directory).
 * VOLATILE_: no write of it need ever reach the disk (auto-removed containers). */
gboolean     cpd_storage_mount           (CpdStorage         *storage,
                                          const char         *container_id,
                                          const char         *image_id,
                                          const char         *target,
                                          gboolean            volatile_,
                                          GError            **error);
/* Shows at TARGET what is mounted at SOURCE. */
gboolean     cpd_storage_bind            (CpdStorage         *storage,
                                          const char         *source,
                                          const char         *target,
                                          GError            **error);
/* Mounts an image's layers at TARGET (an existing directory), read-only. */
gboolean     cpd_storage_mount_image     (CpdStorage         *storage,
                                          const char         *image_id,
                                          const char         *target,
                                          GError            **error);
/* The copy that it may need to mount an image goes when it has been unmounted. */
gboolean     cpd_storage_delete_image_copy (CpdStorage       *storage,
                                          const char         *image_id,
                                          GError            **error);
gboolean     cpd_storage_has_image_copy  (CpdStorage         *storage,
                                          const char         *image_id);
/* Ids of the images that there are copies of. */
GPtrArray   *cpd_storage_list_image_copies (CpdStorage       *storage,
                                          GError            **error);
gboolean     cpd_storage_unmount         (CpdStorage         *storage,
                                          const char         *target,
                                          GError            **error);
gboolean     cpd_storage_delete_rw       (CpdStorage         *storage,
                                          const char         *container_id,
                                          GError            **error);
/* Bytes on disk of what a container has written; 0 when that cannot be told. */
gint64       cpd_storage_measure_rw      (CpdStorage         *storage,
                                          const char         *container_id);
/* What puts the root of a container together. */
const char  *cpd_storage_get_rw_driver   (CpdStorage         *storage,
                                          const char         *container_id);
/* The id of the image that a writable layer lies over, as the layer itself tells; NULL when it does not. */
char        *cpd_storage_get_rw_image    (CpdStorage         *storage,
                                          const char         *container_id);
/* When a writable layer was made, in µs since the epoch; 0 when there is none. */
gint64       cpd_storage_get_rw_created  (CpdStorage         *storage,
                                          const char         *container_id);
/* Ids of all writable layers on disk. */
GPtrArray   *cpd_storage_list_rw         (CpdStorage         *storage,
                                          GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdStorage, cpd_storage_unref)

G_END_DECLS
