/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-template.h"

#include <glib/gi18n.h>
#include <string.h>

#include "cli/cli-json.h"

/* The text is cut into pieces once: what is copied, and what stands between
 * the double braces, as its words. Blocks are walked by index. */

typedef struct
{
  char *text;                   /* (nullable): to be copied, or else ... */
  char **words;                 /* (nullable): ... what to do */
} Piece;

struct _CliTemplate
{
  GPtrArray *pieces;
};

static void
piece_free (Piece *piece)
{
  g_free (piece->text);
  g_strfreev (piece->words);
  g_free (piece);
}

void
cli_template_free (CliTemplate *self)
{
  if (self == NULL)
    return;

  g_ptr_array_unref (self->pieces);
  g_free (self);
}

static gpointer
fail (GError     **error,
      const char  *what,
      const char  *where)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, _("template: %s: %s"), where, _(what));
  return NULL;
}

/* The words of an action: blanks divide them but within double quotes, which stay on. */
static char **
split_words (const char *text)
{
  g_autoptr(GPtrArray) words = g_ptr_array_new ();
  const char *p = text;

  while (*(p += strspn (p, " \t\n")) != '\0')
    {
      const char *start = p;

      if (*p == '"')
        {
          for (p++; *p != '"' && *p != '\0'; p++)
            if (*p == '\\' && p[1] != '\0')
              p++;
          if (*p == '"')
            p++;
        }
      else
        p += strcspn (p, " \t\n");

      g_ptr_array_add (words, g_strndup (start, p - start));
    }

  g_ptr_array_add (words, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&words), FALSE);
}

static void
add_piece (CliTemplate  *self,
           char         *text,
           char        **words)
{
  Piece *piece = g_new0 (Piece, 1);

  piece->text = text;
  piece->words = words;
  g_ptr_array_add (self->pieces, piece);
}

static gboolean
is_block (const Piece *piece)
{
  return piece->words != NULL
         && (g_str_equal (piece->words[0], "if") || g_str_equal (piece->words[0], "range"));
}

static gboolean
is_word (const Piece *piece,
         const char  *word)
{
  return piece->words != NULL && g_str_equal (piece->words[0], word);
}

/* Index of the "else" or "end" that belongs to the block begun before FROM; the number of pieces when there is none. */
static guint
find_end (CliTemplate *self,
          guint        from,
          gboolean     stop_at_else)
{
  guint depth = 0;
  guint i;

  for (i = from; i < self->pieces->len; i++)
    {
      const Piece *piece = self->pieces->pdata[i];

      if (depth == 0 && (is_word (piece, "end") || (stop_at_else && is_word (piece, "else"))))
        break;
      if (is_block (piece))
        depth++;
      else if (is_word (piece, "end"))
        depth--;
    }

  return i;
}

static gboolean
check_blocks (CliTemplate  *self,
              GError      **error)
{
  guint depth = 0;

  for (guint i = 0; i < self->pieces->len; i++)
    {
      const Piece *piece = self->pieces->pdata[i];

      if (is_block (piece))
        depth++;
      else if ((is_word (piece, "end") || is_word (piece, "else")) && depth == 0)
        return fail (error, N_("unexpected"), piece->words[0]) != NULL;
      else if (is_word (piece, "end"))
        depth--;
    }

  return depth == 0 || fail (error, N_("a block without end"), "{{end}}") != NULL;
}

CliTemplate *
cli_template_new (const char  *text,
                  GError     **error)
{
  g_autoptr(CliTemplate) self = g_new0 (CliTemplate, 1);
  const char *p = text;
  const char *open;

  self->pieces = g_ptr_array_new_with_free_func ((GDestroyNotify) piece_free);
  while ((open = strstr (p, "{{")) != NULL)
    {
      const char *end = strstr (open, "}}");
      g_autofree char *copied = g_strndup (p, open - p);
      g_autofree char *action = NULL;
      char **words;

      if (end == NULL)
        return fail (error, N_("unclosed action"), open);

      action = g_strndup (open + 2, end - open - 2);
      words = split_words (action);
      add_piece (self, g_strcompress (copied), NULL);
      add_piece (self, NULL, words);
      if (words[0] == NULL)
        return fail (error, N_("missing value for command"), "{{}}");

      p = end + 2;
    }

  add_piece (self, g_strcompress (p), NULL);
  return check_blocks (self, error) ? g_steal_pointer (&self) : NULL;
}

