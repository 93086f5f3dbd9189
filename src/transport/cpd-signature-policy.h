/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "transport/cpd-image-source.h"

G_BEGIN_DECLS

#define CPD_SIGNATURE_POLICY "/etc/containers/policy.json"

typedef enum
{
  CPD_POLICY_ACCEPT,            /* whatever it is */
  CPD_POLICY_REJECT,
  CPD_POLICY_VERIFY,            /* signatures decide, and skopeo knows how to read them */
} CpdPolicyVerdict;

/* What the policy in the file PATH says of an image; NAME is its full name where TRANSPORT is a registry.
 * IMAGE_REJECTED when there is no such file, BAD_CONFIG. */
gboolean cpd_signature_policy_judge (const char        *path,
                                     CpdTransport       transport,
                                     const char        *name,
                                     CpdPolicyVerdict  *verdict,
                                     GError           **error);

G_END_DECLS
