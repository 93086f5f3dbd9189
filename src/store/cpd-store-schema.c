/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "public/cpod-error.h"
#include "store/cpd-statement.h"

/*
 * One text a version: the first makes the tables, each other one brings a
 * database of the version before it up to its own. A text that was released
 * never changes.
 */
static const char *const migrations[] = {
  /* 1 */
  "CREATE TABLE meta ("
  "  key TEXT PRIMARY KEY,"
  "  value TEXT NOT NULL"
  ") WITHOUT ROWID;"

  /* Names are unique over everything that can be named like a container. */
  "CREATE TABLE name ("
  "  name TEXT PRIMARY KEY,"
  "  kind TEXT NOT NULL,"
  "  id TEXT NOT NULL UNIQUE"
  ") WITHOUT ROWID;"

  "CREATE TABLE image ("
  "  id TEXT PRIMARY KEY,"
  "  digest TEXT NOT NULL,"
  "  manifest_size INTEGER NOT NULL,"
  "  config TEXT NOT NULL,"
  "  top_layer TEXT NOT NULL,"
  "  size INTEGER NOT NULL,"
  "  created INTEGER NOT NULL"
  ") WITHOUT ROWID;"

  "CREATE TABLE image_name ("
  "  name TEXT PRIMARY KEY,"
  "  image_id TEXT NOT NULL REFERENCES image (id)"
  ") WITHOUT ROWID;"
  "CREATE INDEX image_name_image_id ON image_name (image_id);"

  "CREATE TABLE layer ("
  "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  chain_id TEXT NOT NULL UNIQUE,"
  "  parent TEXT NOT NULL,"
  "  diff_id TEXT NOT NULL,"
  "  digest TEXT NOT NULL,"
  "  media_type TEXT NOT NULL,"
  "  blob_size INTEGER NOT NULL,"
  "  size INTEGER NOT NULL,"
  "  link TEXT NOT NULL UNIQUE"
  ");"

  "CREATE TABLE image_layer ("
  "  image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,"
  "  position INTEGER NOT NULL,"
  "  chain_id TEXT NOT NULL REFERENCES layer (chain_id),"
  "  PRIMARY KEY (image_id, position)"
  ") WITHOUT ROWID;"
  "CREATE INDEX image_layer_chain_id ON image_layer (chain_id);"

  "CREATE TABLE container ("
  "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  id TEXT NOT NULL UNIQUE,"
  "  name TEXT NOT NULL REFERENCES name (name) ON UPDATE CASCADE,"
  "  image TEXT NOT NULL,"
  "  image_id TEXT NOT NULL REFERENCES image (id),"
  "  created INTEGER NOT NULL,"
  "  owner_uid INTEGER NOT NULL,"
  "  auto_remove INTEGER NOT NULL,"
  "  config TEXT NOT NULL"
  ");"
  "CREATE INDEX container_name ON container (name);"
  "CREATE INDEX container_image_id ON container (image_id);"

  /* Apart from the rest, so that a change of state does not write the configuration again. */
  "CREATE TABLE container_status ("
  "  number INTEGER PRIMARY KEY REFERENCES container (number) ON DELETE CASCADE,"
  "  state INTEGER NOT NULL,"
  "  pid INTEGER NOT NULL,"
  "  pid_start INTEGER NOT NULL,"
  "  monitor_pid INTEGER NOT NULL,"
  "  monitor_start INTEGER NOT NULL,"
  "  exit_code INTEGER NOT NULL,"
  "  oom_killed INTEGER NOT NULL,"
  "  started INTEGER NOT NULL,"
  "  finished INTEGER NOT NULL"
  ");"

  /* Exit codes of containers that are gone, for those who still wait for them. */
  "CREATE TABLE exit_code ("
  "  id TEXT PRIMARY KEY,"
  "  exit_code INTEGER NOT NULL,"
  "  time INTEGER NOT NULL"
  ") WITHOUT ROWID;"

  /* AUTOINCREMENT: a number is never used twice, and a rolled back one is not used up. */
  "CREATE TABLE event ("
  "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  time INTEGER NOT NULL,"
  "  type TEXT NOT NULL,"
  "  status TEXT NOT NULL,"
  "  id TEXT NOT NULL,"
  "  name TEXT NOT NULL,"
  "  attributes TEXT NOT NULL,"
  "  uid INTEGER NOT NULL,"
  "  pid INTEGER NOT NULL,"
  "  unit TEXT NOT NULL"
  ");"

  "CREATE TABLE operation ("
  "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  kind TEXT NOT NULL,"
  "  object TEXT NOT NULL,"
  "  payload TEXT NOT NULL,"
  "  started INTEGER NOT NULL"
  ");",

  /* 2: restart policies */
  "ALTER TABLE container_status ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE container_status ADD COLUMN stopped_by_user INTEGER NOT NULL DEFAULT 0;",

  /* 3: namespaces, which change a primary key and what refers to it, and dependencies */
  "CREATE TABLE new_name ("
  "  name TEXT NOT NULL,"
  "  namespace TEXT NOT NULL,"
  "  kind TEXT NOT NULL,"
  "  id TEXT NOT NULL UNIQUE,"
  "  PRIMARY KEY (name, namespace)"
  ") WITHOUT ROWID;"
  "INSERT INTO new_name SELECT name, '', kind, id FROM name;"

  "CREATE TABLE new_container ("
  "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  id TEXT NOT NULL UNIQUE,"
  "  name TEXT NOT NULL,"
  "  namespace TEXT NOT NULL,"
  "  image TEXT NOT NULL,"
  "  image_id TEXT NOT NULL REFERENCES image (id),"
  "  created INTEGER NOT NULL,"
  "  owner_uid INTEGER NOT NULL,"
  "  auto_remove INTEGER NOT NULL,"
  "  config TEXT NOT NULL,"
  "  FOREIGN KEY (name, namespace) REFERENCES name (name, namespace) ON UPDATE CASCADE"
  ");"
  "INSERT INTO new_container SELECT number, id, name, '', image, image_id, created, owner_uid,"
  "  auto_remove, config FROM container;"
  /* No number may be given out a second time. */
  "DELETE FROM sqlite_sequence WHERE name = 'new_container';"
  "INSERT INTO sqlite_sequence (name, seq)"
  "  SELECT 'new_container', seq FROM sqlite_sequence WHERE name = 'container';"
  "DROP TABLE container;"
  "DROP TABLE name;"
  "ALTER TABLE new_container RENAME TO container;"
  "ALTER TABLE new_name RENAME TO name;"
  "CREATE INDEX container_name ON container (name, namespace);"
  "CREATE INDEX container_image_id ON container (image_id);"

  /* What a container depends on may be missing, after damage; its start tells of that. */
  "CREATE TABLE dependency ("
  "  id TEXT NOT NULL REFERENCES container (id) ON DELETE CASCADE,"
  "  depends_on TEXT NOT NULL,"
  "  PRIMARY KEY (id, depends_on)"
  ") WITHOUT ROWID;"
  "CREATE INDEX dependency_depends_on ON dependency (depends_on);"

  "ALTER TABLE event ADD COLUMN namespace TEXT NOT NULL DEFAULT '';",

  /* 4: roots that callers have mounted, also of containers that have no row */
  "CREATE TABLE mount ("
  "  id TEXT PRIMARY KEY,"
  "  count INTEGER NOT NULL"
  ") WITHOUT ROWID;",

  /* 5: exec sessions */
  "CREATE TABLE exec ("
  "  id TEXT PRIMARY KEY,"
  "  container_id TEXT NOT NULL REFERENCES container (id) ON DELETE CASCADE,"
  "  created INTEGER NOT NULL,"
  "  auto_remove INTEGER NOT NULL,"
  "  config TEXT NOT NULL,"
  "  state INTEGER NOT NULL,"
  "  pid INTEGER NOT NULL,"
  "  pid_start INTEGER NOT NULL,"
  "  monitor_pid INTEGER NOT NULL,"
  "  monitor_start INTEGER NOT NULL,"
  "  exit_code INTEGER NOT NULL,"
  "  started INTEGER NOT NULL,"
  "  finished INTEGER NOT NULL"
  ") WITHOUT ROWID;"
  "CREATE INDEX exec_container_id ON exec (container_id);"
  "CREATE INDEX exec_finished ON exec (finished) WHERE finished > 0;",

  /* 6: the labels that a container had, as a JSON object, or '' for none */
  "ALTER TABLE event ADD COLUMN labels TEXT NOT NULL DEFAULT '';",
};