/* The value of a word: ".", a path of fields, a string or a number. */
static GVariant *
evaluate (GVariant    *value,
          const char  *word,
          GError     **error)
{
  g_autoptr(GVariant) found = g_variant_ref (value);
  g_auto(GStrv) fields = NULL;

  if (word[0] == '"')
    {
      g_autofree char *text = g_strndup (word + 1, MAX (strlen (word), 2) - 2);
      g_autofree char *plain = g_strcompress (text);

      return g_variant_ref_sink (g_variant_new_string (plain));
    }

  if (g_ascii_isdigit (word[0]))
    return g_variant_ref_sink (g_variant_new_int64 (g_ascii_strtoll (word, NULL, 10)));
  if (word[0] != '.')
    return fail (error, N_("function or value not known"), word);

  fields = g_strsplit (word + 1, ".", -1);
  for (char **field = fields; *field != NULL && word[1] != '\0'; field++)
    {
      GVariant *next = cli_value_get (found, *field);

      if (next == NULL)
        return fail (error, N_("can't evaluate field"), word);

      g_variant_unref (found);
      found = next;
    }

  return g_steal_pointer (&found);
}

static GVariant *
take_child (GVariant *list,
            gsize     index)
{
  g_autoptr(GVariant) child = g_variant_get_child_value (list, index);

  return g_variant_is_of_type (child, G_VARIANT_TYPE_VARIANT) ? g_variant_get_variant (child)
                                                              : g_steal_pointer (&child);
}

static gsize
length_of (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return strlen (g_variant_get_string (value, NULL));

  return g_variant_is_container (value) ? g_variant_n_children (value) : 0;
}

static gboolean
is_true (GVariant *value)
{
  g_autofree char *text = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) || g_variant_is_container (value))
    return length_of (value) > 0;

  text = g_variant_print (value, FALSE);
  return !g_str_equal (text, "0") && !g_str_equal (text, "false") && !g_str_equal (text, "0.0");
}

static gboolean
apply_index (GVariant  *value,
             GVariant  *key,
             GString   *out,
             GError   **error)
{
  g_autoptr(GVariant) found = NULL;

  if (g_variant_is_of_type (key, G_VARIANT_TYPE_STRING))
    found = cli_value_get (value, g_variant_get_string (key, NULL));
  else if (g_variant_is_of_type (key, G_VARIANT_TYPE_INT64)
           && (gsize) g_variant_get_int64 (key) < length_of (value)
           && g_variant_is_of_type (value, G_VARIANT_TYPE_ARRAY))
    found = take_child (value, g_variant_get_int64 (key));
  else
    return fail (error, N_("index out of range"), "index") != NULL;

  /* A key that a map lacks gives its zero value. */
  if (found != NULL)
    cli_value_print (found, out);
  return TRUE;
}

static void
apply_join (GVariant *value,
            GVariant *separator,
            GString  *out)
{
  for (gsize i = 0; g_variant_is_of_type (value, G_VARIANT_TYPE_ARRAY) && i < g_variant_n_children (value); i++)
    {
      g_autoptr(GVariant) child = take_child (value, i);

      if (i > 0)
        cli_value_print (separator, out);
      cli_value_print (child, out);
    }
}

static gboolean
apply_two (const char  *function,
           GVariant    *value,
           GVariant    *second,
           GString     *out,
           GError     **error)
{
  if (g_str_equal (function, "index"))
    return apply_index (value, second, out, error);
  if (!g_str_equal (function, "join"))
    return fail (error, N_("function not known, or too many arguments"), function) != NULL;

  apply_join (value, second, out);
  return TRUE;
}

static gboolean
apply (const char  *function,
       GVariant    *value,
       GString     *out,
       GError     **error)
{
  g_autoptr(GString) plain = g_string_new (NULL);
  g_autofree char *text = NULL;

  cli_value_print (value, plain);
  if (g_str_equal (function, "json"))
    text = cli_json_print (value, FALSE);
  else if (g_str_equal (function, "len"))
    text = g_strdup_printf ("%" G_GSIZE_FORMAT, length_of (value));
  else if (g_str_equal (function, "upper"))
    text = g_utf8_strup (plain->str, -1);
  else if (g_str_equal (function, "lower"))
    text = g_utf8_strdown (plain->str, -1);
  else
    return fail (error, N_("function not known, or too few arguments"), function) != NULL;

  g_string_append (out, text);
  return TRUE;
}

