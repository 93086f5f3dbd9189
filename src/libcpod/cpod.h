/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cpod-client.h"
#include "cpod-container-list.h"
#include "cpod-enum-types.h"
#include "cpod-error.h"
#include "cpod-generated.h"
#include "cpod-log-reader.h"
#include "cpod-names.h"
#include "cpod-size.h"
#include "cpod-stream.h"
#include "cpod-types.h"

