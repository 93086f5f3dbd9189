/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The machine's architecture as OCI images name it ("amd64"), "unknown" when it has no name. */
const char *cpd_platform_architecture (void);
/* The same as the OCI runtime spec and seccomp profiles name it ("SCMP_ARCH_X86_64"), or NULL. */
const char *cpd_platform_seccomp_arch (void);

G_END_DECLS