static gboolean
render_action (const Piece  *piece,
               GVariant     *value,
               GString      *out,
               GError      **error)
{
  const guint n = g_strv_length (piece->words);
  g_autoptr(GVariant) first = NULL;
  g_autoptr(GVariant) second = NULL;

  if (n > 3)
    return fail (error, N_("too many words"), piece->words[0]) != NULL;

  first = evaluate (value, piece->words[n == 1 ? 0 : 1], error);
  if (first == NULL)
    return FALSE;

  if (n == 1)
    {
      cli_value_print (first, out);
      return TRUE;
    }

  if (n == 2)
    return apply (piece->words[0], first, out, error);

  second = evaluate (value, piece->words[2], error);
  return second != NULL && apply_two (piece->words[0], first, second, out, error);
}

static gboolean render (CliTemplate *self, guint from, guint to, GVariant *value, GString *out, GError **error);

static gboolean
render_each (CliTemplate  *self,
             guint         from,
             guint         to,
             GVariant     *list,
             GString      *out,
             GError      **error)
{
  const gboolean map = g_variant_is_of_type (list, G_VARIANT_TYPE_DICTIONARY);

  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr(GVariant) child = take_child (list, i);
      g_autoptr(GVariant) member = map ? take_child (child, 1) : g_variant_ref (child);

      if (!render (self, from, to, member, out, error))
        return FALSE;
    }

  return TRUE;
}

/* Renders the block at index START and gives the index of its "end", 0 on an error. */
static guint
render_block (CliTemplate  *self,
              guint         start,
              GVariant     *value,
              GString      *out,
              GError      **error)
{
  const Piece *piece = self->pieces->pdata[start];
  const guint middle = find_end (self, start + 1, TRUE);
  const guint end = find_end (self, start + 1, FALSE);
  g_autoptr(GVariant) subject = NULL;
  gboolean ok;

  if (g_strv_length (piece->words) != 2)
    return GPOINTER_TO_UINT (fail (error, N_("needs one value"), piece->words[0]));

  subject = evaluate (value, piece->words[1], error);
  if (subject == NULL)
    return 0;

  if (!is_true (subject))
    ok = middle == end || render (self, middle + 1, end, value, out, error);
  else if (g_str_equal (piece->words[0], "if"))
    ok = render (self, start + 1, middle, value, out, error);
  else if (g_variant_is_of_type (subject, G_VARIANT_TYPE_ARRAY))
    ok = render_each (self, start + 1, middle, subject, out, error);
  else
    ok = fail (error, N_("range can't iterate over"), piece->words[1]) != NULL;

  return ok ? end : 0;
}

static gboolean
render (CliTemplate  *self,
        guint         from,
        guint         to,
        GVariant     *value,
        GString      *out,
        GError      **error)
{
  for (guint i = from; i < to; i++)
    {
      const Piece *piece = self->pieces->pdata[i];

      if (piece->text != NULL)
        g_string_append (out, piece->text);
      else if (is_block (piece))
        {
          i = render_block (self, i, value, out, error);
          if (i == 0)
            return FALSE;
        }
      else if (!render_action (piece, value, out, error))
        return FALSE;
    }

  return TRUE;
}

gboolean
cli_template_render (CliTemplate  *self,
                     GVariant     *value,
                     GString      *out,
                     GError      **error)
{
  return render (self, 0, self->pieces->len, value, out, error);
}

char *
cli_template_header (CliTemplate  *self,
                     const char *(*heading) (const char *field))
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < self->pieces->len; i++)
    {
      const Piece *piece = self->pieces->pdata[i];
      const char *word = piece->words != NULL ? piece->words[g_strv_length (piece->words) > 1] : NULL;
      g_autofree char *upper = word != NULL ? g_utf8_strup (word + 1, -1) : NULL;
      const char *known = word != NULL ? heading (word + 1) : NULL;

      if (word == NULL)
        g_string_append (out, piece->text);
      else if (word[0] == '.')
        g_string_append (out, known != NULL ? known : upper);
    }

  return g_string_free (out, FALSE);
}
