/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * CPOD_ERROR:
 *
 * Error domain of the engine. Its codes travel over the bus as
 * <literal>org.cpod.Cpod1.Error.*</literal>.
 *
 * Since: 0.1
 */
#define CPOD_ERROR (cpod_error_quark ())

/**
 * CpodError:
 * @CPOD_ERROR_FAILED: Something else went wrong; the message tells what.
 * @CPOD_ERROR_INVALID_ARGUMENT: An argument or option was unknown, of the wrong type or out of range.
 * @CPOD_ERROR_NOT_AUTHORIZED: The caller may not do this.
 * @CPOD_ERROR_NO_SUCH_CONTAINER: There is no such container.
 * @CPOD_ERROR_NO_SUCH_IMAGE: There is no such image.
 * @CPOD_ERROR_AMBIGUOUS_NAME: A name or prefix fits several objects.
 * @CPOD_ERROR_CONTAINER_EXISTS: The name is taken.
 * @CPOD_ERROR_IMAGE_IN_USE: Containers use the image.
 * @CPOD_ERROR_INVALID_STATE: The container's state does not allow this.
 * @CPOD_ERROR_BEING_REMOVED: The container is being removed.
 * @CPOD_ERROR_INVALID_ARCHIVE: An archive is damaged, of no known format, or tries to leave its root.
 * @CPOD_ERROR_OCI_RUNTIME: The OCI runtime refused, or could not be run.
 * @CPOD_ERROR_CONMON_FAILED: The monitor could not be run, or died.
 * @CPOD_ERROR_EXECUTABLE_NOT_FOUND: The container's program was not found in it.
 * @CPOD_ERROR_NOT_EXECUTABLE: The container's program may not be executed.
 * @CPOD_ERROR_DISK_FULL: There is no space left.
 * @CPOD_ERROR_CANCELLED: The operation was cancelled.
 * @CPOD_ERROR_LIMITS_EXCEEDED: The caller has too much going on at once.
 * @CPOD_ERROR_STORE_LOCKED: Another service owns the state directory.
 * @CPOD_ERROR_STORE_TOO_NEW: A newer version of cpod wrote the state.
 * @CPOD_ERROR_STORE_FAILED: The state could not be read or written.
 * @CPOD_ERROR_BAD_CONFIG: The configuration cannot be read, or does not fit the state.
 * @CPOD_ERROR_NAMESPACE_MISMATCH: The container is in another namespace than the one that was asked for.
 * @CPOD_ERROR_DEPENDENTS_EXIST: Other containers depend on the container.
 * @CPOD_ERROR_BAD_DEPENDENCY: What a container depends on is missing, or depends on that container.
 * @CPOD_ERROR_REGISTRY_FAILED: A registry could not be reached, or gave no proper answer.
 * @CPOD_ERROR_REGISTRY_DENIED: A registry does not let the caller do this with the credentials it was given.
 * @CPOD_ERROR_IMAGE_REJECTED: The policy of signatures or the configuration of registries forbids the image.
 * @CPOD_ERROR_INVALID_IMAGE: An image is not what it says it is, or of a kind that is not known.
 * @CPOD_ERROR_RUNTIME_STOPPED: The service was told to end and takes no more calls.
 * @CPOD_ERROR_NO_SUCH_EXEC_SESSION: There is no such exec session.
 * @CPOD_ERROR_NO_SUCH_FILE: There is no such file in the container.
 * @CPOD_ERROR_INTERACTION_REQUIRED: Somebody has to authenticate for this, and cannot be asked: the call does not allow
 *   it, or there is no agent to ask with.
 *
 * Error codes of %CPOD_ERROR. The list may grow; treat an unknown code like
 * %CPOD_ERROR_FAILED.
 *
 * Since: 0.1
 */
typedef enum
{
  CPOD_ERROR_FAILED,              /*< nick=Failed >*/
  CPOD_ERROR_INVALID_ARGUMENT,    /*< nick=InvalidArgument >*/
  CPOD_ERROR_NOT_AUTHORIZED,      /*< nick=NotAuthorized >*/
  CPOD_ERROR_NO_SUCH_CONTAINER,   /*< nick=NoSuchContainer >*/
  CPOD_ERROR_NO_SUCH_IMAGE,       /*< nick=NoSuchImage >*/
  CPOD_ERROR_AMBIGUOUS_NAME,      /*< nick=AmbiguousName >*/
  CPOD_ERROR_CONTAINER_EXISTS,    /*< nick=ContainerExists >*/
  CPOD_ERROR_IMAGE_IN_USE,        /*< nick=ImageInUse >*/
  CPOD_ERROR_INVALID_STATE,       /*< nick=InvalidState >*/
  CPOD_ERROR_BEING_REMOVED,       /*< nick=BeingRemoved >*/
  CPOD_ERROR_INVALID_ARCHIVE,     /*< nick=InvalidArchive >*/
  CPOD_ERROR_OCI_RUNTIME,         /*< nick=OciRuntime >*/
  CPOD_ERROR_CONMON_FAILED,       /*< nick=ConmonFailed >*/
  CPOD_ERROR_EXECUTABLE_NOT_FOUND, /*< nick=ExecutableNotFound >*/
  CPOD_ERROR_NOT_EXECUTABLE,      /*< nick=NotExecutable >*/
  CPOD_ERROR_DISK_FULL,           /*< nick=DiskFull >*/
  CPOD_ERROR_CANCELLED,           /*< nick=Cancelled >*/
  CPOD_ERROR_LIMITS_EXCEEDED,     /*< nick=LimitsExceeded >*/
  CPOD_ERROR_STORE_LOCKED,        /*< nick=StoreLocked >*/
  CPOD_ERROR_STORE_TOO_NEW,       /*< nick=StoreTooNew >*/
  CPOD_ERROR_STORE_FAILED,        /*< nick=StoreFailed >*/
  CPOD_ERROR_BAD_CONFIG,          /*< nick=BadConfig >*/
  CPOD_ERROR_NAMESPACE_MISMATCH,  /*< nick=NamespaceMismatch >*/
  CPOD_ERROR_DEPENDENTS_EXIST,    /*< nick=DependentsExist >*/
  CPOD_ERROR_BAD_DEPENDENCY,      /*< nick=BadDependency >*/
  CPOD_ERROR_REGISTRY_FAILED,     /*< nick=RegistryFailed >*/
  CPOD_ERROR_REGISTRY_DENIED,     /*< nick=RegistryDenied >*/
  CPOD_ERROR_IMAGE_REJECTED,      /*< nick=ImageRejected >*/
  CPOD_ERROR_INVALID_IMAGE,       /*< nick=InvalidImage >*/
  CPOD_ERROR_RUNTIME_STOPPED,     /*< nick=RuntimeStopped >*/
  CPOD_ERROR_NO_SUCH_EXEC_SESSION, /*< nick=NoSuchExecSession >*/
  CPOD_ERROR_NO_SUCH_FILE,        /*< nick=NoSuchFile >*/
  CPOD_ERROR_INTERACTION_REQUIRED, /*< nick=InteractionRequired >*/
} CpodError;

#define CPOD_N_ERRORS (CPOD_ERROR_INTERACTION_REQUIRED + 1)

GQuark cpod_error_quark (void);

G_END_DECLS
