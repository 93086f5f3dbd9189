/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

JsonNode    *cpd_json_parse            (const char   *text,
                                        gssize        length,
                                        GError      **error);
char        *cpd_json_print            (JsonNode     *node);
char        *cpd_json_print_object     (JsonObject   *object);

/* Lenient readers: NULL, 0, FALSE or empty where the key is missing or of another type. */
const char  *cpd_json_get_string       (JsonObject   *object,
                                        const char   *key);
gint64       cpd_json_get_int          (JsonObject   *object,
                                        const char   *key);
gboolean     cpd_json_get_boolean      (JsonObject   *object,
                                        const char   *key);
JsonObject  *cpd_json_get_object       (JsonObject   *object,
                                        const char   *key);
JsonArray   *cpd_json_get_array        (JsonObject   *object,
                                        const char   *key);
char       **cpd_json_get_strv         (JsonObject   *object,
                                        const char   *key);

/* The members that are strings, as a{ss}; NULL counts as an object without any. */
GVariant    *cpd_json_to_strings       (JsonObject   *object);

/* Builders: an empty list or a NULL string leaves the key out. */
void         cpd_json_set_strv         (JsonObject        *object,
                                        const char        *key,
                                        const char *const *strings);
void         cpd_json_set_string       (JsonObject        *object,
                                        const char        *key,
                                        const char        *string);
/* As text, see cpd_clock_format(). */
void         cpd_json_set_time         (JsonObject        *object,
                                        const char        *key,
                                        gint64             time_us);
JsonArray   *cpd_json_array_from_strv  (const char *const *strings);

G_END_DECLS
