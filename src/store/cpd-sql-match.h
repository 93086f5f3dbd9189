/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* A function for SQL: whether a part of its second argument matches the regular expression that is its first. */
#define CPD_SQL_MATCH "cpod_match"

int cpd_sql_match_register (sqlite3 *db);

G_END_DECLS
