/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define CPD_REGISTRIES_CONF "/etc/containers/registries.conf"

/* A [[registry]] that is for a whole host; those of parts of one are skopeo's to follow. */
typedef struct
{
  char *prefix;                 /* (owned): "registry.example", or "*.example" */
  char *location;               /* (owned): the host that is really spoken to */
  gboolean insecure;
  gboolean blocked;
} CpdRegistryEntry;

/* What registries.conf and its drop-ins say of short names and of hosts. All else in it is skopeo's to follow. */
typedef struct
{
  char *path;                   /* (owned): the file, for messages */
  char **search;                /* (owned): registries for names without one */
  gboolean enforcing;           /* there is nobody to be asked which of several is meant */
  GHashTable *aliases;          /* (owned): short name → repository */
  GPtrArray *entries;           /* (owned): CpdRegistryEntry */
} CpdRegistries;

/* PATH and all *.conf in DIRECTORY, by name; neither has to be there. BAD_CONFIG. */
CpdRegistries *cpd_registries_load    (const char           *path,
                                       const char           *directory,
                                       GError              **error);
void           cpd_registries_free    (CpdRegistries        *registries);
/* The full names that NAME may stand for, in the order in which they are to be tried; one if it is full or has an
 * alias. INVALID_ARGUMENT when there is none. */
char         **cpd_registries_resolve (const CpdRegistries  *registries,
                                       const char           *name,
                                       GError              **error);
/* The host that is really spoken to when HOST is meant, and whether anybody may answer for it. IMAGE_REJECTED when it is
 * blocked. */
char          *cpd_registries_locate  (const CpdRegistries  *registries,
                                       const char           *host,
                                       gboolean             *insecure,
                                       GError              **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdRegistries, cpd_registries_free)

G_END_DECLS
