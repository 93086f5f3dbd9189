/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-container-list.h"

#include "cpod-client-private.h"
#include "cpod-container-list-private.h"

/**
 * SECTION:cpod-container-list
 * @title: CpodContainerList
 * @short_description: all containers, as a list model
 *
 * A #CpodContainerList is a #GListModel of #CpodContainer, newest first, that
 * follows what happens: containers come and go, and their properties change,
 * from the main loop of the thread that made the list. It can be shown by a
 * list view as it is.
 *
 * Its containers are proxies, so their methods can be called. They stay the
 * same objects for as long as the containers are there: when the service ends,
 * they keep what was known last, and when it is back, what has changed
 * meanwhile is told.
 */

enum
{
  PROP_CLIENT = 1,
  PROP_ALL,
  PROP_LOADED,
  PROP_ERROR,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void list_model_iface_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (CpodContainerList, cpod_container_list, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_iface_init))

static GType
cpod_container_list_get_item_type (GListModel *model)
{
  return CPOD_TYPE_CONTAINER;
}

static guint
cpod_container_list_get_n_items (GListModel *model)
{
  return CPOD_CONTAINER_LIST (model)->shown->len;
}

static gpointer
cpod_container_list_get_item (GListModel *model,
                              guint       position)
{
  CpodContainerList *self = CPOD_CONTAINER_LIST (model);

  return position < self->shown->len ? g_object_ref (self->shown->pdata[position]) : NULL;
}

static void
list_model_iface_init (GListModelInterface *iface)
{
  iface->get_item_type = cpod_container_list_get_item_type;
  iface->get_n_items = cpod_container_list_get_n_items;
  iface->get_item = cpod_container_list_get_item;
}

/* Newest first. Those of the same microsecond are kept apart by their ids. */
static int
compare (gconstpointer a,
         gconstpointer b)
{
  CpodContainer *one = *(CpodContainer *const *) a;
  CpodContainer *other = *(CpodContainer *const *) b;
  const guint64 created = cpod_container_get_created (one);
  const guint64 other_created = cpod_container_get_created (other);

  if (created != other_created)
    return created > other_created ? -1 : 1;

  return g_strcmp0 (cpod_container_get_id (one), cpod_container_get_id (other));
}

static gboolean
is_shown (CpodContainerList *self,
          CpodContainer     *container)
{
  const char *state = cpod_container_get_state (container);
  const char *name_space = cpod_client_get_namespace (self->client);

  if (name_space != NULL && *name_space != '\0'
      && g_strcmp0 (name_space, cpod_container_get_namespace (container)) != 0)
    return FALSE;

  return self->all || g_strcmp0 (state, "running") == 0 || g_strcmp0 (state, "paused") == 0;
}

/* Takes SHOWN for what is in the list, and tells where it differs from what was. */
static void
show (CpodContainerList *self,
      GPtrArray         *shown)
{
  g_autoptr(GPtrArray) before = g_steal_pointer (&self->shown);
  const guint shorter = MIN (before->len, shown->len);
  guint first = 0;
  guint same = 0;

  self->shown = g_ptr_array_ref (shown);
  while (first < shorter && before->pdata[first] == shown->pdata[first])
    first++;
  while (same < shorter - first && before->pdata[before->len - same - 1] == shown->pdata[shown->len - same - 1])
    same++;
  if (before->len - same > first || shown->len - same > first)
    g_list_model_items_changed (G_LIST_MODEL (self), first, before->len - same - first, shown->len - same - first);
}

void
cpod_container_list_show_all (CpodContainerList *self)
{
  g_autoptr(GPtrArray) shown = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer container;

  g_hash_table_iter_init (&iter, self->containers);
  while (g_hash_table_iter_next (&iter, NULL, &container))
    {
      if (is_shown (self, container))
        g_ptr_array_add (shown, g_object_ref (container));
    }

  g_ptr_array_sort (shown, compare);
  show (self, shown);
}

static void
show_one (CpodContainerList *self,
          CpodContainer     *container)
{
  guint low = 0;
  guint high = self->shown->len;

  while (low < high)
    {
      const guint middle = low + (high - low) / 2;

      if (compare (&self->shown->pdata[middle], &container) < 0)
        low = middle + 1;
      else
        high = middle;
    }

  g_ptr_array_insert (self->shown, low, g_object_ref (container));
  g_list_model_items_changed (G_LIST_MODEL (self), low, 0, 1);
}

