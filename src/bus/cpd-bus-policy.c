/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-policy.h"

#include <string.h>

#include "engine/containers/cpd-reach.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

#define ACTION_READ CPOD_BUS_NAME ".read"
#define ACTION_INSPECT CPOD_BUS_NAME ".inspect"
#define ACTION_MANAGE CPOD_BUS_NAME ".manage"
#define ACTION_MANAGE_OWN CPOD_BUS_NAME ".manage-own"
#define ACTION_CREATE CPOD_BUS_NAME ".create"
#define ACTION_CREATE_HOST CPOD_BUS_NAME ".create-host"
#define ACTION_EXEC CPOD_BUS_NAME ".exec"
#define ACTION_EXEC_HOST CPOD_BUS_NAME ".exec-host"

/* What prompts call something that is not one object; no name is like that. */
#define ALL "*"

/* A prompt is no place for books. */
#define TEXT_MAX 2000

static gboolean
is_method (CpdBusCall *call, const char *interface, const char *method)
{
  return strcmp (cpd_bus_call_get_interface (call), interface) == 0
         && (method == NULL || strcmp (cpd_bus_call_get_method (call)->name, method) == 0);
}

static CpdSubject *
find_container (CpdBusCall *call, GError **error)
{
  CpdEngine *engine = cpd_bus_call_get_engine (call);
  g_autofree char *namespace = cpd_engine_choose_namespace (engine, cpd_bus_call_get_options (call));
  g_autofree char *id = cpd_engine_find_container (engine, cpd_bus_call_get_string (call, 0), namespace, error);

  return id != NULL ? cpd_engine_subject_of_container (engine, id, NULL, FALSE, error) : NULL;
}

static CpdSubject *
find_process (CpdBusCall *call, GError **error)
{
  g_auto(GStrv) command = is_method (call, "Container", "Exec") ? cpd_bus_call_get_strings (call, 0) : NULL;
  gboolean privileged = cpd_bus_options_get_boolean (cpd_bus_call_get_options (call), "privileged", FALSE);

  return cpd_engine_subject_of_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                          (const char *const *) command, privileged, error);
}

/* NULL without an error for what is about no container and no image that there is. */
static CpdSubject *
find_subject (CpdBusCall *call, const char *action, GError **error)
{
  CpdEngine *engine = cpd_bus_call_get_engine (call);
  const char *object = cpd_bus_call_get_object (call);

  if (strcmp (action, ACTION_READ) == 0)
    return NULL;
  if (is_method (call, "Container", NULL))
    return find_process (call, error);
  if (is_method (call, "Exec", NULL))
    return cpd_engine_subject_of_exec (engine, object, error);
  if (is_method (call, "Image", NULL))
    return cpd_engine_subject_of_image (engine, object, error);
  if (is_method (call, "Images", "RemoveImage") || is_method (call, "Images", "Push"))
    return cpd_engine_subject_of_image (engine, cpd_bus_call_get_string (call, 0), error);
  if (is_method (call, "Runtime", "Create"))
    return cpd_engine_subject_of_create (engine, cpd_bus_call_get_string (call, 0), cpd_bus_call_get_options (call),
                                         cpd_bus_call_get_caller (call), error);
  if (is_method (call, "Runtime", "Remove") || is_method (call, "Runtime", "Rename")
      || is_method (call, "Runtime", "Evict"))
    return find_container (call, error);
  return NULL;
}

/* Neither controls, of terminals among them, nor what turns the direction of text around, or hides it. */
static char *
plain_text (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *plain = g_string_new (NULL);

  for (const char *c = valid; *c != '\0'; c = g_utf8_next_char (c))
    {
      const gunichar character = g_utf8_get_char (c);
      const GUnicodeType type = g_unichar_type (character);

      g_string_append_unichar (plain, g_unichar_isprint (character) && type != G_UNICODE_LINE_SEPARATOR
                                      && type != G_UNICODE_PARAGRAPH_SEPARATOR ? character : '?');
    }
  return g_string_free (plain, FALSE);
}

