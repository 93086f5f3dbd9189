/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/cpd-toml.h"
#include "config/cpd-config-keys.h"

G_BEGIN_DECLS

/* The value of every key, and where it is from. */
typedef struct _CpdConfigValues CpdConfigValues;

/* All at their defaults. */
CpdConfigValues *cpd_config_values_new         (void);
void             cpd_config_values_free        (CpdConfigValues    *values);
/* What FILE says, over what is there. OWN: it is a file of cpod, where a key that nobody knows is
 * worth a warning. BAD_CONFIG for a value of the wrong type. */
gboolean         cpd_config_values_apply       (CpdConfigValues    *values,
                                                const CpdTomlNode  *root,
                                                const char         *file,
                                                gboolean            own,
                                                GError            **error);
/* Takes VALUE if it floats. */
void             cpd_config_values_set         (CpdConfigValues    *values,
                                                CpdKey              key,
                                                GVariant           *value,
                                                const char         *origin);
/* Another default, which is no value that was set. */
void             cpd_config_values_set_default (CpdConfigValues    *values,
                                                CpdKey              key,
                                                GVariant           *value);
void             cpd_config_values_warn        (CpdConfigValues    *values,
                                                const char         *format,
                                                ...) G_GNUC_PRINTF (2, 3);
/* Works out the defaults that depend on other values. To be called again after a change. */
void             cpd_config_values_finish      (CpdConfigValues    *values);

gboolean         cpd_config_values_is_set      (CpdConfigValues    *values,
                                                CpdKey              key);
GVariant        *cpd_config_values_get         (CpdConfigValues    *values,
                                                CpdKey              key);
/* "default", "FILE:LINE", "option", "environment", "database". */
const char      *cpd_config_values_origin      (CpdConfigValues    *values,
                                                CpdKey              key);
const char      *cpd_config_values_string      (CpdConfigValues    *values,
                                                CpdKey              key);
/* (transfer full): TEXT with the values that "${KEY}" at its beginning stands for. */
char            *cpd_config_values_expand      (CpdConfigValues    *values,
                                                const char         *text);
/* Texts for people, in the order in which they were found. */
GPtrArray       *cpd_config_values_warnings    (CpdConfigValues    *values);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdConfigValues, cpd_config_values_free)

G_END_DECLS
