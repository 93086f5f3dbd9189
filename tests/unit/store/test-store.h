/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "public/cpod-error.h"
#include "store/cpd-store-containers.h"
#include "store/cpd-store-events.h"
#include "store/cpd-store-images.h"
#include "store/cpd-store-operations.h"
#include "test-scratch.h"

G_BEGIN_DECLS

/* A new store, with an image TEST_IMAGE. */
typedef struct
{
  char *scratch;
  char *path;                   /* NULL for one in memory */
  CpdStore *store;
} TestStore;

#define TEST_IMAGE "1111111111111111111111111111111111111111111111111111111111111111"

typedef void (*TestStoreFunc) (TestStore *test, gconstpointer kind);

/* Runs FUNC on a database in a file, on one in memory, and on one of each earlier version of the schema. */
void            test_store_add           (const char       *name,
                                          TestStoreFunc     func);
/* Runs FUNC on a database in a file only. */
void            test_store_add_file      (const char       *name,
                                          TestStoreFunc     func);
void            test_run_sql             (const char       *path,
                                          const char       *sql);
/* Makes a database at PATH of a file in tests/fixtures. */
void            test_load_fixture        (const char       *name,
                                          const char       *path);
CpdTransaction *test_begin               (CpdStore         *store);
/* Frees it. */
void            test_commit              (CpdTransaction   *tx);
/* PREFIX filled up to a whole id. */
const char     *test_id                  (const char       *prefix);
void            test_add_image           (CpdStore         *store,
                                          const char       *id,
                                          const char       *name);
/* LABELS is a JSON object. */
void            test_add_container       (CpdStore         *store,
                                          const char       *id,
                                          const char       *name,
                                          CpdContainerState state,
                                          const char       *labels);

G_END_DECLS
