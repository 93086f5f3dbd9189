/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-health.h"

#include "common/cpd-clock.h"
#include "common/cpd-journal.h"

typedef struct
{
  char *kind;
  char *object;                 /* (nullable) */
  char *text;
  gint64 time;
  gboolean lasts;
} Note;

struct _CpdHealth
{
  GMutex lock;
  GPtrArray *notes;             /* (owned): Note */
};

static void
note_free (gpointer data)
{
  Note *note = data;

  g_free (note->kind);
  g_free (note->object);
  g_free (note->text);
  g_free (note);
}

CpdHealth *
cpd_health_new (void)
{
  CpdHealth *health = g_new0 (CpdHealth, 1);

  g_mutex_init (&health->lock);
  health->notes = g_ptr_array_new_with_free_func (note_free);
  return health;
}

void
cpd_health_free (CpdHealth *health)
{
  g_mutex_clear (&health->lock);
  g_ptr_array_unref (health->notes);
  g_free (health);
}

/* The lock is held. */
static void
remove_note (CpdHealth *health, const char *kind, const char *object)
{
  for (guint i = health->notes->len; i > 0; i--)
    {
      const Note *note = health->notes->pdata[i - 1];

      if (g_str_equal (note->kind, kind) && g_strcmp0 (note->object, object) == 0)
        g_ptr_array_remove_index (health->notes, i - 1);
    }
}

static Note *note_new (const char *kind, const char *object, gboolean lasts, const char *format, va_list args)
  G_GNUC_PRINTF (4, 0);

static Note *
note_new (const char *kind, const char *object, gboolean lasts, const char *format, va_list args)
{
  Note *note = g_new0 (Note, 1);
  g_autofree char *text = g_strdup_vprintf (format, args);

  note->kind = g_strdup (kind);
  note->object = g_strdup (object);
  note->text = g_utf8_make_valid (text, -1);
  note->time = cpd_clock_now ();
  note->lasts = lasts;
  cpd_log_message (G_LOG_LEVEL_MESSAGE, CPD_MESSAGE_HEALTH, "%s: %s", note->kind, note->text);
  return note;
}

void
cpd_health_add (CpdHealth *health, const char *kind, gboolean lasts, const char *format, ...)
{
  Note *note;
  va_list args;

  va_start (args, format);
  note = note_new (kind, NULL, lasts, format, args);
  va_end (args);
  g_mutex_lock (&health->lock);
  g_ptr_array_add (health->notes, note);
  g_mutex_unlock (&health->lock);
}

void
cpd_health_set (CpdHealth *health, const char *kind, const char *object, const char *format, ...)
{
  Note *note;
  va_list args;

  va_start (args, format);
  note = note_new (kind, object, TRUE, format, args);
  va_end (args);
  g_mutex_lock (&health->lock);
  remove_note (health, kind, object);
  g_ptr_array_add (health->notes, note);
  g_mutex_unlock (&health->lock);
}

void
cpd_health_clear (CpdHealth *health, const char *kind, const char *object)
{
  g_mutex_lock (&health->lock);
  remove_note (health, kind, object);
  g_mutex_unlock (&health->lock);
}

GVariant *
cpd_health_get (CpdHealth *health)
{
  GVariantBuilder notes = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&health->lock);

  for (guint i = 0; i < health->notes->len; i++)
    {
      const Note *note = health->notes->pdata[i];

      g_variant_builder_open (&notes, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&notes, "{sv}", "kind", g_variant_new_string (note->kind));
      g_variant_builder_add (&notes, "{sv}", "text", g_variant_new_string (note->text));
      g_variant_builder_add (&notes, "{sv}", "time", g_variant_new_uint64 ((guint64) note->time));
      g_variant_builder_close (&notes);
    }
  return g_variant_builder_end (&notes);
}

void
cpd_health_problems (CpdHealth *health, GPtrArray *problems)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&health->lock);

  for (guint i = 0; i < health->notes->len; i++)
    {
      const Note *note = health->notes->pdata[i];

      if (note->lasts)
        g_ptr_array_add (problems, g_strdup_printf ("health\t%s\t%s", note->kind, note->text));
    }
}
