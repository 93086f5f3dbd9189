/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libcpod/cpod.h"
#include "common/cpd-names.h" /* BAD: clients see the service only through the bus */
