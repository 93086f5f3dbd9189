/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <glib.h>
#include "engine/cpd-other.h"
gboolean cpd_good (CpdOther *other);
