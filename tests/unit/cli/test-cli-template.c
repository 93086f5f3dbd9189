/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-json.h"
#include "cli/cli-template.h"

#define VALUE \
  "{\"ID\": \"abc\", \"State\": {\"Running\": true, \"Pid\": 7}, \"Names\": [\"a\", \"b\"]," \
  " \"Labels\": {\"k.x\": \"v\"}, \"None\": null, \"Empty\": []}"

static char *
render (const char  *text,
        GError     **error)
{
  g_autoptr(GVariant) value = cli_json_parse (VALUE, NULL);
  g_autoptr(CliTemplate) template = cli_template_new (text, error);
  g_autoptr(GString) out = g_string_new (NULL);

  g_assert_nonnull (value);
  if (template == NULL || !cli_template_render (template, value, out, error))
    return NULL;

  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
test_render (void)
{
  static const char *const cases[][2] = {
    { "plain", "plain" },
    { "{{.ID}} {{ .State.Pid }}\\t{{.State.Running}}", "abc 7\ttrue" },
    { "{{.Names}} {{.State}}", "[a b] map[Running:true Pid:7]" },
    { "{{json .}}", NULL },
    { "{{json .State}} {{json .Names}}", "{\"Running\":true,\"Pid\":7} [\"a\",\"b\"]" },
    { "{{len .Names}} {{len .ID}}", "2 3" },
    { "{{index .Labels \"k.x\"}}{{index .Labels \"none\"}} {{index .Names 1}}", "v b" },
    { "{{join .Names \", \"}} {{upper .ID}} {{lower \"X Y\"}}", "a, b ABC x y" },
    { "{{if .State.Running}}up{{else}}down{{end}}", "up" },
    { "{{if .Empty}}full{{else}}empty{{end}}", "empty" },
    { "{{range .Names}}<{{.}}>{{end}}", "<a><b>" },
    { "{{range .Labels}}{{.}}{{end}}", "v" },
    { "{{range .Empty}}x{{else}}none{{end}}", "none" },
    { "{{if .ID}}{{if .Empty}}a{{else}}b{{end}}{{end}}c", "bc" },
    { "{{.None}}", "<nil>" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autofree char *out = render (cases[i][0], &error);

      g_test_message ("%s", cases[i][0]);
      g_assert_no_error (error);
      if (cases[i][1] != NULL)
        g_assert_cmpstr (out, ==, cases[i][1]);
      else
        g_assert_true (g_str_has_prefix (out, "{\"ID\":\"abc\""));
    }
}

static void
test_bad (void)
{
  static const char *const bad[] = {
    "{{.ID", "{{}}", "{{.Nothing}}", "{{.ID.Sub}}", "{{frobnicate .ID}}", "{{if .ID}}", "{{end}}", "{{else}}",
    "{{index .Names 2}}", "{{range .ID}}{{end}}", "{{join .Names}}", "{{a b c d}}", "{{word}}", "{{if}}{{end}}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autofree char *out = render (bad[i], &error);

      g_test_message ("%s", bad[i]);
      g_assert_null (out);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
    }
}

static const char *
heading (const char *field)
{
  return g_str_equal (field, "ID") ? "CONTAINER ID" : NULL;
}

static void
test_header (void)
{
  g_autoptr(CliTemplate) template = cli_template_new ("{{.ID}}\\t{{.Names}} {{json .Labels}}", NULL);
  g_autofree char *header = cli_template_header (template, heading);

  g_assert_cmpstr (header, ==, "CONTAINER ID\tNAMES LABELS");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/template/render", test_render);
  g_test_add_func ("/cli/template/bad", test_bad);
  g_test_add_func ("/cli/template/header", test_header);
  return g_test_run ();
}
