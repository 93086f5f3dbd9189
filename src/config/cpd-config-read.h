/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/cpd-toml.h"
#include "config/cpd-config-keys.h"

G_BEGIN_DECLS

/* The value that NODE of a file gives KEY. OLD is the value before, which lists and tables may add
 * to. The error says what was expected and what was found; BAD_CONFIG. */
GVariant *cpd_config_read_value (CpdKey              key,
                                 const CpdTomlNode  *node,
                                 GVariant           *old,
                                 GError            **error);

G_END_DECLS
