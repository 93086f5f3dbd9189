/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is stored of a container: its configuration, as the database and the
 * file beside it have it, through all that reads it.
 */
#include "common/cpd-names.h"
#include "engine/containers/cpd-container-config.h"
#include "engine/containers/cpd-container-metadata.h"
#include "engine/cpd-engine-private.h"
#include "fuzz.h"
#include "oci/cpd-runtime-spec.h"
#include "public/cpod-error.h"

static char *base;
static CpdEngine *engine;

static void
add_image (void)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, NULL);
  char *chain[] = { (char *) "sha256:c", NULL };
  CpdLayerRow layer = {
    .chain_id = chain[0], .parent = (char *) "", .diff_id = chain[0], .digest = chain[0],
    .media_type = (char *) "m", .link = (char *) "L",
  };
  CpdImageRow image = {
    .id = (char *) FUZZ_ID, .digest = (char *) "sha256:d", .config = (char *) "{}", .top_layer = chain[0],
  };

  g_assert_true (cpd_store_add_layer (tx, &layer, NULL));
  g_assert_true (cpd_store_add_image (tx, &image, (const char *const *) chain, NULL));
  g_assert_true (cpd_transaction_commit (tx, NULL));
}

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  base = fuzz_directory ();
  engine = cpd_engine_new (cpd_config_new (base, NULL), NULL);
  g_assert_nonnull (engine);
  add_image ();
  return 0;
}

/* As the start of a container makes it. */
static void
make_spec (const CpdContainerConfig *config)
{
  CpdRuntimeSpec spec = {
    .id = FUZZ_ID, .name = "name", .rootfs = "/", .hostname = config->hostname,
    .args = (const char *const *) config->args, .env = (const char *const *) config->env,
    .cwd = config->workdir, .read_only = config->read_only, .privileged = config->privileged,
    .capabilities = (const char *const *) config->capabilities,
    .added_capabilities = (const char *const *) config->added_capabilities,
    .cgroup_path = "/cpod/x", .stop_signal = cpd_signal_name (config->stop_signal),
    .binds = (const char *const[]) { NULL },
  };
  g_autofree char *json = cpd_runtime_spec_to_json (&spec, NULL);

  g_assert_nonnull (json);
}

/* What was understood is written and understood again. */
static void
look_at_config (const char *text)
{
  g_autoptr(CpdContainerConfig) config = cpd_container_config_parse (text, NULL);
  g_autoptr(CpdContainerConfig) again = NULL;
  g_autofree char *first = NULL, *second = NULL;

  if (config == NULL)
    return;
  first = cpd_container_config_to_json (config);
  again = cpd_container_config_parse (first, NULL);
  g_assert_nonnull (again);
  second = cpd_container_config_to_json (again);
  g_assert_cmpstr (first, ==, second);
  make_spec (config);
}

/* The file as it is; and one that has TEXT in it and is whole. */
static void
look_at_metadata (const char *text, CpdContainerRow *row)
{
  g_autoptr(CpdContainerRow) damaged = NULL, whole = NULL;

  fuzz_write (base, CPD_METADATA_FILE, text);
  damaged = cpd_container_metadata_read (base, FUZZ_ID, NULL);
  if (!g_utf8_validate (text, -1, NULL))
    return;
  g_assert_true (cpd_container_metadata_write (base, row, FALSE, NULL));
  whole = cpd_container_metadata_read (base, FUZZ_ID, NULL);
  g_assert_nonnull (whole);
  g_assert_cmpstr (whole->config, ==, text);
}

static void
look_at_row (const CpdContainerRow *row)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, NULL);
  g_autoptr(CpdTransaction) end = NULL;
  g_autoptr(GPtrArray) rows = NULL;
  g_autofree char *shown = NULL;
  char *labels[] = { (char *) "a=b", (char *) "c", NULL };
  CpdContainerQuery query = { .all = TRUE, .labels = labels, .with_config = TRUE };

  g_assert_true (cpd_store_add_container (tx, row, NULL));
  g_assert_true (cpd_transaction_commit (tx, NULL));
  shown = cpd_engine_inspect_container (engine, FUZZ_ID, FALSE, NULL);
  rows = cpd_store_list_containers (engine->store, &query, NULL);
  end = cpd_store_begin (engine->store, CPD_STORE_BOOT, NULL);
  g_assert_true (cpd_store_delete_container (end, FUZZ_ID, NULL));
  g_assert_true (cpd_transaction_commit (end, NULL));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_auto(GStrv) parts = fuzz_split (data, size, 1);
  CpdContainerRow row = {
    .id = (char *) FUZZ_ID, .name = (char *) "name", .image = (char *) "image", .image_id = (char *) FUZZ_ID,
    .config = parts[0],
  };

  look_at_config (parts[0]);
  look_at_metadata (parts[0], &row);
  look_at_row (&row);
  return 0;
}
