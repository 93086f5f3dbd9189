/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-engine.h"

CpdEngine *
test_engine_open (const char *root)
{
  g_autoptr(GError) error = NULL;
  CpdEngine *engine = cpd_engine_new (cpd_config_new (root, NULL), &error);

  g_assert_no_error (error);
  return engine;
}

void
test_engine_close (CpdEngine *engine)
{
  cpd_engine_shutdown (engine);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_finalize_object (engine);
}
