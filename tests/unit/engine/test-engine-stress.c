/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many containers at once, with the real monitor and OCI runtime: threads
 * create, start, rename, stop or kill and remove them while the main thread
 * tells the events. store/meson.build says how to run it under ThreadSanitizer.
 */
#include <unistd.h>

#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "test-archive.h"
#include "test-engine.h"
#include "test-scratch.h"

#define THREADS 8
#define CONTAINERS 50

typedef struct
{
  char *root;
  CpdEngine *engine;
  gint next;                    /* number of the next container; atomic */
  gint running;                 /* threads that have not ended; atomic */
  GPtrArray *told;              /* (owned): "STATUS ID NAME" of each event, in order */
  guint64 last;                 /* number of the last event */
} Stress;

static void
on_event (CpdEngine *engine, CpdEventRow *event, gpointer data)
{
  Stress *stress = data;

  g_assert_cmpuint (event->seq, ==, stress->last + 1);
  stress->last = event->seq;
  g_ptr_array_add (stress->told, g_strdup_printf ("%s %s %s", event->status, event->id, event->name));
}

static void
import_image (CpdEngine *engine)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *busybox = NULL, *id = NULL;
  gsize length;
  TestArchive *archive = test_archive_new ("none");
  g_autoptr(GBytes) bytes = NULL;
  const char *const changes[] = { "CMD [\"/bin/sleep\", \"1000\"]", NULL };
  int fd;

  g_file_get_contents ("/bin/busybox", &busybox, &length, &error);
  g_assert_no_error (error);
  test_archive_directory (archive, "bin");
  test_archive_add (archive, test_archive_entry ("bin/busybox", AE_IFREG, 0755), busybox, length);
  test_archive_symlink (archive, "bin/sleep", "busybox");
  test_archive_symlink (archive, "bin/true", "busybox");
  for (const char *const *name = (const char *const[]) { "proc", "sys", "dev", "etc", "run", "tmp", NULL };
       *name != NULL; name++)
    test_archive_directory (archive, *name);
  bytes = test_archive_finish (archive);
  fd = test_bytes_open (bytes);
  id = cpd_engine_import_image (engine, fd, "busybox", changes, NULL, CPD_CALLER_SELF, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  close (fd);
}

/* Whether a container of that number ends by itself. */
static gboolean
ends_by_itself (int number)
{
  return number % 5 == 0;
}

static void
begin_life (CpdEngine *engine, int number, char **id)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *name = g_strdup_printf ("stress-%d", number);
  g_autofree char *new_name = g_strdup_printf ("renamed-%d", number);
  g_autofree char *given = NULL;
  const char *const command[] = { "/bin/true", NULL };
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT (NULL);
  g_autoptr(GVariant) ended = NULL;

  g_variant_dict_insert (&options, "name", "s", name);
  if (ends_by_itself (number))
    g_variant_dict_insert (&options, "command", "^as", command);
  ended = g_variant_ref_sink (g_variant_dict_end (&options));
  cpd_engine_create_container (engine, "busybox", ended, CPD_CALLER_SELF, NULL, id, &given, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (given, ==, name);
  cpd_engine_start_container (engine, *id, CPD_CALLER_SELF, &error);
  g_assert_no_error (error);
  cpd_engine_rename_container (engine, *id, new_name, CPD_CALLER_SELF, &error);
  g_assert_no_error (error);
}

/* Stopped, killed, removed by force or ended by itself: each gets its turn. */
static void
end_life (CpdEngine *engine, int number, const char *id)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, &error);

  g_assert_no_error (error);
  if (number % 5 == 1)
    cpd_engine_stop_container (engine, id, 0, CPD_CALLER_SELF, &error);
  else if (number % 5 == 2)
    cpd_engine_kill_container (engine, id, "KILL", CPD_CALLER_SELF, &error);
  g_assert_no_error (error);
  if (number % 5 == 0 || number % 5 == 2)
    g_assert_true (cpd_engine_wait_stopped (engine, row, 60 * G_USEC_PER_SEC));
  cpd_engine_remove_container (engine, id, number % 5 > 2, 0, CPD_CALLER_SELF, &error);
  g_assert_no_error (error);
}