void
cpod_container_list_hide (CpodContainerList *self,
                          guint              position)
{
  g_ptr_array_remove_index (self->shown, position);
  g_list_model_items_changed (G_LIST_MODEL (self), position, 1, 0);
}

/* After the container was changed, or has come. */
void
cpod_container_list_place (CpodContainerList *self,
                           CpodContainer     *container)
{
  guint position;
  const gboolean was_shown = g_ptr_array_find (self->shown, container, &position);
  const gboolean shown = is_shown (self, container);

  if (shown && !was_shown)
    show_one (self, container);
  else if (was_shown && !shown)
    cpod_container_list_hide (self, position);
}

void
cpod_container_list_set_loaded (CpodContainerList *self,
                                gboolean           loaded,
                                GError            *error)
{
  const gboolean had_error = self->error != NULL;

  g_clear_error (&self->error);
  self->error = error;
  if (error != NULL || had_error)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ERROR]);
  if (self->loaded == loaded)
    return;

  self->loaded = loaded;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LOADED]);
}

static void
cpod_container_list_constructed (GObject *object)
{
  G_OBJECT_CLASS (cpod_container_list_parent_class)->constructed (object);

  cpod_container_list_follow (CPOD_CONTAINER_LIST (object));
}

static void
cpod_container_list_get_property (GObject    *object,
                                  guint       id,
                                  GValue     *value,
                                  GParamSpec *pspec)
{
  CpodContainerList *self = CPOD_CONTAINER_LIST (object);

  switch (id)
    {
    case PROP_CLIENT:
      g_value_set_object (value, self->client);
      break;
    case PROP_ALL:
      g_value_set_boolean (value, self->all);
      break;
    case PROP_LOADED:
      g_value_set_boolean (value, self->loaded);
      break;
    case PROP_ERROR:
      g_value_set_boxed (value, self->error);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
cpod_container_list_set_property (GObject      *object,
                                  guint         id,
                                  const GValue *value,
                                  GParamSpec   *pspec)
{
  CpodContainerList *self = CPOD_CONTAINER_LIST (object);

  switch (id)
    {
    case PROP_CLIENT:
      self->client = g_value_dup_object (value);
      g_signal_connect_object (self->client, "notify::namespace", G_CALLBACK (cpod_container_list_show_all), self,
                               G_CONNECT_SWAPPED);
      break;
    case PROP_ALL:
      cpod_container_list_set_all (self, g_value_get_boolean (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
cpod_container_list_dispose (GObject *object)
{
  CpodContainerList *self = CPOD_CONTAINER_LIST (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->watch, g_bus_unwatch_name);
  for (gsize i = 0; i < G_N_ELEMENTS (self->subscriptions); i++)
    {
      if (self->subscriptions[i] != 0)
        g_dbus_connection_signal_unsubscribe (self->client->connection, self->subscriptions[i]);
      self->subscriptions[i] = 0;
    }

  G_OBJECT_CLASS (cpod_container_list_parent_class)->dispose (object);
}

static void
cpod_container_list_finalize (GObject *object)
{
  CpodContainerList *self = CPOD_CONTAINER_LIST (object);

  g_clear_pointer (&self->shown, g_ptr_array_unref);
  g_clear_pointer (&self->containers, g_hash_table_unref);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->client);
  g_clear_error (&self->error);

  G_OBJECT_CLASS (cpod_container_list_parent_class)->finalize (object);
}

static void
cpod_container_list_class_init (CpodContainerListClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags read = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->constructed = cpod_container_list_constructed;
  object_class->get_property = cpod_container_list_get_property;
  object_class->set_property = cpod_container_list_set_property;
  object_class->dispose = cpod_container_list_dispose;
  object_class->finalize = cpod_container_list_finalize;

  /**
   * CpodContainerList:client:
   *
   * The client whose containers these are. If it keeps to a namespace, the
   * list has the containers of that.
   *
   * Since: 0.1
   */
  properties[PROP_CLIENT] = g_param_spec_object ("client", NULL, NULL, CPOD_TYPE_CLIENT,
                                                 G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * CpodContainerList:all:
   *
   * Whether all containers are in the list, or only those that are running or
   * paused.
   *
   * Since: 0.1
   */
  properties[PROP_ALL] = g_param_spec_boolean ("all", NULL, NULL, TRUE,
                                               G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
  /**
   * CpodContainerList:loaded:
   *
   * Whether the list shows what there is. It does not at first, and while the
   * service is away.
   *
   * Since: 0.1
   */
  properties[PROP_LOADED] = g_param_spec_boolean ("loaded", NULL, NULL, FALSE, read);
  /**
   * CpodContainerList:error:
   *
   * Why the containers could not be listed.
   *
   * Since: 0.1
   */
  properties[PROP_ERROR] = g_param_spec_boxed ("error", NULL, NULL, G_TYPE_ERROR, read);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
cpod_container_list_init (CpodContainerList *self)
{
  self->all = TRUE;
  self->cancellable = g_cancellable_new ();
  self->containers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->shown = g_ptr_array_new_with_free_func (g_object_unref);
}

/**
 * cpod_container_list_new:
 * @client: a client
 *
 * Makes a list of all containers. It is empty at first:
 * #CpodContainerList:loaded tells when it is not any more, and
 * #CpodContainerList:error if it could not be loaded. The service is started
 * for it if need be.
 *
 * Returns: (transfer full): a list
 *
 * Since: 0.1
 */
CpodContainerList *
cpod_container_list_new (CpodClient *client)
{
  g_return_val_if_fail (CPOD_IS_CLIENT (client), NULL);

  return g_object_new (CPOD_TYPE_CONTAINER_LIST, "client", client, NULL);
}

/**
 * cpod_container_list_get_client:
 * @self: a list
 *
 * Gets the client whose containers these are.
 *
 * Returns: (transfer none): the client
 *
 * Since: 0.1
 */
CpodClient *
cpod_container_list_get_client (CpodContainerList *self)
{
  g_return_val_if_fail (CPOD_IS_CONTAINER_LIST (self), NULL);

  return self->client;
}

/**
 * cpod_container_list_get_all:
 * @self: a list
 *
 * Gets whether all containers are in the list.
 *
 * Returns: whether they are, or only those that are running or paused
 *
 * Since: 0.1
 */
gboolean
cpod_container_list_get_all (CpodContainerList *self)
{
  g_return_val_if_fail (CPOD_IS_CONTAINER_LIST (self), FALSE);

  return self->all;
}

/**
 * cpod_container_list_set_all:
 * @self: a list
 * @all: whether all containers shall be in the list, or only those that are
 *   running or paused
 *
 * Sets which containers are in the list.
 *
 * Since: 0.1
 */
void
cpod_container_list_set_all (CpodContainerList *self,
                             gboolean           all)
{
  g_return_if_fail (CPOD_IS_CONTAINER_LIST (self));

  all = !!all;
  if (self->all == all)
    return;

  self->all = all;
  cpod_container_list_show_all (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ALL]);
}

/**
 * cpod_container_list_get_loaded:
 * @self: a list
 *
 * Gets whether the list shows what there is.
 *
 * Returns: whether it does
 *
 * Since: 0.1
 */
gboolean
cpod_container_list_get_loaded (CpodContainerList *self)
{
  g_return_val_if_fail (CPOD_IS_CONTAINER_LIST (self), FALSE);

  return self->loaded;
}

/**
 * cpod_container_list_get_error:
 * @self: a list
 *
 * Gets why the containers could not be listed.
 *
 * Returns: (transfer none) (nullable): the error, or %NULL
 *
 * Since: 0.1
 */
const GError *
cpod_container_list_get_error (CpodContainerList *self)
{
  g_return_val_if_fail (CPOD_IS_CONTAINER_LIST (self), NULL);

  return self->error;
}

/**
 * cpod_container_list_find:
 * @self: a list
 * @name: the name or the id of a container
 * @position: (out) (optional): return location for its position
 *
 * Looks for a container in the list, which takes no call to the service.
 *
 * Returns: (transfer none) (nullable): the container, or %NULL if the list
 *   does not have it
 *
 * Since: 0.1
 */
CpodContainer *
cpod_container_list_find (CpodContainerList *self,
                          const char        *name,
                          guint             *position)
{
  g_return_val_if_fail (CPOD_IS_CONTAINER_LIST (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  for (guint i = 0; i < self->shown->len; i++)
    {
      CpodContainer *container = self->shown->pdata[i];

      if (g_strcmp0 (cpod_container_get_id (container), name) != 0
          && g_strcmp0 (cpod_container_get_name (container), name) != 0)
        continue;

      if (position != NULL)
        *position = i;
      return container;
    }

  return NULL;
}
