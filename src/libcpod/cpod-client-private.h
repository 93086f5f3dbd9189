/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gunixfdlist.h>

#include "cpod-client.h"
#include "cpod-error.h"
#include "cpod-names.h"

G_BEGIN_DECLS

#define CPOD_INTERFACE_RUNTIME CPOD_BUS_NAME ".Runtime"
#define CPOD_INTERFACE_IMAGES CPOD_BUS_NAME ".Images"
#define CPOD_INTERFACE_CONTAINER CPOD_BUS_NAME ".Container"
#define CPOD_INTERFACE_EXEC CPOD_BUS_NAME ".Exec"
#define CPOD_INTERFACE_JOB CPOD_BUS_NAME ".Job"

typedef struct _CpodFollower CpodFollower;

struct _CpodClient
{
  GObject parent_instance;

  GBusType bus_type;
  char *address;
  gboolean private_peer;
  CpodClientFlags flags;
  char *name_space;             /* (nullable) */
  gboolean interactive;

  GDBusConnection *connection;
  GSubprocess *service;         /* (nullable): the service of a private peer */
  CpodRuntime *runtime;
  CpodImages *images;
  CpodFollower *follower;       /* (nullable): while events are followed */
};

G_GNUC_INTERNAL void              cpod_client_install_signals (void);
/* Emit the signals of this name. */
G_GNUC_INTERNAL void              cpod_client_tell_event (CpodClient         *self,
                                                          guint64             seq,
                                                          guint64             time,
                                                          const char         *type,
                                                          const char         *status,
                                                          const char         *id,
                                                          const char         *name,
                                                          GVariant           *attributes);
G_GNUC_INTERNAL void              cpod_client_tell_lost  (CpodClient         *self,
                                                          guint64             after);
G_GNUC_INTERNAL void              cpod_follower_stop     (CpodFollower       *follower);

/* A synchronous call made of an asynchronous one, in a context of its own. */
typedef struct
{
  GMainContext *context;
  GAsyncResult *result;
} CpodSync;

G_GNUC_INTERNAL void              cpod_sync_begin     (CpodSync             *sync);
G_GNUC_INTERNAL void              cpod_sync_done      (GObject              *source,
                                                       GAsyncResult         *result,
                                                       gpointer              user_data);
G_GNUC_INTERNAL GAsyncResult     *cpod_sync_wait      (CpodSync             *sync);
G_GNUC_INTERNAL void              cpod_sync_end       (CpodSync             *sync);

G_GNUC_INTERNAL void              cpod_call           (CpodClient           *self,
                                                       const char           *path,
                                                       const char           *interface,
                                                       const char           *method,
                                                       GVariant             *parameters,
                                                       GUnixFDList          *fd_list,
                                                       GCancellable         *cancellable,
                                                       GAsyncReadyCallback   callback,
                                                       gpointer              user_data);
G_GNUC_INTERNAL GVariant         *cpod_call_finish    (GObject              *connection,
                                                       GAsyncResult         *result,
                                                       GUnixFDList         **fd_list,
                                                       GError              **error);
G_GNUC_INTERNAL GVariant         *cpod_call_sync      (CpodClient           *self,
                                                       const char           *path,
                                                       const char           *interface,
                                                       const char           *method,
                                                       GVariant             *parameters,
                                                       GUnixFDList         **fd_list,
                                                       GCancellable         *cancellable,
                                                       GError              **error);
/* cpod_client_attach() for what has another interface; cpod_client_attach_finish() ends it. */
G_GNUC_INTERNAL void              cpod_client_attach_to (CpodClient          *self,
                                                         const char          *path,
                                                         const char          *interface,
                                                         GCancellable        *cancellable,
                                                         GAsyncReadyCallback  callback,
                                                         gpointer             user_data);
G_GNUC_INTERNAL int               cpod_call_take_fd   (GVariant             *reply,
                                                       GUnixFDList          *fd_list,
                                                       GError              **error);
G_GNUC_INTERNAL GVariant         *cpod_call_options   (GVariant             *options);
G_GNUC_INTERNAL GVariant         *cpod_call_scope     (CpodClient           *self,
                                                       GVariant             *options);

G_GNUC_INTERNAL void              cpod_job_run        (GTask                *task,
                                                       const char           *method,
                                                       GVariant             *arguments,
                                                       GVariant             *options,
                                                       GUnixFDList          *fd_list,
                                                       CpodProgressCallback  progress,
                                                       gpointer              progress_data,
                                                       GDestroyNotify        progress_destroy,
                                                       GCancellable         *cancellable);
G_GNUC_INTERNAL void              cpod_job_run_at     (GTask                *task,
                                                       const char           *path,
                                                       const char           *interface,
                                                       const char           *method,
                                                       GVariant             *arguments,
                                                       GVariant             *options,
                                                       GUnixFDList          *fd_list,
                                                       CpodProgressCallback  progress,
                                                       gpointer              progress_data,
                                                       GDestroyNotify        progress_destroy,
                                                       GCancellable         *cancellable);
/* ARGUMENTS is a floating tuple, the handle in which is 0: that of FD. Takes TASK. */
G_GNUC_INTERNAL void              cpod_job_run_with_fd (GTask               *task,
                                                       const char           *path,
                                                       const char           *interface,
                                                       const char           *method,
                                                       GVariant             *arguments,
                                                       int                   fd,
                                                       GVariant             *options,
                                                       CpodProgressCallback  progress,
                                                       gpointer              progress_data,
                                                       GDestroyNotify        progress_destroy,
                                                       GCancellable         *cancellable);
/* The end of a job whose result has nothing to tell. */
G_GNUC_INTERNAL gboolean          cpod_job_finish     (GAsyncResult         *result,
                                                       GError              **error);
G_GNUC_INTERNAL char             *cpod_job_get_string (GVariant             *result,
                                                       const char           *key,
                                                       GError              **error);

G_GNUC_INTERNAL GDBusConnection  *cpod_connect_sync   (CpodClient           *self,
                                                       GCancellable         *cancellable,
                                                       GError              **error);
G_GNUC_INTERNAL void              cpod_connect        (CpodClient           *self,
                                                       GCancellable         *cancellable,
                                                       GAsyncReadyCallback   callback,
                                                       gpointer              user_data);
G_GNUC_INTERNAL GDBusConnection  *cpod_connect_finish (CpodClient           *self,
                                                       GAsyncResult         *result,
                                                       GError              **error);

G_END_DECLS
