/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include <string.h>

static void
add_layer (CpdTransaction *tx, const char *chain_id, const char *parent)
{
  CpdLayerRow layer = {
    .chain_id = (char *) chain_id, .parent = (char *) parent, .diff_id = (char *) "sha256:d",
    .digest = (char *) "sha256:b", .media_type = (char *) "application/x", .blob_size = G_GINT64_CONSTANT (1) << 33,
    .size = G_GINT64_CONSTANT (1) << 34, .link = (char *) chain_id,
  };
  g_assert_true (cpd_store_add_layer (tx, &layer, NULL));
}

static void
add_image (CpdTransaction *tx, const char *id, gint64 created, const char *const *layers)
{
  CpdImageRow image = {
    .id = (char *) id, .digest = (char *) "sha256:m", .manifest_size = 11, .config = (char *) "{\"os\":\"linux\"}",
    .top_layer = (char *) "sha256:t", .size = 22, .created = created,
  };

  g_assert_true (cpd_store_add_image (tx, &image, layers, NULL));
}

static void
assert_layers (GPtrArray *layers, const char *expected)
{
  g_autoptr(GPtrArray) rows = layers;
  g_autoptr(GString) names = g_string_new (NULL);

  g_assert_nonnull (rows);
  for (guint i = 0; i < rows->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? " " : "", ((CpdLayerRow *) rows->pdata[i])->chain_id);
  g_assert_cmpstr (names->str, ==, expected);
}

static void
delete_image (TestStore *test, const char *id)
{
  g_autoptr(GError) error = NULL;
  CpdTransaction *tx = test_begin (test->store);

  g_assert_true (cpd_store_delete_image (tx, id, &error));
  g_assert_no_error (error);
  test_commit (tx);
}

static void
test_round_trip (TestStore *test, gconstpointer kind)
{
  const char *const layers[] = { "low", "mid", "top", NULL };
  CpdTransaction *tx = test_begin (test->store);
  g_autoptr(CpdImageRow) row = NULL;
  g_autoptr(CpdLayerRow) layer = NULL;

  add_layer (tx, "low", "");
  add_layer (tx, "mid", "low");
  add_layer (tx, "top", "mid");
  add_image (tx, test_id ("22"), 1234567, layers);
  g_assert_true (cpd_store_tag_image (tx, "z", test_id ("22"), NULL));
  g_assert_true (cpd_store_tag_image (tx, "a", test_id ("22"), NULL));
  test_commit (tx);
  test_add_container (test->store, test_id ("c"), "web", CPD_CONTAINER_RUNNING, NULL);

  row = cpd_store_get_image (test->store, test_id ("22"), NULL);
  g_assert_cmpstr (row->digest, ==, "sha256:m");
  g_assert_cmpstr (row->config, ==, "{\"os\":\"linux\"}");
  g_assert_cmpstr (row->top_layer, ==, "sha256:t");
  g_assert_cmpint (row->manifest_size, ==, 11);
  g_assert_cmpint (row->size, ==, 22);
  g_assert_cmpint (row->created, ==, 1234567);
  g_assert_cmpuint (row->containers, ==, 0);
  g_assert_cmpuint (g_strv_length (row->names), ==, 2);
  g_assert_cmpstr (row->names[0], ==, "a");

  layer = cpd_store_get_layer (test->store, "mid", NULL);
  g_assert_cmpstr (layer->parent, ==, "low");
  g_assert_cmpstr (layer->diff_id, ==, "sha256:d");
  g_assert_cmpstr (layer->digest, ==, "sha256:b");
  g_assert_cmpstr (layer->media_type, ==, "application/x");
  g_assert_cmpint (layer->blob_size, ==, G_GINT64_CONSTANT (1) << 33);
  g_assert_cmpint (layer->size, ==, G_GINT64_CONSTANT (1) << 34);
  g_assert_cmpstr (layer->link, ==, "mid");
  assert_layers (cpd_store_list_image_layers (test->store, test_id ("22"), NULL), "low mid top");
}

static void
test_lookup (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) missing = NULL, ambiguous = NULL, none = NULL;
  g_autoptr(CpdImageRow) by_prefix = NULL, by_name = NULL;

  test_add_image (test->store, test_id ("12"), "two");
  g_assert_null (cpd_store_get_image (test->store, test_id ("13"), &missing));
  g_assert_error (missing, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE);
  g_assert_null (cpd_store_get_image_by_prefix (test->store, "1", &ambiguous));
  g_assert_error (ambiguous, CPOD_ERROR, CPOD_ERROR_AMBIGUOUS_NAME);
  g_assert_null (cpd_store_get_image_by_prefix (test->store, "2", &none));
  g_assert_error (none, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE);
  by_prefix = cpd_store_get_image_by_prefix (test->store, "12", NULL);
  g_assert_cmpstr (by_prefix->id, ==, test_id ("12"));
  by_name = cpd_store_get_image_by_name (test->store, "two", NULL);
  g_assert_cmpstr (by_name->id, ==, test_id ("12"));
  g_assert_null (cpd_store_get_image_by_name (test->store, "three", &none));
}

