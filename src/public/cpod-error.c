/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-error.h"

#define NAME(nick) "org.cpod.Cpod1.Error." nick

static const GDBusErrorEntry entries[] = {
  { CPOD_ERROR_FAILED, NAME ("Failed") },
  { CPOD_ERROR_INVALID_ARGUMENT, NAME ("InvalidArgument") },
  { CPOD_ERROR_NOT_AUTHORIZED, NAME ("NotAuthorized") },
  { CPOD_ERROR_NO_SUCH_CONTAINER, NAME ("NoSuchContainer") },
  { CPOD_ERROR_NO_SUCH_IMAGE, NAME ("NoSuchImage") },
  { CPOD_ERROR_AMBIGUOUS_NAME, NAME ("AmbiguousName") },
  { CPOD_ERROR_CONTAINER_EXISTS, NAME ("ContainerExists") },
  { CPOD_ERROR_IMAGE_IN_USE, NAME ("ImageInUse") },
  { CPOD_ERROR_INVALID_STATE, NAME ("InvalidState") },
  { CPOD_ERROR_BEING_REMOVED, NAME ("BeingRemoved") },
  { CPOD_ERROR_INVALID_ARCHIVE, NAME ("InvalidArchive") },
  { CPOD_ERROR_OCI_RUNTIME, NAME ("OciRuntime") },
  { CPOD_ERROR_CONMON_FAILED, NAME ("ConmonFailed") },
  { CPOD_ERROR_EXECUTABLE_NOT_FOUND, NAME ("ExecutableNotFound") },
  { CPOD_ERROR_NOT_EXECUTABLE, NAME ("NotExecutable") },
  { CPOD_ERROR_DISK_FULL, NAME ("DiskFull") },
  { CPOD_ERROR_CANCELLED, NAME ("Cancelled") },
  { CPOD_ERROR_LIMITS_EXCEEDED, NAME ("LimitsExceeded") },
  { CPOD_ERROR_STORE_LOCKED, NAME ("StoreLocked") },
  { CPOD_ERROR_STORE_TOO_NEW, NAME ("StoreTooNew") },
  { CPOD_ERROR_STORE_FAILED, NAME ("StoreFailed") },
  { CPOD_ERROR_BAD_CONFIG, NAME ("BadConfig") },
  { CPOD_ERROR_NAMESPACE_MISMATCH, NAME ("NamespaceMismatch") },
  { CPOD_ERROR_DEPENDENTS_EXIST, NAME ("DependentsExist") },
  { CPOD_ERROR_BAD_DEPENDENCY, NAME ("BadDependency") },
  { CPOD_ERROR_REGISTRY_FAILED, NAME ("RegistryFailed") },
  { CPOD_ERROR_REGISTRY_DENIED, NAME ("RegistryDenied") },
  { CPOD_ERROR_IMAGE_REJECTED, NAME ("ImageRejected") },
  { CPOD_ERROR_INVALID_IMAGE, NAME ("InvalidImage") },
  { CPOD_ERROR_RUNTIME_STOPPED, NAME ("RuntimeStopped") },
  { CPOD_ERROR_NO_SUCH_EXEC_SESSION, NAME ("NoSuchExecSession") },
  { CPOD_ERROR_NO_SUCH_FILE, NAME ("NoSuchFile") },
  { CPOD_ERROR_INTERACTION_REQUIRED, NAME ("InteractionRequired") },
};

G_STATIC_ASSERT (G_N_ELEMENTS (entries) == CPOD_N_ERRORS);

/**
 * cpod_error_quark:
 *
 * Registers the error domain with GDBus, so that an error keeps its domain
 * and code on its way over the bus.
 *
 * Returns: the quark of %CPOD_ERROR
 *
 * Since: 0.1
 */
GQuark
cpod_error_quark (void)
{
  static gsize quark = 0;

  g_dbus_error_register_error_domain ("cpod-error-quark", &quark,
                                      entries, G_N_ELEMENTS (entries));
  return (GQuark) quark;
}
