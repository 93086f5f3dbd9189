/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/cpd-config.h"

G_BEGIN_DECLS

/* A system of its own in a directory. */
typedef struct
{
  char *base;
  char *named;                  /* (nullable): a file as CPOD_CONF would name it */
  gboolean has_user;            /* BASE/user is the user's directory */
} TestPlaces;

void       test_places_set_up    (TestPlaces    *places,
                                  gconstpointer  data);
void       test_places_tear_down (TestPlaces    *places,
                                  gconstpointer  data);
/* Writes TEXT to PATH below the directory, and makes the directories before it. */
void       test_places_write     (TestPlaces    *places,
                                  const char    *path,
                                  const char    *text);
char      *test_places_path      (TestPlaces    *places,
                                  const char    *path);
CpdConfig *test_places_load      (TestPlaces    *places);
/* Loads what must be refused: the message. */
char      *test_places_fail      (TestPlaces    *places);
/* The value as text in GVariant's format. */
char      *test_value            (CpdConfig     *config,
                                  const char    *key);
/* The origin, without the directory. */
const char *test_origin          (TestPlaces    *places,
                                  CpdConfig     *config,
                                  const char    *key);
void       test_assert_warnings  (CpdConfig     *config,
                                  guint          n);

#define test_assert_value(config, key, text) \
  G_STMT_START { g_autofree char *_value = test_value (config, key); g_assert_cmpstr (_value, ==, text); } G_STMT_END

G_END_DECLS