static void
test_names (TestStore *test, gconstpointer kind)
{
  g_autoptr(CpdImageRow) moved = NULL, bare = NULL;
  CpdTransaction *tx;

  test_add_image (test->store, test_id ("22"), "localhost/other:latest");
  tx = test_begin (test->store);
  g_assert_true (cpd_store_tag_image (tx, "localhost/busybox:latest", test_id ("22"), NULL));
  test_commit (tx);
  moved = cpd_store_get_image_by_name (test->store, "localhost/busybox:latest", NULL);
  g_assert_cmpstr (moved->id, ==, test_id ("22"));
  g_assert_cmpuint (g_strv_length (moved->names), ==, 2);
  bare = cpd_store_get_image (test->store, TEST_IMAGE, NULL);
  g_assert_cmpuint (g_strv_length (bare->names), ==, 0);

  tx = test_begin (test->store);
  g_assert_true (cpd_store_untag_image (tx, "localhost/busybox:latest", NULL));
  g_assert_false (cpd_store_tag_image (tx, "name", test_id ("99"), NULL));
  test_commit (tx);
  g_assert_null (cpd_store_get_image_by_name (test->store, "localhost/busybox:latest", NULL));
  g_assert_null (cpd_store_get_image_by_name (test->store, "name", NULL));
}

static void
test_delete (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) in_use = NULL;
  g_autoptr(CpdImageRow) row = NULL;
  CpdTransaction *tx;

  test_add_container (test->store, test_id ("c"), "web", CPD_CONTAINER_EXITED, NULL);
  row = cpd_store_get_image (test->store, TEST_IMAGE, NULL);
  g_assert_cmpuint (cpd_store_count_image_users (test->store, row->id), ==, 1);
  tx = test_begin (test->store);
  g_assert_false (cpd_store_delete_image (tx, TEST_IMAGE, &in_use));
  cpd_transaction_free (tx);
  g_clear_pointer (&row, cpd_image_row_free);
  row = cpd_store_get_image (test->store, TEST_IMAGE, NULL);
  g_assert_cmpuint (g_strv_length (row->names), ==, 1);

  tx = test_begin (test->store);
  g_assert_true (cpd_store_delete_container (tx, test_id ("c"), NULL));
  test_commit (tx);
  delete_image (test, TEST_IMAGE);
  g_assert_null (cpd_store_get_image (test->store, TEST_IMAGE, NULL));
  g_assert_null (cpd_store_get_image_by_name (test->store, "localhost/busybox:latest", NULL));
}

/* A layer goes only when the last image that has it is gone, the topmost first. */
static void
test_layers (TestStore *test, gconstpointer kind)
{
  const char *const one[] = { "low", "mid", NULL }, *const two[] = { "low", "other", NULL };
  CpdTransaction *tx = test_begin (test->store);

  add_layer (tx, "low", "");
  add_layer (tx, "mid", "low");
  add_layer (tx, "other", "low");
  add_image (tx, test_id ("a1"), 1, one);
  add_image (tx, test_id ("a2"), 2, two);
  test_commit (tx);

  assert_layers (cpd_store_list_unused_layers (test->store, NULL), "");
  tx = test_begin (test->store);
  g_assert_false (cpd_store_delete_layer (tx, "low", NULL));
  cpd_transaction_free (tx);
  delete_image (test, test_id ("a1"));
  assert_layers (cpd_store_list_unused_layers (test->store, NULL), "mid");
  delete_image (test, test_id ("a2"));
  assert_layers (cpd_store_list_unused_layers (test->store, NULL), "other mid low");
  tx = test_begin (test->store);
  g_assert_true (cpd_store_delete_layer (tx, "other", NULL));
  test_commit (tx);
  g_assert_null (cpd_store_get_layer (test->store, "other", NULL));
  assert_layers (cpd_store_list_layers (test->store, NULL), "sha256:" TEST_IMAGE " low mid");
}

static void
test_list (TestStore *test, gconstpointer kind)
{
  const char *const none[] = { NULL };
  CpdTransaction *tx = test_begin (test->store);
  g_autoptr(GPtrArray) rows = NULL;

  add_image (tx, test_id ("a1"), 100, none);
  add_image (tx, test_id ("a2"), 300, none);
  add_image (tx, test_id ("a3"), 200, none);
  test_commit (tx);
  rows = cpd_store_list_images (test->store, NULL);
  g_assert_cmpuint (rows->len, ==, 4);
  g_assert_cmpstr (((CpdImageRow *) rows->pdata[0])->id, ==, test_id ("a2"));
  g_assert_cmpstr (((CpdImageRow *) rows->pdata[1])->id, ==, test_id ("a3"));
  g_assert_cmpstr (((CpdImageRow *) rows->pdata[3])->id, ==, TEST_IMAGE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  test_store_add ("images/round-trip", test_round_trip);
  test_store_add ("images/lookup", test_lookup);
  test_store_add ("images/names", test_names);
  test_store_add ("images/delete", test_delete);
  test_store_add ("images/layers", test_layers);
  test_store_add ("images/list", test_list);
  return g_test_run ();
}
