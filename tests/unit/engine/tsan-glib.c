/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GLib is not built with ThreadSanitizer, and its locks are futexes of its
 * own, so that all that they guard looks like a race. Linked into a test,
 * these stand before GLib's and tell what happens before what.
 */
#include <dlfcn.h>
#include <glib.h>
#include <sanitizer/tsan_interface.h>

#define REAL(name) \
  static __typeof__ (&name) real; \
  if (g_atomic_pointer_get (&real) == NULL) \
    g_atomic_pointer_set (&real, (__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

/* What a source that another thread attaches is guarded by. */
static int attached;

void
g_mutex_lock (GMutex *mutex)
{
  REAL (g_mutex_lock);
  real (mutex);
  __tsan_acquire (mutex);
}

void
g_mutex_unlock (GMutex *mutex)
{
  REAL (g_mutex_unlock);
  __tsan_release (mutex);
  real (mutex);
}

void
g_rec_mutex_lock (GRecMutex *mutex)
{
  REAL (g_rec_mutex_lock);
  real (mutex);
  __tsan_acquire (mutex);
}

void
g_rec_mutex_unlock (GRecMutex *mutex)
{
  REAL (g_rec_mutex_unlock);
  __tsan_release (mutex);
  real (mutex);
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  REAL (g_cond_wait);
  __tsan_release (mutex);
  real (cond, mutex);
  __tsan_acquire (mutex);
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  gboolean in_time;

  REAL (g_cond_wait_until);
  __tsan_release (mutex);
  in_time = real (cond, mutex, end_time);
  __tsan_acquire (mutex);
  return in_time;
}

typedef struct
{
  GFunc func;
  gpointer user_data;
} Call;

static int pushed;

static void
call (gpointer data, gpointer user_data)
{
  Call *real = user_data;

  __tsan_acquire (&pushed);
  real->func (data, real->user_data);
  __tsan_release (&pushed);
}

/* The few bytes for each pool are never given back. */
GThreadPool *
g_thread_pool_new (GFunc func, gpointer user_data, gint max_threads, gboolean exclusive, GError **error)
{
  Call *wrapped = g_new0 (Call, 1);

  REAL (g_thread_pool_new);
  wrapped->func = func;
  wrapped->user_data = user_data;
  return real (call, wrapped, max_threads, exclusive, error);
}

gboolean
g_thread_pool_push (GThreadPool *pool, gpointer data, GError **error)
{
  REAL (g_thread_pool_push);
  __tsan_release (&pushed);
  return real (pool, data, error);
}

void
g_thread_pool_free (GThreadPool *pool, gboolean immediate, gboolean wait)
{
  REAL (g_thread_pool_free);
  real (pool, immediate, wait);
  __tsan_acquire (&pushed);
}

void
g_async_queue_push (GAsyncQueue *queue, gpointer data)
{
  REAL (g_async_queue_push);
  __tsan_release (queue);
  real (queue, data);
}

gpointer
g_async_queue_timeout_pop (GAsyncQueue *queue, guint64 timeout)
{
  gpointer data;

  REAL (g_async_queue_timeout_pop);
  data = real (queue, timeout);
  __tsan_acquire (queue);
  return data;
}

/* What is made once is read by all without a lock: the macros of g_once_init_enter() are in our code, and seen. */
void
(g_once_init_leave) (volatile void *location, gsize result)
{
  static __typeof__ (&(g_once_init_leave)) real;

  if (g_atomic_pointer_get (&real) == NULL)
    g_atomic_pointer_set (&real, (__typeof__ (&(g_once_init_leave))) dlsym (RTLD_NEXT, "g_once_init_leave"));
  __tsan_release ((void *) location);
  real (location, result);
}

guint
g_source_attach (GSource *source, GMainContext *context)
{
  REAL (g_source_attach);
  __tsan_release (&attached);
  return real (source, context);
}

static gint
poll_then_acquire (GPollFD *fds, guint n, gint timeout)
{
  gint ready = g_poll (fds, n, timeout);

  __tsan_acquire (&attached);
  return ready;
}

gboolean
g_main_context_iteration (GMainContext *context, gboolean may_block)
{
  REAL (g_main_context_iteration);
  g_main_context_set_poll_func (context, poll_then_acquire);
  return real (context, may_block);
}
