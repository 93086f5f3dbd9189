/* SPDX-License-Identifier: LGPL-2.1-or-later */
static const char *texts[] = {
  N_ ("translated"),
  N_ ("forgotten"), /* BAD */
  N_ ("empty: B" "AD"),
  N_ ("guessed: B" "AD"),
};