/* A prompt is one line, and not of the caller's making. */
static void
add (GVariantBuilder *details, const char *key, const char *value)
{
  g_autofree char *text = NULL, *shown = NULL;

  if (value == NULL)
    return;
  if (strlen (value) <= TEXT_MAX)
    text = g_strdup (value);
  else
    text = g_strdup_printf ("%.*s…", (int) (g_utf8_find_prev_char (value, value + TEXT_MAX) - value), value);
  shown = plain_text (text);
  g_variant_builder_add (details, "{ss}", key, shown);
}

/* "reach" has all, "reach.KEY" the values of one key. */
static void
add_reach (GVariantBuilder *details, char **reach)
{
  g_autoptr(GHashTable) by_key = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *all = reach != NULL ? g_strjoinv (" ", reach) : g_strdup ("");
  GHashTableIter iter;
  gpointer key, value;

  add (details, "reach", all);
  for (char **word = reach; word != NULL && *word != NULL; word++)
    {
      const char *equals = strchr (*word, '=');
      g_autofree char *name = g_strdup_printf ("reach.%.*s", (int) (equals != NULL ? equals - *word : (int) strlen (*word)),
                                               *word);
      const char *before = g_hash_table_lookup (by_key, name);
      char *joined = g_strjoin (before != NULL ? " " : "", before != NULL ? before : "",
                                equals != NULL ? equals + 1 : "yes", NULL);

      g_hash_table_insert (by_key, g_steal_pointer (&name), joined);
    }
  g_hash_table_iter_init (&iter, by_key);
  while (g_hash_table_iter_next (&iter, &key, &value))
    add (details, key, value);
}

