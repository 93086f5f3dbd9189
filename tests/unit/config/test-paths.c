/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/cpd-recorded-paths.h"
#include "public/cpod-error.h"
#include "store/cpd-store-images.h"
#include "test-config.h"

#define CONF "/etc/cpod/cpod.conf"
#define BOOT "a-boot"

/* A state in BASE/state, with the rest as TEXT says it; "@" in that is BASE. */
static CpdConfig *
load_text (TestPlaces *places, const char *text)
{
  g_autofree char *all = g_strconcat ("engine.static_dir = \"@/state\"\nstorage.runroot = \"@/run\"\n", text, NULL);
  g_auto(GStrv) parts = g_strsplit (strstr (text, "engine.static_dir") != NULL ? text : all, "@", -1);
  g_autofree char *expanded = g_strjoinv (places->base, parts);

  test_places_write (places, CONF, expanded);
  return test_places_load (places);
}

static CpdStore *
open_store (CpdConfig *config)
{
  g_autofree char *path = g_build_filename (config->static_dir, "cpod.db", NULL);
  g_autoptr(GError) error = NULL;
  CpdStore *store;

  g_assert_cmpint (g_mkdir_with_parents (config->static_dir, 0700), ==, 0);
  store = cpd_store_open (path, &error);
  g_assert_no_error (error);
  return store;
}

static void
add_image (CpdStore *store)
{
  CpdImageRow row = {
    .id = (char *) "1111111111111111111111111111111111111111111111111111111111111111", .digest = (char *) "sha256:1",
    .config = (char *) "{}", .top_layer = (char *) "", .names = (char **) (const char *[]) { NULL },
  };
  const char *const none[] = { NULL };
  g_autoptr(CpdTransaction) tx = cpd_store_begin (store, CPD_STORE_BOOT, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_true (cpd_store_add_image (tx, &row, none, &error));
  g_assert_no_error (error);
  g_assert_true (cpd_transaction_commit (tx, NULL));
}

/* Starts with TEXT as an engine would; NULL and a message when that is refused. */
static CpdConfig *
start (TestPlaces *places, const char *text, char **message)
{
  g_autoptr(CpdConfig) config = load_text (places, text);
  g_autoptr(CpdStore) store = open_store (config);
  g_autoptr(GError) error = NULL;

  if (cpd_recorded_paths_merge (config, store, BOOT, &error)
      && cpd_recorded_paths_write (config, store, "overlay", &error))
    return g_steal_pointer (&config);
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG);
  if (message != NULL)
    *message = g_strdup (error->message);
  return NULL;
}

/* The first start, with an image in storage. */
static void
begin (TestPlaces *places, const char *text)
{
  g_autoptr(CpdConfig) config = start (places, text, NULL);
  g_autoptr(CpdStore) store = open_store (config);
  g_autofree char *layers = g_build_filename (config->graph_root, "layers", NULL);

  g_assert_nonnull (config);
  g_assert_cmpint (g_mkdir_with_parents (layers, 0700), ==, 0);
  add_image (store);
}

/* What was set once need not be set again. */
static void
test_merge (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) config = NULL;
  g_autofree char *volumes = test_places_path (places, "vols"), *graph = test_places_path (places, "graph");

  begin (places, "storage.graphroot = \"@/graph\"\nengine.volume_path = \"@/vols\"\nengine.tmp_dir = \"@/tmp\"\n");
  config = start (places, "", NULL);
  g_assert_nonnull (config);
  g_assert_cmpstr (config->graph_root, ==, graph);
  g_assert_cmpstr (config->volume_path, ==, volumes);
  g_assert_true (g_str_has_suffix (config->tmp_dir, "/tmp"));
  g_assert_cmpstr (test_origin (places, config, "storage.graphroot"), ==, "database");
  g_assert_cmpstr (test_origin (places, config, "engine.static_dir"), ==, CONF ":1");
}

static void
test_conflict (TestPlaces *places, gconstpointer data)
{
  g_autofree char *message = NULL, *graph = test_places_path (places, "graph"), *other = test_places_path (places, "other");
  g_autoptr(CpdConfig) config = NULL;

  begin (places, "storage.graphroot = \"@/graph\"\n");
  g_assert_null (start (places, "storage.graphroot = \"@/other\"\n", &message));
  g_assert_nonnull (strstr (message, "storage.graphroot: "));
  g_assert_nonnull (strstr (message, graph));
  g_assert_nonnull (strstr (message, other));
  g_assert_nonnull (strstr (message, CONF ":3"));
  g_assert_nonnull (strstr (message, "Set it back to "));
  g_assert_nonnull (strstr (message, "engine.recorded_paths"));
  /* Both ways out. */
  config = start (places, "storage.graphroot = \"@/graph\"\n", NULL);
  g_assert_nonnull (config);
  g_clear_pointer (&config, cpd_config_unref);
  config = start (places, "storage.graphroot = \"@/other\"\nengine.recorded_paths = \"accept\"\n", NULL);
  g_assert_nonnull (config);
  g_clear_pointer (&config, cpd_config_unref);
  config = start (places, "", NULL);
  g_assert_cmpstr (config->graph_root, ==, other);
}

