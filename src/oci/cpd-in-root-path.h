/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/* What a path leads to for those who have a certain directory for their root: never a symbolic link. */
typedef struct
{
  int parent;                   /* (owned) the directory that it is in */
  char *base;                   /* (owned) its name there; "." for that directory itself */
  char *path;                   /* (owned) absolute, by way of the links that were followed */
  struct stat info;
} CpdInRootPath;

/* 0, or a value of errno. */
int  cpd_in_root_path_find  (int             root,
                             const char     *path,
                             CpdInRootPath  *found);
void cpd_in_root_path_clear (CpdInRootPath  *found);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdInRootPath, cpd_in_root_path_clear)

G_END_DECLS
