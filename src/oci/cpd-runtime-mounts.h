/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "oci/cpd-runtime-spec.h"

G_BEGIN_DECLS

/* The "mounts" member of config.json, parents first. */
JsonArray *cpd_runtime_mounts  (const CpdRuntimeSpec *spec);
/* The host's device nodes, for a privileged container. */
JsonArray *cpd_runtime_devices (void);

G_END_DECLS
