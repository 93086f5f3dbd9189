/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-sql-match.h"

#include "public/cpod-error.h"
#include "store/cpd-store-containers.h"

/* How far one match may go before it counts as none: some patterns would take hours on a long name. */
#define STEPS_MAX "(*LIMIT_MATCH=20000)"

static GRegex *
compile (const char *pattern, GError **error)
{
  g_autofree char *limited = g_strconcat (STEPS_MAX, pattern, NULL);

  return g_regex_new (limited, G_REGEX_OPTIMIZE, 0, error);
}

gboolean
cpd_container_pattern_check (const char *pattern, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(GRegex) regex = compile (pattern, &failure);

  if (regex != NULL)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no regular expression", pattern);
  return FALSE;
}

static void
unref_regex (void *regex)
{
  g_regex_unref (regex);
}

/* SQLite keeps what was compiled from one row to the next. */
static void
match (sqlite3_context *context, int n_values, sqlite3_value **values)
{
  const char *text = (const char *) sqlite3_value_text (values[1]);
  GRegex *regex = sqlite3_get_auxdata (context, 0);
  g_autoptr(GRegex) fresh = NULL;

  if (regex == NULL)
    {
      const char *pattern = (const char *) sqlite3_value_text (values[0]);

      fresh = pattern != NULL ? compile (pattern, NULL) : NULL;
      regex = fresh;
    }
  sqlite3_result_int (context, regex != NULL && text != NULL && g_utf8_validate (text, -1, NULL)
                               && g_regex_match (regex, text, 0, NULL));
  if (fresh != NULL)
    sqlite3_set_auxdata (context, 0, g_steal_pointer (&fresh), unref_regex);
}

int
cpd_sql_match_register (sqlite3 *db)
{
  return sqlite3_create_function_v2 (db, CPD_SQL_MATCH, 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                     match, NULL, NULL, NULL);
}