static gpointer
work (gpointer data)
{
  Stress *stress = data;
  int number;

  while ((number = g_atomic_int_add (&stress->next, 1)) < CONTAINERS)
    {
      g_autofree char *id = NULL;

      begin_life (stress->engine, number, &id);
      end_life (stress->engine, number, id);
    }
  g_atomic_int_add (&stress->running, -1);
  g_main_context_wakeup (NULL);
  return NULL;
}

static guint
count (Stress *stress, const char *status, const char *name)
{
  g_autofree char *prefix = g_strconcat (status, " ", NULL);
  g_autofree char *suffix = g_strconcat (" ", name, NULL);
  guint n = 0;

  for (guint i = 0; i < stress->told->len; i++)
    n += g_str_has_prefix (stress->told->pdata[i], prefix) && g_str_has_suffix (stress->told->pdata[i], suffix);
  return n;
}

/* Each event of each container exactly once. */
static void
check_events (Stress *stress)
{
  guint expected = 1;           /* the import */

  for (int i = 0; i < CONTAINERS; i++)
    {
      g_autofree char *name = g_strdup_printf ("stress-%d", i);
      g_autofree char *new_name = g_strdup_printf ("renamed-%d", i);
      gboolean stopped = i % 5 == 1 || i % 5 > 2;

      g_assert_cmpuint (count (stress, "create", name), ==, 1);
      g_assert_cmpuint (count (stress, "init", name), ==, 1);
      g_assert_cmpuint (count (stress, "start", name), ==, 1);
      g_assert_cmpuint (count (stress, "rename", new_name), ==, 1);
      g_assert_cmpuint (count (stress, "kill", new_name), ==, i % 5 == 2 ? 1 : 0);
      g_assert_cmpuint (count (stress, "stop", new_name), ==, stopped ? 1 : 0);
      g_assert_cmpuint (count (stress, "died", name) + count (stress, "died", new_name), ==, 1);
      g_assert_cmpuint (count (stress, "cleanup", name) + count (stress, "cleanup", new_name), ==, 1);
      g_assert_cmpuint (count (stress, "remove", new_name), ==, 1);
      expected += 7 + (i % 5 == 2) + stopped;
    }
  g_assert_cmpuint (stress->told->len, ==, expected);
  g_assert_cmpuint (stress->last, ==, expected);
}

static void
run_threads (Stress *stress)
{
  GThread *threads[THREADS];

  stress->running = THREADS;
  for (int i = 0; i < THREADS; i++)
    threads[i] = g_thread_new ("worker", work, stress);
  while (g_atomic_int_get (&stress->running) > 0)
    g_main_context_iteration (NULL, TRUE);
  for (int i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
}

static void
test_stress (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) problems = NULL;
  Stress stress = { .root = test_scratch_new ("256m") };

  stress.told = g_ptr_array_new_with_free_func (g_free);
  stress.engine = test_engine_open (stress.root);
  g_signal_connect (stress.engine, "event", G_CALLBACK (on_event), &stress);
  g_assert_true (cpd_engine_recover (stress.engine, &error));
  import_image (stress.engine);
  run_threads (&stress);
  cpd_engine_drain_events (stress.engine);
  check_events (&stress);

  problems = cpd_engine_check (stress.engine, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < problems->len; i++)
    g_test_message ("%s", (char *) problems->pdata[i]);
  g_assert_cmpuint (problems->len, ==, 0);
  g_assert_cmpuint (cpd_store_count_containers (stress.engine->store, FALSE), ==, 0);

  test_engine_close (stress.engine);
  g_ptr_array_unref (stress.told);
  test_scratch_free (stress.root);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  g_test_add_func ("/engine/stress", test_stress);
  return g_test_run ();
}
