/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storage/cpd-mount-options.h"
#include "storage/cpd-storage.h"

G_BEGIN_DECLS

/* Only src/storage/ includes this. */

/* How the root of a container is made of the layers of its image. Layers are the same for all, and a container stays with
 * the driver that made it: which that was is seen by its directory. PATH is that of the container, OVERLAY/c/ID. */
typedef struct
{
  const char *name;
  const char *directory;        /* in PATH, which only this driver has: what the container has written is there */
  gboolean (*create) (CpdStorage *storage, const char *path, const char *image_id, GCancellable *cancellable,
                      GError **error);
  gboolean (*mend)   (CpdStorage *storage, const char *path, const char *image_id, GError **error);
  gboolean (*mount)  (CpdStorage *storage, const char *container_id, const char *image_id, const char *target,
                      gboolean volatile_, GError **error);
  /* The root of an image of several layers, read-only. COPY is a path that may be made for it, and stays until it is
   * unmounted. */
  gboolean (*mount_image) (CpdStorage *storage, const char *image_id, const char *copy, const char *target,
                           GError **error);
} CpdStorageDriver;

extern const CpdStorageDriver cpd_storage_overlay;
extern const CpdStorageDriver cpd_storage_fuse;
extern const CpdStorageDriver cpd_storage_vfs;

struct _CpdStorage
{
  gatomicrefcount ref_count;
  CpdStore *store;              /* (owned) */
  char *root;                   /* (owned) absolute */
  char *images;                 /* (owned) ROOT/images */
  char *overlay;                /* (owned) ROOT/overlay */
  const CpdStorageDriver *driver;       /* of new containers */
  char *mount_program;          /* (owned) (nullable) that makes overlays */
  char *refusal;                /* (owned) (nullable) why overlay, or the kernel's, was tried and not taken */
  CpdMountOptions mount_options;
  /* Held while files that rows speak of, the rows and index.json are brought in line with one
   * another; not while an archive is unpacked. */
  GMutex lock;
  int untidy;                   /* atomic */
  CpdUntidyFunc untidy_func;
  gpointer untidy_data;
  GHashTable *pins;             /* (owned) chain id → how many rely on that layer besides images; for the lock */
};

#define CPD_STORAGE_PULL "pull" /* and whatever else makes an image */
#define CPD_STORAGE_PUSH "push"
#define CPD_STORAGE_REMOVE_IMAGE "remove-image"
#define CPD_STORAGE_TMP_BLOB ".tmp-"
#define CPD_STORAGE_LAYERS_MAX 500

/* NULL when there is none of that name. */
const CpdStorageDriver *cpd_storage_find_driver (const char *name);

/* Whether PROGRAM, or if that is NULL the kernel, and the file system below serve overlays: an error says why not. */
gboolean  cpd_storage_try_overlay      (CpdStorage         *storage,
                                        const char         *program,
                                        GError            **error);
/* Which driver makes new containers, as the settings want it and what is there allows. */
gboolean  cpd_storage_choose_driver    (CpdStorage         *storage,
                                        const CpdStorageSettings *settings,
                                        GError            **error);

/* Calls FUNCTION with DATA in a thread that ends with it: for what changes a thread for good. */
gboolean  cpd_storage_run_apart        (const char         *name,
                                        GThreadFunc         function,
                                        gpointer            data,
                                        GError            **error);

/* What drivers of overlays share. UPPER is the name of the directory for writes. */
typedef struct
{
  const char *program;          /* (nullable) that mounts it, NULL for the kernel */
  const char *upper;
  const char *options;          /* with a comma before each */
} CpdOverlayMount;

gboolean  cpd_storage_create_upper     (CpdStorage         *storage,
                                        const char         *path,
                                        const char         *upper,
                                        const char         *image_id,
                                        GError            **error);
gboolean  cpd_storage_mend_upper       (CpdStorage         *storage,
                                        const char         *path,
                                        const char         *upper,
                                        const char         *image_id,
                                        GError            **error);
gboolean  cpd_storage_mount_layers     (CpdStorage         *storage,
                                        const CpdOverlayMount *mount,
                                        const char         *container_id,
                                        const char         *image_id,
                                        const char         *target,
                                        gboolean            volatile_,
                                        GError            **error);
