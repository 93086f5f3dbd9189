/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/* An engine with its state below ROOT. */
CpdEngine *test_engine_open  (const char *root);
/* Shuts it down, and nobody else has it. */
void       test_engine_close (CpdEngine  *engine);

G_END_DECLS
