/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storage/cpd-storage.h"
#include "test-archive.h"

G_BEGIN_DECLS

/* A storage on a tmpfs of its own, with a database beside it. */
typedef struct
{
  char *scratch;
  char *root;
  char *database;
  CpdStore *store;
  CpdStorage *storage;
  CpdStorageSettings settings;
  guint links;                  /* how many layers were added */
} TestStorage;

/* Fills the directory of layer NUMBER, from 0. */
typedef void (*TestStorageFill) (const char    *directory,
                                 guint          number,
                                 gconstpointer  data);

void    test_storage_set_up        (TestStorage   *self,
                                    gconstpointer  size);
void    test_storage_tear_down     (TestStorage   *self,
                                    gconstpointer  size);
void    test_storage_open          (TestStorage   *self);
void    test_storage_close         (TestStorage   *self);
/* A small image: etc/hostname with TEXT, and more. */
GBytes *test_storage_archive       (const char    *filter,
                                    const char    *text);
char   *test_storage_import        (TestStorage   *self,
                                    GBytes        *archive,
                                    const char    *name,
                                    GError       **error);
/* Adds an image of N layers, as a pull would; gives its id. */
char   *test_storage_add_layers    (TestStorage     *self,
                                    guint            n,
                                    TestStorageFill  fill,
                                    gconstpointer    data);
/* The check finds nothing, and no operation is noted as under way. */
void    test_storage_assert_clean  (TestStorage   *self);
/* There is nothing but empty directories. */
void    test_storage_assert_empty  (TestStorage   *self);
guint   test_storage_count         (TestStorage   *self,
                                    const char    *directory);
/* "type/status/name ..." of all events. */
char   *test_storage_events        (TestStorage   *self);
/* Runs a program and gives its output. */
char   *test_storage_run           (const char    *first,
                                    ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
