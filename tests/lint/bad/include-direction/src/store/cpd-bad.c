/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fs.h"
#include "store/cpd-store.h"
#include "engine/cpd-engine.h" /* BAD: upwards */
#include "../oci/cpd-reference.h" /* BAD: round the corner */
#include "cpod-generated.h" /* BAD: the store knows no D-Bus */
