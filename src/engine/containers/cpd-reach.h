/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/containers/cpd-container-config.h"
#include "engine/cpd-engine.h"
#include "store/cpd-grant.h"

G_BEGIN_DECLS

/*
 * How far a request, or what runs in a container, reaches into the host: words
 * "key" or "key=value", such as "privileged" or "network=host". None for what
 * the kernel confines. What nobody has judged counts as reaching.
 */

/* Whether somebody has said how far option KEY of Create() reaches. */
gboolean     cpd_reach_is_judged            (const char               *key);

/* What an authorization is about. */
typedef struct
{
  CpdContainerRow *container;   /* (owned) (nullable) */
  char *image;                  /* (owned) (nullable): as it was named */
  char *command;                /* (owned) (nullable): of the new process, quoted as for a shell */
  CpdGrant *grant;              /* (owned) */
} CpdSubject;

void         cpd_subject_free               (CpdSubject               *subject);

/* The same errors as the act itself; nothing is changed. */
CpdSubject  *cpd_engine_subject_of_create    (CpdEngine                *engine,
                                             const char               *image,
                                             GVariant                 *options,
                                             const CpdCaller          *caller,
                                             GError                  **error);
/* Of the container itself, and of a process in it. COMMAND may be NULL. */
CpdSubject  *cpd_engine_subject_of_container (CpdEngine                *engine,
                                             const char               *id,
                                             const char *const        *command,
                                             gboolean                  privileged,
                                             GError                  **error);
CpdSubject  *cpd_engine_subject_of_exec      (CpdEngine                *engine,
                                             const char               *id,
                                             GError                  **error);
CpdSubject  *cpd_engine_subject_of_image     (CpdEngine                *engine,
                                             const char               *name_or_id,
                                             GError                  **error);

/* Of a process in a container, and of a new container that is to be ROW's. */
char       **cpd_engine_exec_reach           (CpdEngine                *engine,
                                             const CpdContainerConfig *config,
                                             gboolean                  privileged);
char       **cpd_engine_create_reach         (CpdEngine                *engine,
                                             const CpdContainerConfig *config,
                                             char                    **depends,
                                             GVariant                 *options,
                                             const CpdCaller          *caller);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdSubject, cpd_subject_free)

G_END_DECLS
