/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#define CPD_GOOD 1
#define MAX_THINGS 1 /* BAD */
typedef struct
{
  int x;
} Thing; /* BAD */
typedef struct _CpodThing CpodThing; /* BAD */
