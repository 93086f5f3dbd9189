/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cpod-generated.h"
#include "cpod-log-reader.h"
#include "cpod-stream.h"
#include "cpod-types.h"

G_BEGIN_DECLS

#define CPOD_TYPE_CLIENT (cpod_client_get_type ())
G_DECLARE_FINAL_TYPE (CpodClient, cpod_client, CPOD, CLIENT, GObject)

CpodClient      *cpod_client_new_sync                    (GBusType              bus_type,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_new                         (GBusType              bus_type,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
CpodClient      *cpod_client_new_for_address_sync        (const char           *address,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_new_for_address             (const char           *address,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
CpodClient      *cpod_client_new_for_connection_sync     (GDBusConnection      *connection,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_new_for_connection          (GDBusConnection      *connection,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
CpodClient      *cpod_client_new_private_sync            (GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_new_private                 (GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
CpodClient      *cpod_client_new_finish                  (GAsyncResult         *result,
                                                          GError              **error);

GDBusConnection *cpod_client_get_connection              (CpodClient           *self);
const char      *cpod_client_get_bus_name                (CpodClient           *self);
CpodRuntime     *cpod_client_get_runtime                 (CpodClient           *self);
CpodImages      *cpod_client_get_images                  (CpodClient           *self);
const char      *cpod_client_get_namespace               (CpodClient           *self);
void             cpod_client_set_namespace               (CpodClient           *self,
                                                          const char           *name_space);
gboolean         cpod_client_get_interactive             (CpodClient           *self);
void             cpod_client_set_interactive             (CpodClient           *self,
                                                          gboolean              interactive);

gboolean         cpod_client_close_sync                  (CpodClient           *self,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_close                       (CpodClient           *self,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
gboolean         cpod_client_close_finish                (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);

CpodContainer   *cpod_client_get_container_sync          (CpodClient           *self,
                                                          const char           *name,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_get_container               (CpodClient           *self,
                                                          const char           *name,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
CpodContainer   *cpod_client_get_container_finish        (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);

CpodContainer   *cpod_client_create_container_sync       (CpodClient           *self,
                                                          const char           *image,
                                                          GVariant             *options,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_create_container            (CpodClient           *self,
                                                          const char           *image,
                                                          GVariant             *options,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
CpodContainer   *cpod_client_create_container_finish     (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);

GVariant        *cpod_client_list_containers_sync        (CpodClient           *self,
                                                          GVariant             *options,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_list_containers             (CpodClient           *self,
                                                          GVariant             *options,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
GVariant        *cpod_client_list_containers_finish      (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);

CpodStream      *cpod_client_attach_sync                 (CpodClient           *self,
                                                          const char           *path,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_attach                      (CpodClient           *self,
                                                          const char           *path,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
CpodStream      *cpod_client_attach_finish               (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);

CpodLogReader   *cpod_client_open_logs_sync              (CpodClient           *self,
                                                          const char           *path,
                                                          GVariant             *options,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_open_logs                   (CpodClient           *self,
                                                          const char           *path,
                                                          GVariant             *options,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
CpodLogReader   *cpod_client_open_logs_finish            (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);

char            *cpod_client_import_image_sync           (CpodClient           *self,
                                                          int                   fd,
                                                          const char           *reference,
                                                          GVariant             *options,
                                                          CpodProgressCallback  progress,
                                                          gpointer              progress_data,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_import_image                (CpodClient           *self,
                                                          int                   fd,
                                                          const char           *reference,
                                                          GVariant             *options,
                                                          CpodProgressCallback  progress,
                                                          gpointer              progress_data,
                                                          GDestroyNotify        progress_destroy,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
char            *cpod_client_import_image_finish         (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);

GVariant        *cpod_client_load_images_sync            (CpodClient          *self,
                                                          int                  fd,
                                                          GVariant            *options,
                                                          CpodProgressCallback progress,
                                                          gpointer             progress_data,
                                                          GCancellable        *cancellable,
                                                          GError             **error);
void             cpod_client_load_images                 (CpodClient          *self,
                                                          int                  fd,
                                                          GVariant            *options,
                                                          CpodProgressCallback progress,
                                                          gpointer             progress_data,
                                                          GDestroyNotify       progress_destroy,
                                                          GCancellable        *cancellable,
                                                          GAsyncReadyCallback  callback,
                                                          gpointer             user_data);
GVariant        *cpod_client_load_images_finish          (CpodClient   *self,
                                                          GAsyncResult *result,
                                                          GError      **error);

gboolean         cpod_client_save_images_sync            (CpodClient          *self,
                                                          const char *const   *images,
                                                          int                  fd,
                                                          GVariant            *options,
                                                          CpodProgressCallback progress,
                                                          gpointer             progress_data,
                                                          GCancellable        *cancellable,
                                                          GError             **error);
void             cpod_client_save_images                 (CpodClient          *self,
                                                          const char *const   *images,
                                                          int                  fd,
                                                          GVariant            *options,
                                                          CpodProgressCallback progress,
                                                          gpointer             progress_data,
                                                          GDestroyNotify       progress_destroy,
                                                          GCancellable        *cancellable,
                                                          GAsyncReadyCallback  callback,
                                                          gpointer             user_data);
gboolean         cpod_client_save_images_finish          (CpodClient   *self,
                                                          GAsyncResult *result,
                                                          GError      **error);

gboolean         cpod_client_export_container_sync       (CpodClient          *self,
                                                          const char          *path,
                                                          int                  fd,
                                                          CpodProgressCallback progress,
                                                          gpointer             progress_data,
                                                          GCancellable        *cancellable,
                                                          GError             **error);
void             cpod_client_export_container            (CpodClient          *self,
                                                          const char          *path,
                                                          int                  fd,
                                                          CpodProgressCallback progress,
                                                          gpointer             progress_data,
                                                          GDestroyNotify       progress_destroy,
                                                          GCancellable        *cancellable,
                                                          GAsyncReadyCallback  callback,
                                                          gpointer             user_data);
gboolean         cpod_client_export_container_finish     (CpodClient   *self,
                                                          GAsyncResult *result,
                                                          GError      **error);

char            *cpod_client_commit_container_sync (CpodClient            *self,
                                                    const char            *path,
                                                    const char            *reference,
                                                    GVariant              *options,
                                                    CpodProgressCallback   progress,
                                                    gpointer               progress_data,
                                                    GCancellable          *cancellable,
                                                    GError               **error);
void             cpod_client_commit_container (CpodClient           *self,
                                               const char           *path,
                                               const char           *reference,
                                               GVariant             *options,
                                               CpodProgressCallback  progress,
                                               gpointer              progress_data,
                                               GDestroyNotify        progress_destroy,
                                               GCancellable         *cancellable,
                                               GAsyncReadyCallback   callback,
                                               gpointer              user_data);
char            *cpod_client_commit_container_finish (CpodClient    *self,
                                                      GAsyncResult  *result,
                                                      GError       **error);

gboolean         cpod_client_copy_out_sync (CpodClient            *self,
                                            const char            *path,
                                            const char            *file,
                                            int                    fd,
                                            GVariant              *options,
                                            CpodProgressCallback   progress,
                                            gpointer               progress_data,
                                            GCancellable          *cancellable,
                                            GError               **error);
void             cpod_client_copy_out (CpodClient           *self,
                                       const char           *path,
                                       const char           *file,
                                       int                   fd,
                                       GVariant             *options,
                                       CpodProgressCallback  progress,
                                       gpointer              progress_data,
                                       GDestroyNotify        progress_destroy,
                                       GCancellable         *cancellable,
                                       GAsyncReadyCallback   callback,
                                       gpointer              user_data);
gboolean         cpod_client_copy_out_finish (CpodClient    *self,
                                              GAsyncResult  *result,
                                              GError       **error);

gboolean         cpod_client_copy_in_sync (CpodClient            *self,
                                           const char            *path,
                                           const char            *directory,
                                           int                    fd,
                                           GVariant              *options,
                                           CpodProgressCallback   progress,
                                           gpointer               progress_data,
                                           GCancellable          *cancellable,
                                           GError               **error);
void             cpod_client_copy_in (CpodClient           *self,
                                      const char           *path,
                                      const char           *directory,
                                      int                   fd,
                                      GVariant             *options,
                                      CpodProgressCallback  progress,
                                      gpointer              progress_data,
                                      GDestroyNotify        progress_destroy,
                                      GCancellable         *cancellable,
                                      GAsyncReadyCallback   callback,
                                      gpointer              user_data);
gboolean         cpod_client_copy_in_finish (CpodClient    *self,
                                             GAsyncResult  *result,
                                             GError       **error);

char            *cpod_client_pull_image_sync             (CpodClient           *self,
                                                          const char           *reference,
                                                          const char           *credentials,
                                                          GVariant             *options,
                                                          CpodProgressCallback  progress,
                                                          gpointer              progress_data,
                                                          char                **name,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_pull_image                  (CpodClient           *self,
                                                          const char           *reference,
                                                          const char           *credentials,
                                                          GVariant             *options,
                                                          CpodProgressCallback  progress,
                                                          gpointer              progress_data,
                                                          GDestroyNotify        progress_destroy,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
char            *cpod_client_pull_image_finish           (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          char                **name,
                                                          GError              **error);

char            *cpod_client_push_image_sync             (CpodClient           *self,
                                                          const char           *image,
                                                          const char           *destination,
                                                          const char           *credentials,
                                                          GVariant             *options,
                                                          CpodProgressCallback  progress,
                                                          gpointer              progress_data,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_push_image                  (CpodClient           *self,
                                                          const char           *image,
                                                          const char           *destination,
                                                          const char           *credentials,
                                                          GVariant             *options,
                                                          CpodProgressCallback  progress,
                                                          gpointer              progress_data,
                                                          GDestroyNotify        progress_destroy,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
char            *cpod_client_push_image_finish           (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);

char           **cpod_client_list_tags_sync              (CpodClient           *self,
                                                          const char           *repository,
                                                          const char           *credentials,
                                                          GVariant             *options,
                                                          char                **name,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_list_tags                   (CpodClient           *self,
                                                          const char           *repository,
                                                          const char           *credentials,
                                                          GVariant             *options,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
char           **cpod_client_list_tags_finish            (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          char                **name,
                                                          GError              **error);

GVariant        *cpod_client_search_images_sync          (CpodClient           *self,
                                                          const char           *term,
                                                          const char           *credentials,
                                                          GVariant             *options,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_search_images               (CpodClient           *self,
                                                          const char           *term,
                                                          const char           *credentials,
                                                          GVariant             *options,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
GVariant        *cpod_client_search_images_finish        (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);

gboolean         cpod_client_run_sync                    (CpodClient           *self,
                                                          const char           *image,
                                                          GVariant             *options,
                                                          GBytes               *input,
                                                          GBytes              **standard_output,
                                                          GBytes              **standard_error,
                                                          int                  *exit_code,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_run                         (CpodClient           *self,
                                                          const char           *image,
                                                          GVariant             *options,
                                                          GBytes               *input,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
gboolean         cpod_client_run_finish                  (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GBytes              **standard_output,
                                                          GBytes              **standard_error,
                                                          int                  *exit_code,
                                                          GError              **error);

gboolean         cpod_client_exec_sync                   (CpodClient           *self,
                                                          const char           *path,
                                                          const char *const    *command,
                                                          GVariant             *options,
                                                          GBytes               *input,
                                                          GBytes              **standard_output,
                                                          GBytes              **standard_error,
                                                          int                  *exit_code,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_exec                        (CpodClient           *self,
                                                          const char           *path,
                                                          const char *const    *command,
                                                          GVariant             *options,
                                                          GBytes               *input,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
gboolean         cpod_client_exec_finish                 (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GBytes              **standard_output,
                                                          GBytes              **standard_error,
                                                          int                  *exit_code,
                                                          GError              **error);

gboolean         cpod_client_follow_events_sync          (CpodClient           *self,
                                                          guint64               since,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_follow_events               (CpodClient           *self,
                                                          guint64               since,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
gboolean         cpod_client_follow_events_finish        (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);
void             cpod_client_unfollow_events             (CpodClient           *self);

CpodStream      *cpod_client_open_exec_sync              (CpodClient           *self,
                                                          const char           *path,
                                                          const char *const    *command,
                                                          GVariant             *options,
                                                          char                **session,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_open_exec                   (CpodClient           *self,
                                                          const char           *path,
                                                          const char *const    *command,
                                                          GVariant             *options,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
CpodStream      *cpod_client_open_exec_finish            (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          char                **session,
                                                          GError              **error);

CpodImage       *cpod_client_get_image_sync              (CpodClient           *self,
                                                          const char           *name,
                                                          GCancellable         *cancellable,
                                                          GError              **error);
void             cpod_client_get_image                   (CpodClient           *self,
                                                          const char           *name,
                                                          GCancellable         *cancellable,
                                                          GAsyncReadyCallback   callback,
                                                          gpointer              user_data);
CpodImage       *cpod_client_get_image_finish            (CpodClient           *self,
                                                          GAsyncResult         *result,
                                                          GError              **error);

G_END_DECLS
