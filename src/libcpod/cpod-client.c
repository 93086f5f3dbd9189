/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

#include "cpod-enum-types.h"

/**
 * SECTION:cpod-client
 * @title: CpodClient
 * @short_description: a connection to the container engine
 *
 * A #CpodClient connects to the engine on the system bus, the session bus or a
 * bus of a given address, or starts an engine of its own and talks to that
 * without a bus.
 *
 * Most calls are made on the proxies that it gives: #CpodClient:runtime,
 * #CpodClient:images and the #CpodContainer of
 * cpod_client_get_container_sync(). Their errors are of the domain
 * %CPOD_ERROR; g_dbus_error_strip_remote_error() takes the D-Bus name off their
 * messages. The functions of #CpodClient itself have done that already.
 *
 * The client does by itself what takes more than one call:
 * cpod_client_run_sync() runs a container and collects its output,
 * cpod_client_import_image_sync() makes an image and tells of the progress,
 * cpod_client_attach_sync() connects to a container's standard streams,
 * cpod_client_follow_events() tells of each event once, whatever becomes of the
 * service meanwhile.
 */

enum
{
  PROP_BUS_TYPE = 1,
  PROP_ADDRESS,
  PROP_PRIVATE_PEER,
  PROP_FLAGS,
  PROP_NAMESPACE,
  PROP_INTERACTIVE,
  PROP_CONNECTION,
  PROP_RUNTIME,
  PROP_IMAGES,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void initable_iface_init (GInitableIface *iface);
static void async_initable_iface_init (GAsyncInitableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (CpodClient, cpod_client, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, initable_iface_init)
                               G_IMPLEMENT_INTERFACE (G_TYPE_ASYNC_INITABLE, async_initable_iface_init))

static void
cpod_client_get_property (GObject    *object,
                          guint       id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  CpodClient *self = CPOD_CLIENT (object);

  switch (id)
    {
    case PROP_NAMESPACE:
      g_value_set_string (value, self->name_space);
      break;
    case PROP_INTERACTIVE:
      g_value_set_boolean (value, self->interactive);
      break;
    case PROP_CONNECTION:
      g_value_set_object (value, self->connection);
      break;
    case PROP_RUNTIME:
      g_value_set_object (value, self->runtime);
      break;
    case PROP_IMAGES:
      g_value_set_object (value, self->images);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
cpod_client_set_property (GObject      *object,
                          guint         id,
                          const GValue *value,
                          GParamSpec   *pspec)
{
  CpodClient *self = CPOD_CLIENT (object);

  switch (id)
    {
    case PROP_BUS_TYPE:
      self->bus_type = g_value_get_enum (value);
      break;
    case PROP_ADDRESS:
      self->address = g_value_dup_string (value);
      break;
    case PROP_PRIVATE_PEER:
      self->private_peer = g_value_get_boolean (value);
      break;
    case PROP_FLAGS:
      self->flags = g_value_get_flags (value);
      break;
    case PROP_NAMESPACE:
      cpod_client_set_namespace (self, g_value_get_string (value));
      break;
    case PROP_INTERACTIVE:
      cpod_client_set_interactive (self, g_value_get_boolean (value));
      break;
    case PROP_CONNECTION:
      self->connection = g_value_dup_object (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
cpod_client_finalize (GObject *object)
{
  CpodClient *self = CPOD_CLIENT (object);

  g_clear_pointer (&self->follower, cpod_follower_stop);
  g_clear_object (&self->runtime);
  g_clear_object (&self->images);
  g_clear_object (&self->connection);
  g_clear_object (&self->service);
  g_clear_pointer (&self->address, g_free);
  g_clear_pointer (&self->name_space, g_free);

  G_OBJECT_CLASS (cpod_client_parent_class)->finalize (object);
}

static void
install_construct_properties (void)
{
  const GParamFlags write = G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  /**
   * CpodClient:bus-type:
   *
   * The bus to connect to, when nothing else is given.
   *
   * Since: 0.1
   */
  properties[PROP_BUS_TYPE] = g_param_spec_enum ("bus-type", NULL, NULL, G_TYPE_BUS_TYPE, G_BUS_TYPE_SYSTEM, write);
  /**
   * CpodClient:address:
   *
   * The address of the bus to connect to.
   *
   * Since: 0.1
   */
  properties[PROP_ADDRESS] = g_param_spec_string ("address", NULL, NULL, NULL, write);
  /**
   * CpodClient:private-peer:
   *
   * Whether to start a service for this client alone.
   *
   * Since: 0.1
   */
  properties[PROP_PRIVATE_PEER] = g_param_spec_boolean ("private-peer", NULL, NULL, FALSE, write);
  /**
   * CpodClient:flags:
   *
   * How the client is set up.
   *
   * Since: 0.1
   */
  properties[PROP_FLAGS] = g_param_spec_flags ("flags", NULL, NULL, CPOD_TYPE_CLIENT_FLAGS,
                                               CPOD_CLIENT_FLAGS_NONE, write);
}

static void
install_settings (void)
{
  /**
   * CpodClient:namespace:
   *
   * The namespace of the containers that cpod_client_get_container(),
   * cpod_client_create_container(), cpod_client_list_containers() and
   * cpod_client_run() have to do with, where their options do not name one;
   * "" for all, %NULL for what the engine's configuration says.
   *
   * Since: 0.1
   */
  properties[PROP_NAMESPACE] = g_param_spec_string ("namespace", NULL, NULL, NULL,
                                                    G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY
                                                      | G_PARAM_STATIC_STRINGS);
  /**
   * CpodClient:interactive:
   *
   * Whether the calls that the client makes may ask the user for authorization.
   *
   * Since: 0.1
   */
  properties[PROP_INTERACTIVE] = g_param_spec_boolean ("interactive", NULL, NULL, FALSE,
                                                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY
                                                         | G_PARAM_STATIC_STRINGS);
}

static void
cpod_client_class_init (CpodClientClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags read = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = cpod_client_get_property;
  object_class->set_property = cpod_client_set_property;
  object_class->finalize = cpod_client_finalize;

  install_construct_properties ();
  install_settings ();
  /**
   * CpodClient:connection:
   *
   * The connection to the bus, or to the private service.
   *
   * Since: 0.1
   */
  properties[PROP_CONNECTION] = g_param_spec_object ("connection", NULL, NULL, G_TYPE_DBUS_CONNECTION,
                                                     G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY
                                                       | G_PARAM_STATIC_STRINGS);
  /**
   * CpodClient:runtime:
   *
   * The engine.
   *
   * Since: 0.1
   */
  properties[PROP_RUNTIME] = g_param_spec_object ("runtime", NULL, NULL, CPOD_TYPE_RUNTIME, read);
  /**
   * CpodClient:images:
   *
   * The image store.
   *
   * Since: 0.1
   */
  properties[PROP_IMAGES] = g_param_spec_object ("images", NULL, NULL, CPOD_TYPE_IMAGES, read);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
  cpod_client_install_signals ();
}

static void
cpod_client_init (CpodClient *self)
{
  /* From here on, errors of the service are decoded into their domain. */
  (void) cpod_error_quark ();
}

/* Calls of no known length are what proxies are for, too: their callers cancel, they do not time out. */
static void
take_proxies (CpodClient  *self,
              CpodRuntime *runtime,
              CpodImages  *images)
{
  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (runtime), G_MAXINT);
  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (images), G_MAXINT);
  self->runtime = runtime;
  self->images = images;
}

static gboolean
make_proxies_sync (CpodClient    *self,
                   GCancellable  *cancellable,
                   GError       **error)
{
  const char *name = cpod_client_get_bus_name (self);
  g_autoptr(CpodRuntime) runtime = NULL;
  CpodImages *images;

  runtime = cpod_runtime_proxy_new_sync (self->connection, G_DBUS_PROXY_FLAGS_NONE, name, CPOD_PATH_RUNTIME,
                                         cancellable, error);
  if (runtime == NULL)
    return FALSE;

  images = cpod_images_proxy_new_sync (self->connection, G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES, name,
                                       CPOD_PATH_RUNTIME, cancellable, error);
  if (images == NULL)
    return FALSE;

  take_proxies (self, g_steal_pointer (&runtime), images);
  return TRUE;
}

static gboolean
cpod_client_initable_init (GInitable     *initable,
                           GCancellable  *cancellable,
                           GError       **error)
{
  CpodClient *self = CPOD_CLIENT (initable);

  if (self->connection == NULL)
    self->connection = cpod_connect_sync (self, cancellable, error);
  if (self->connection == NULL)
    return FALSE;

  if (self->flags & CPOD_CLIENT_FLAGS_NO_PROXIES)
    return TRUE;

  if (make_proxies_sync (self, cancellable, error))
    return TRUE;

  g_prefix_error (error, "failed to reach the service: ");
  return FALSE;
}

static void
initable_iface_init (GInitableIface *iface)
{
  iface->init = cpod_client_initable_init;
}

static void
fail_to_reach (GTask  *task,
               GError *error)
{
  g_prefix_error (&error, "failed to reach the service: ");
  g_task_return_error (task, error);
}

static void
images_ready (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  CpodClient *self = g_task_get_source_object (task);
  g_autoptr(GError) error = NULL;
  CpodImages *images;

  images = cpod_images_proxy_new_finish (result, &error);
  if (images == NULL)
    {
      fail_to_reach (task, g_steal_pointer (&error));
      return;
    }

  take_proxies (self, g_object_ref (g_task_get_task_data (task)), images);
  g_task_return_boolean (task, TRUE);
}

static void
runtime_ready (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  CpodClient *self = g_task_get_source_object (task);
  g_autoptr(GError) error = NULL;
  CpodRuntime *runtime;

  runtime = cpod_runtime_proxy_new_finish (result, &error);
  if (runtime == NULL)
    {
      fail_to_reach (task, g_steal_pointer (&error));
      return;
    }

  g_task_set_task_data (task, runtime, g_object_unref);
  cpod_images_proxy_new (self->connection, G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES,
                         cpod_client_get_bus_name (self), CPOD_PATH_RUNTIME,
                         g_task_get_cancellable (task), images_ready, g_object_ref (task));
}

static void
make_proxies (CpodClient *self,
              GTask      *task)
{
  if (self->flags & CPOD_CLIENT_FLAGS_NO_PROXIES)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  cpod_runtime_proxy_new (self->connection, G_DBUS_PROXY_FLAGS_NONE, cpod_client_get_bus_name (self),
                          CPOD_PATH_RUNTIME, g_task_get_cancellable (task), runtime_ready, g_object_ref (task));
}

static void
connection_ready (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  CpodClient *self = CPOD_CLIENT (source);
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;

  self->connection = cpod_connect_finish (self, result, &error);
  if (self->connection == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    make_proxies (self, task);
}

static void
cpod_client_init_async (GAsyncInitable      *initable,
                        int                  io_priority,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  CpodClient *self = CPOD_CLIENT (initable);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, cpod_client_init_async);
  if (self->connection != NULL)
    make_proxies (self, task);
  else
    cpod_connect (self, cancellable, connection_ready, g_steal_pointer (&task));
}

static gboolean
cpod_client_init_finish (GAsyncInitable  *initable,
                         GAsyncResult    *result,
                         GError         **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
async_initable_iface_init (GAsyncInitableIface *iface)
{
  iface->init_async = cpod_client_init_async;
  iface->init_finish = cpod_client_init_finish;
}

/**
 * cpod_client_get_connection:
 * @self: a client
 *
 * Gets the connection.
 *
 * Returns: (transfer none): the connection to the bus, or to the private service
 *
 * Since: 0.1
 */
GDBusConnection *
cpod_client_get_connection (CpodClient *self)
{
  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);

  return self->connection;
}

/**
 * cpod_client_get_bus_name:
 * @self: a client
 *
 * Gets the name to send messages to. There is none on a connection that is
 * no bus.
 *
 * Returns: (transfer none) (nullable): %CPOD_BUS_NAME, or %NULL on a private connection
 *
 * Since: 0.1
 */
const char *
cpod_client_get_bus_name (CpodClient *self)
{
  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);

  return g_dbus_connection_get_unique_name (self->connection) != NULL ? CPOD_BUS_NAME : NULL;
}

/**
 * cpod_client_get_runtime:
 * @self: a client
 *
 * Gets the engine.
 *
 * Returns: (transfer none) (nullable): its proxy; %NULL with %CPOD_CLIENT_FLAGS_NO_PROXIES
 *
 * Since: 0.1
 */
CpodRuntime *
cpod_client_get_runtime (CpodClient *self)
{
  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);

  return self->runtime;
}

/**
 * cpod_client_get_images:
 * @self: a client
 *
 * Gets the image store.
 *
 * Returns: (transfer none) (nullable): its proxy; %NULL with %CPOD_CLIENT_FLAGS_NO_PROXIES
 *
 * Since: 0.1
 */
CpodImages *
cpod_client_get_images (CpodClient *self)
{
  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);

  return self->images;
}

/**
 * cpod_client_get_namespace:
 * @self: a client
 *
 * Gets the namespace of the containers that the client has to do with.
 *
 * Returns: (transfer none) (nullable): the namespace, "" for all, or %NULL for what the engine's configuration says
 *
 * Since: 0.1
 */
const char *
cpod_client_get_namespace (CpodClient *self)
{
  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);

  return self->name_space;
}

/**
 * cpod_client_set_namespace:
 * @self: a client
 * @name_space: (nullable): a namespace, "" for all, or %NULL for what the engine's configuration says
 *
 * Sets the namespace of the containers that calls from now on have to do with.
 *
 * Since: 0.1
 */
void
cpod_client_set_namespace (CpodClient *self,
                           const char *name_space)
{
  g_return_if_fail (CPOD_IS_CLIENT (self));

  if (g_strcmp0 (self->name_space, name_space) == 0)
    return;

  g_free (self->name_space);
  self->name_space = g_strdup (name_space);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAMESPACE]);
}
