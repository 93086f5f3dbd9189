/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-restart-policy.h"

#include <string.h>

#include "public/cpod-error.h"

#define FIRST_DELAY_MS 100u
#define LONGEST_DELAY_MS (60 * 1000u)

/* A run of this length counts as one that went well. */
#define GOOD_RUN_US (10 * G_USEC_PER_SEC)

static const char *const names[] = { "no", "on-failure", "always", "unless-stopped" };

gboolean
cpd_restart_policy_parse (const char *text, CpdRestartPolicy *policy, GError **error)
{
  const char *colon = strchr (text, ':');
  g_autofree char *name = colon != NULL ? g_strndup (text, (gsize) (colon - text)) : g_strdup (text);
  guint64 retries = 0;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i]) == 0
        && (colon == NULL
            || (i == CPD_RESTART_ON_FAILURE
                && g_ascii_string_to_unsigned (colon + 1, 10, 0, G_MAXINT32, &retries, NULL))))
      {
        policy->mode = (CpdRestartMode) i;
        policy->retries = (guint) retries;
        return TRUE;
      }
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%s' is no restart policy: there are no, on-failure[:RETRIES], always and"
               " unless-stopped", text);
  return FALSE;
}

char *
cpd_restart_policy_to_string (const CpdRestartPolicy *policy)
{
  if (policy->retries > 0)
    return g_strdup_printf ("%s:%u", names[policy->mode], policy->retries);
  return g_strdup (names[policy->mode]);
}

const char *
cpd_restart_policy_get_name (const CpdRestartPolicy *policy)
{
  return names[policy->mode];
}

gboolean
cpd_restart_policy_matches (const CpdRestartPolicy *policy, const CpdContainerStatus *status)
{
  if (status->stopped_by_user || status->started == 0)
    return FALSE;
  switch (policy->mode)
    {
    case CPD_RESTART_ON_FAILURE:
      return status->exit_code != 0 && (policy->retries == 0 || status->restarts < policy->retries);
    case CPD_RESTART_ALWAYS:
    case CPD_RESTART_UNLESS_STOPPED:
      return TRUE;
    case CPD_RESTART_NO:
    default:
      return FALSE;
    }
}

gboolean
cpd_restart_policy_outlasts_boot (const CpdRestartPolicy *policy)
{
  return policy->mode == CPD_RESTART_ALWAYS || policy->mode == CPD_RESTART_UNLESS_STOPPED;
}

/* One that was never started is not started by a reboot either. */
gboolean
cpd_restart_policy_matches_boot (const CpdRestartPolicy *policy, const CpdContainerStatus *status)
{
  if (status->started == 0)
    return FALSE;
  return policy->mode == CPD_RESTART_ALWAYS
         || (policy->mode == CPD_RESTART_UNLESS_STOPPED && !status->stopped_by_user);
}

guint
cpd_restart_policy_delay (const CpdContainerStatus *status)
{
  if (status->finished - status->started >= GOOD_RUN_US)
    return FIRST_DELAY_MS;
  return MIN (FIRST_DELAY_MS << MIN (status->restarts, 16u), LONGEST_DELAY_MS);
}
