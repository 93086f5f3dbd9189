/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What a registry wants before it answers: the header WWW-Authenticate (RFC 9110, 11.6.1). */
typedef struct
{
  gboolean bearer;              /* a token, else a name and a password */
  char *realm;                  /* (nullable) where tokens are had */
  char *service;                /* (nullable) */
} CpdRegistryChallenge;

/* FALSE when HEADER asks for neither. */
gboolean cpd_registry_challenge_parse (CpdRegistryChallenge  *challenge,
                                       const char            *header);
void     cpd_registry_challenge_clear (CpdRegistryChallenge  *challenge);
/* "user:password" for HOST in the text of an auth.json; NULL when it has none. */
char    *cpd_registry_find_login      (const char            *auth,
                                       const char            *host);
/* The path in a header Link (RFC 8288) whose relation is "next"; NULL when there is none, or when it leads elsewhere
 * than to HOST. */
char    *cpd_registry_next_page       (const char            *link,
                                       const char            *host);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdRegistryChallenge, cpd_registry_challenge_clear)

G_END_DECLS
