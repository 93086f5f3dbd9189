/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

G_BEGIN_DECLS

/* What moving images takes from the command line. */
typedef struct
{
  gboolean quiet;
  char *authfile;
  char *credentials;
  char *tls_verify;
  char *os;
  char *architecture;
  char *variant;
  char *platform;
  char *policy;
  char *name;
} CliTransferOptions;

void      cli_transfer_options_clear (CliTransferOptions        *self);
/* Adds "tls-verify", and what tells the platform. */
gboolean  cli_transfer_add_options   (const CliTransferOptions  *self,
                                      GVariantBuilder           *builder,
                                      GError                   **error);
/* Credentials for REFERENCE as in podman's auth.json, NULL without an error when there are none. */
char     *cli_transfer_credentials   (const CliTransferOptions  *self,
                                      const char                *reference,
                                      GError                   **error);
/* All that a question to a registry takes; CREDENTIALS are to be freed. */
gboolean  cli_transfer_prepare       (CliApp                    *app,
                                      const char                *name,
                                      const CliTransferOptions  *options,
                                      GVariantBuilder           *builder,
                                      char                     **credentials,
                                      GError                   **error);
/* A bar that writes itself over, for people only; NULL is no bar. */
CpodProgressCallback cli_transfer_bar (gboolean                  quiet);
void      cli_transfer_clear_bar     (gboolean                   quiet);

/* Pulls an image: its id. NAME (nullable) gets its full name, or its id if it has none. */
char     *cli_pull_image             (CliApp                    *app,
                                      const char                *reference,
                                      const CliTransferOptions  *options,
                                      char                     **name,
                                      GError                   **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliTransferOptions, cli_transfer_options_clear)

G_END_DECLS