/* What the arguments name where there is nothing yet, or not one thing. */
static void
add_arguments (GVariantBuilder *details, CpdBusCall *call)
{
  static const struct { const char *argument, *detail; } known[] = {
    { "reference", "image" }, { "repository", "image" }, { "images", "image" }, { "destination", "destination" },
    { "new_name", "new-name" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    {
      g_autofree char *text = cpd_bus_call_get_argument (call, known[i].argument);

      add (details, known[i].detail, text);
    }
}

static const char *
bool_text (gboolean value)
{
  return value ? "yes" : "no";
}

static gboolean
is_own (CpdBusCall *call, const CpdSubject *subject)
{
  return subject != NULL && subject->container != NULL
         && subject->container->owner_uid == cpd_bus_call_get_caller (call)->uid;
}

static void
add_container (GVariantBuilder *details, CpdBusCall *call, const CpdSubject *subject)
{
  const CpdContainerRow *row = subject->container;
  g_autofree char *uid = g_strdup_printf ("%u", row->owner_uid);

  add (details, "id", row->id);
  add (details, "name", row->name);
  add (details, "namespace", cpd_container_row_namespace (row));
  add (details, "owner-uid", uid);
  add (details, "own", bool_text (is_own (call, subject)));
  add (details, "image-id", row->image_id);
}

/* "name" and "image" are always there, for prompts. */
static GVariant *
build_details (CpdBusCall *call, const CpdSubject *subject)
{
  GVariantBuilder details = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  g_autofree char *method = g_strconcat (cpd_bus_call_get_interface (call), ".", cpd_bus_call_get_method (call)->name,
                                         NULL);
  g_autofree char *name = cpd_bus_options_get_string (cpd_bus_call_get_options (call), "name");
  g_autofree char *argument = cpd_bus_call_get_argument (call, "container");

  add (&details, "method", method);
  add_arguments (&details, call);
  if (subject == NULL || subject->container == NULL)
    add (&details, "name", name != NULL ? name : argument != NULL ? argument : ALL);
  if (subject != NULL)
    {
      add (&details, "image", subject->image);
      add (&details, "command", subject->command);
      add_reach (&details, subject->grant->reach);
    }
  if (subject != NULL && subject->container != NULL)
    add_container (&details, call, subject);
  else if (subject != NULL)
    add (&details, "image-id", subject->grant->image_id);
  return g_variant_builder_end (&details);
}

static gboolean
has_option (CpdBusCall *call, const char *key)
{
  g_autoptr(GVariant) value = g_variant_lookup_value (cpd_bus_call_get_options (call), key, NULL);

  return value != NULL;
}

/* Replies that are for all who may read, but for some of what is in them. */
static gboolean
has_secrets (CpdBusCall *call)
{
  g_auto(GStrv) fields = NULL;

  if (is_method (call, "Runtime", "GetEvents"))
    return TRUE;
  if (!is_method (call, "Runtime", "ListContainers"))
    return FALSE;
  fields = cpd_bus_options_get_strings (cpd_bus_call_get_options (call), "fields");
  return fields != NULL && (g_strv_contains ((const char *const *) fields, "command")
                            || g_strv_contains ((const char *const *) fields, "labels"));
}

/* Containers that depend on one may be anybody's; who may look for labels can find out what they are. */
static const char *
refine (CpdBusCall *call, const char *action, const CpdSubject *subject)
{
  gboolean own = is_own (call, subject);
  gboolean reaches = subject != NULL && subject->grant->reach != NULL && subject->grant->reach[0] != NULL;

  if (strcmp (action, ACTION_READ) == 0)
    return is_method (call, "Runtime", NULL) && has_option (call, "label") ? ACTION_INSPECT : action;
  if (strcmp (action, ACTION_CREATE) == 0)
    return reaches ? ACTION_CREATE_HOST : action;
  if (strcmp (action, ACTION_EXEC) == 0 && reaches
      && !(is_method (call, "Container", "Attach")
           && cpd_bus_peer_has_made (cpd_bus_call_get_peer (call), subject->container->id)))
    return ACTION_EXEC_HOST;
  if (strcmp (action, ACTION_EXEC) == 0)
    return own ? ACTION_MANAGE_OWN : action;
  if (strcmp (action, ACTION_MANAGE) == 0 && own
      && !cpd_bus_options_get_boolean (cpd_bus_call_get_options (call), "depend", FALSE))
    return ACTION_MANAGE_OWN;
  return action;
}

static void
ask (GPtrArray *questions, CpdBusCall *call, const char *action, const CpdSubject *subject)
{
  g_ptr_array_add (questions, cpd_bus_question_new (refine (call, action, subject), build_details (call, subject)));
}

GPtrArray *
cpd_bus_policy_plan (CpdBusCall *call, CpdGrant **grant, GError **error)
{
  g_autoptr(GPtrArray) questions = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_bus_question_free);
  const char *action = cpd_bus_call_get_action (call);
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdSubject) subject = NULL;

  /* The session was authorized as a whole, command and all, when this caller created it. */
  if (is_method (call, "Exec", NULL)
      && cpd_bus_peer_has_made (cpd_bus_call_get_peer (call), cpd_bus_call_get_object (call)))
    return g_steal_pointer (&questions);

  subject = find_subject (call, action, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  ask (questions, call, action, subject);
  if (is_method (call, "Container", "Commit"))  /* reads all that is in the container */
    ask (questions, call, ACTION_MANAGE, subject);
  if (is_method (call, "Images", "RemoveImage")
      && cpd_bus_options_get_boolean (cpd_bus_call_get_options (call), "force", FALSE))
    ask (questions, call, ACTION_MANAGE, subject);      /* removes containers, too */
  *grant = subject != NULL ? g_steal_pointer (&subject->grant) : g_new0 (CpdGrant, 1);
  if (has_secrets (call))
    {
      ask (questions, call, ACTION_INSPECT, NULL);
      ((CpdBusQuestion *) questions->pdata[questions->len - 1])->optional = TRUE;
    }
  return g_steal_pointer (&questions);
}

gboolean
cpd_bus_policy_shows_secrets (CpdBusCall *call)
{
  const CpdGrant *grant = cpd_bus_call_get_caller (call)->grant;

  return grant == NULL || grant->secrets;
}

GPtrArray *
cpd_bus_policy_plan_read (CpdBusCall *call)
{
  GPtrArray *questions = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_bus_question_free);

  ask (questions, call, ACTION_READ, NULL);
  return questions;
}