/* The same without a container, read-only. */
gboolean  cpd_storage_mount_lower      (CpdStorage         *storage,
                                        const CpdOverlayMount *mount,
                                        const char         *image_id,
                                        const char         *target,
                                        GError            **error);
/* The directory for the writes of a container; MARKS tells whether some of its names stand for whiteouts. */
char     *cpd_storage_upper_path       (CpdStorage         *storage,
                                        const char         *container_id,
                                        gboolean           *marks);

/* Whether the root of a container is a copy of its image's. */
gboolean  cpd_storage_is_copy          (CpdStorage         *storage,
                                        const char         *container_id);

/* Shows at TARGET what is at SOURCE, which nobody can change there. */
gboolean  cpd_storage_bind_read_only   (CpdStorage         *storage,
                                        const char         *source,
                                        const char         *target,
                                        GError            **error);

char     *cpd_storage_blob_path        (CpdStorage         *storage,
                                        const char         *digest);
char     *cpd_storage_layer_path       (CpdStorage         *storage,
                                        const char         *chain_id);
char     *cpd_storage_link_path        (CpdStorage         *storage,
                                        const char         *link);
char     *cpd_storage_tmp_path         (CpdStorage         *storage,
                                        const char         *name);
/* What the link of a layer points to. */
char     *cpd_storage_link_target      (const char         *chain_id);

char     *cpd_storage_make_link        (CpdStorage         *storage,
                                        const char         *chain_id,
                                        GError            **error);

/* Notes what is about to be done, and that it is not to be done (any more). */
gboolean  cpd_storage_begin_operation  (CpdStorage         *storage,
                                        const char         *kind,
                                        const char         *object,
                                        gint64             *number,
                                        GError            **error);
void      cpd_storage_end_operation    (CpdStorage         *storage,
                                        gint64              number);
/* Something that is not wrong, but in excess or behind, could not be mended now: see cpd_storage_tidy(). */
void      cpd_storage_note_untidy      (CpdStorage         *storage);

/* Writes index.json from the rows. Call it with the lock held. */
gboolean  cpd_storage_write_index      (CpdStorage         *storage,
                                        GError            **error);
char     *cpd_storage_make_index       (CpdStorage         *storage,
                                        GError            **error);
/* Digests of all blobs that rows speak of: a set of strings. */
GHashTable *cpd_storage_used_blobs     (CpdStorage         *storage,
                                        GError            **error);
/* Layers that nobody needs: those of no image, unless somebody is about to make one of them. Call these with the lock held. */
GPtrArray *cpd_storage_list_garbage    (CpdStorage         *storage,
                                        GError            **error);
gboolean  cpd_storage_collect_layers   (CpdStorage         *storage,
                                        gint64              number,
                                        GPtrArray          *trash,
                                        GError            **error);
void      cpd_storage_pin_layer        (CpdStorage         *storage,
                                        const char         *chain_id);
void      cpd_storage_unpin_layer      (CpdStorage         *storage,
                                        const char         *chain_id);
/* Moves PATH out of sight at once; its new path is added to TRASH, for cpd_storage_empty_trash(). */
void      cpd_storage_discard          (CpdStorage         *storage,
                                        const char         *path,
                                        GPtrArray          *trash);
void      cpd_storage_empty_trash      (GPtrArray          *trash);
/* Images that lose one of NAMES when that is taken away, or given to image ID, if they may lose with it what was kept
 * of where it was found; and what becomes of that when it was done. Call these with the lock held. */
GPtrArray *cpd_storage_list_losers     (CpdStorage         *storage,
                                        const char *const  *names,
                                        const char         *id);
void      cpd_storage_discard_lost     (CpdStorage         *storage,
                                        GPtrArray          *losers,
                                        GPtrArray          *trash);
/* Moves a layer, its link and its blob (unless in USED) out of sight. */
void      cpd_storage_discard_layer    (CpdStorage         *storage,
                                        const CpdLayerRow  *layer,
                                        GHashTable         *used,
                                        GPtrArray          *trash);

G_END_DECLS