/* None of these is a conflict. */
static void
test_harmless (TestPlaces *places, gconstpointer data)
{
  g_autofree char *link = test_places_path (places, "link"), *base = test_places_path (places, "graph");
  g_autofree char *moved = test_places_path (places, "moved");
  g_autoptr(CpdConfig) config = NULL;

  begin (places, "storage.graphroot = \"@/graph\"\n");
  config = start (places, "storage.graphroot = \"@//graph/\"\n", NULL);
  g_assert_nonnull (config);
  g_assert_cmpint (symlink (base, link), ==, 0);
  g_clear_pointer (&config, cpd_config_unref);
  config = start (places, "storage.graphroot = \"@/link\"\n", NULL);
  g_assert_nonnull (config);
  /* Moved, and told so. */
  g_assert_cmpint (rename (base, moved), ==, 0);
  g_clear_pointer (&config, cpd_config_unref);
  config = start (places, "storage.graphroot = \"@/moved\"\n", NULL);
  g_assert_nonnull (config);
  g_clear_pointer (&config, cpd_config_unref);
  config = start (places, "", NULL);
  g_assert_cmpstr (config->graph_root, ==, moved);
}

/* The state with all that is in it was moved, or is a copy. */
static void
test_moved_state (TestPlaces *places, gconstpointer data)
{
  g_autofree char *from = test_places_path (places, "state"), *to = test_places_path (places, "elsewhere");
  g_autofree char *graph = g_build_filename (to, "storage", NULL);
  g_autoptr(CpdConfig) config = NULL;

  begin (places, "");
  g_assert_cmpint (rename (from, to), ==, 0);
  config = start (places, "engine.static_dir = \"@/elsewhere\"\nstorage.runroot = \"@/run2\"\n", NULL);
  g_assert_nonnull (config);
  g_assert_cmpstr (config->graph_root, ==, graph);
}

/* A copy whose images are the first one's would delete them under it. */
static void
test_copied_state (TestPlaces *places, gconstpointer data)
{
  g_autofree char *message = NULL, *from = test_places_path (places, "state/cpod.db"), *text = NULL;
  g_autofree char *to = test_places_path (places, "copy"), *copy = test_places_path (places, "copy/cpod.db");
  gsize length;

  begin (places, "storage.graphroot = \"@/graph\"\n");
  g_assert_cmpint (g_mkdir (to, 0700), ==, 0);
  g_assert_true (g_file_get_contents (from, &text, &length, NULL));
  g_assert_true (g_file_set_contents (copy, text, (gssize) length, NULL));
  g_assert_null (start (places, "engine.static_dir = \"@/copy\"\nstorage.runroot = \"@/run\"\n", &message));
  g_assert_nonnull (strstr (message, "engine.static_dir: "));
}

static void
test_empty_state (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) config = start (places, "storage.graphroot = \"@/graph\"\nengine.volume_path = \"@/v\"\n", NULL);

  g_clear_pointer (&config, cpd_config_unref);
  config = start (places, "storage.graphroot = \"@/other\"\nengine.volume_path = \"@/w\"\n", NULL);
  g_assert_nonnull (config);
}

static void
test_volumes (TestPlaces *places, gconstpointer data)
{
  g_autofree char *message = NULL;

  begin (places, "engine.volume_path = \"@/vols\"\n");
  test_places_write (places, "vols/data/file", "precious");
  g_assert_null (start (places, "engine.volume_path = \"@/other\"\n", &message));
  g_assert_nonnull (strstr (message, "engine.volume_path: "));
}

static void
test_driver (TestPlaces *places, gconstpointer data)
{
  g_autoptr(CpdConfig) recorded = NULL, set = NULL, config = NULL;
  g_autoptr(CpdStore) store = NULL;

  begin (places, "");
  recorded = start (places, "", NULL);
  g_assert_cmpstr (cpd_config_get_string (recorded, CPD_KEY_GRAPH_DRIVER), ==, "overlay");
  g_assert_cmpstr (cpd_config_get_origin (recorded, CPD_KEY_GRAPH_DRIVER), ==, "database");
  set = start (places, "storage.driver = \"vfs\"\n", NULL);
  g_assert_cmpstr (cpd_config_get_string (set, CPD_KEY_GRAPH_DRIVER), ==, "vfs");
  g_assert_nonnull (strstr (cpd_config_get_origin (set, CPD_KEY_GRAPH_DRIVER), CONF ":3"));
  /* What was taken is recorded, and is what counts from then on. */
  store = open_store (set);
  g_assert_true (cpd_recorded_paths_write (set, store, "vfs", NULL));
  config = load_text (places, "");
  g_assert_true (cpd_recorded_paths_merge (config, store, BOOT, NULL));
  g_assert_cmpstr (cpd_config_get_string (config, CPD_KEY_GRAPH_DRIVER), ==, "vfs");
}

#define ADD(name, function) \
  g_test_add ("/config/A10/" name, TestPlaces, NULL, test_places_set_up, function, test_places_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("trap-7/merge", test_merge);
  ADD ("conflict", test_conflict);
  ADD ("harmless", test_harmless);
  ADD ("moved-state", test_moved_state);
  ADD ("copied-state", test_copied_state);
  ADD ("empty-state", test_empty_state);
  ADD ("volumes", test_volumes);
  ADD ("trap-8/driver", test_driver);
  return g_test_run ();
}
