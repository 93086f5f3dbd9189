/* BAD SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
gboolean cpd_bad (void);