static gboolean
read_version (CpdConnection *connection, gint64 *version, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_connection_prepare (connection, "PRAGMA user_version", error);

  if (statement == NULL || !cpd_statement_next (statement, error))
    return FALSE;
  *version = cpd_statement_int (statement, 0);
  return TRUE;
}

static gboolean
migrate (CpdConnection *connection, gint64 from, GError **error)
{
  g_autofree char *sql =
    g_strdup_printf ("BEGIN IMMEDIATE; %s PRAGMA user_version = %d;"
                     " INSERT OR REPLACE INTO meta (key, value) VALUES ('schema', '%d'); COMMIT",
                     migrations[from], (int) from + 1, (int) from + 1);

  if (cpd_connection_run (connection, sql, error))
    return TRUE;
  cpd_connection_run (connection, "ROLLBACK", NULL);
  g_prefix_error (error, "failed to bring the schema to version %d: ", (int) from + 1);
  return FALSE;
}

/* Whether the schema is one that we know. */
gboolean
cpd_schema_check (CpdConnection *connection, GError **error)
{
  const gint64 newest = G_N_ELEMENTS (migrations);
  gint64 version;

  if (!read_version (connection, &version, error))
    return FALSE;
  if (version <= newest)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_STORE_TOO_NEW,
               "its schema has version %d, this cpod knows versions up to %d:"
               " install the newer cpod that wrote it", (int) version, (int) newest);
  return FALSE;
}

int
cpd_schema_newest (void)
{
  return G_N_ELEMENTS (migrations);
}

/*
 * Brings the database to the schema of version TO, unless it is newer. A table
 * that is made anew is dropped first, which would delete what refers to it; a
 * transaction cannot turn that off.
 */
gboolean
cpd_schema_migrate (CpdConnection *connection, int to, GError **error)
{
  gint64 version;

  if (!read_version (connection, &version, error))
    return FALSE;
  if (version < to && !cpd_connection_run (connection, "PRAGMA foreign_keys = OFF", error))
    return FALSE;
  for (; version < to; version++)
    if (!migrate (connection, version, error))
      return FALSE;
  return cpd_connection_run (connection, "PRAGMA foreign_keys = ON", error);
}

/* Brings the database to the newest schema. */
gboolean
cpd_schema_upgrade (CpdConnection *connection, GError **error)
{
  return cpd_schema_migrate (connection, cpd_schema_newest (), error);
}
