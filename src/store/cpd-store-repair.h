/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store.h"

G_BEGIN_DECLS

/* In what condition the database was found. */
typedef enum
{
  CPD_STORE_WHOLE,              /* nothing is wrong with it; or there was none, and nothing tells of one */
  CPD_STORE_BEHIND,             /* sound in itself, but what was committed last is lost */
  CPD_STORE_RESTORED,           /* damaged, so a backup stands in for it */
  CPD_STORE_ANEW,               /* damaged, with no good backup: it is empty */
} CpdStoreCondition;

typedef struct
{
  CpdStoreCondition condition;
  char *reason;                 /* what was wrong; NULL for nothing */
  char *aside;                  /* where the damaged database is now; NULL when none was moved */
  gboolean unfinished;          /* there was no time to check all of it */
  gboolean upgraded;            /* its schema is newer than it was */
  guint64 last_event;           /* no event has a number above this */
} CpdStoreRepair;

void       cpd_store_repair_clear    (CpdStoreRepair  *repair);
/*
 * As cpd_store_open(), but not stopped by damage: a database that is damaged
 * is moved aside, and the newest good backup in the directory BACKUPS takes
 * its place. Unless the condition is CPD_STORE_WHOLE, the caller is to bring
 * the database up to date and then to call cpd_store_end_repair(); until then
 * each start finds the same.
 */
CpdStore  *cpd_store_open_repairing  (const char      *path,
                                      const char      *backups,
                                      CpdStoreRepair  *repair,
                                      GError         **error);
gboolean   cpd_store_end_repair      (const char      *path,
                                      GError         **error);
/* Looks at all of the database, however long it takes: what is wrong, or NULL without an error. */
char      *cpd_store_check_whole     (const char      *path,
                                      GError         **error);
/* Has the next start take the database for damaged. */
gboolean   cpd_store_condemn         (const char      *path,
                                      GError         **error);

/* Copies the database into the directory BACKUPS, atomically, and keeps the two newest ones there. */
gboolean   cpd_store_backup          (const char      *path,
                                      const char      *backups,
                                      GError         **error);
/* Paths of the backups, newest first. */
GPtrArray *cpd_store_list_backups    (const char      *backups,
                                      GError         **error);
/* When a backup was made, by its name. */
gint64     cpd_store_backup_time     (const char      *backup);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdStoreRepair, cpd_store_repair_clear)

G_END_DECLS
