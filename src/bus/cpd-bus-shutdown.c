/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-shutdown.h"

#include "bus/cpd-bus-call.h"

const CpdBusOption cpd_bus_shutdown_options[] = {
  { "force", G_VARIANT_TYPE_BOOLEAN },
  { "timeout", G_VARIANT_TYPE_UINT32 },
  { NULL }
};

/* RESULT: of CpdStopped, or NULL when none had to be stopped. */
static GVariant *
build_reply (GPtrArray *result)
{
  GVariantBuilder stopped = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_STRING_ARRAY);
  GVariantBuilder errors = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));

  for (guint i = 0; result != NULL && i < result->len; i++)
    {
      const CpdStopped *one = result->pdata[i];

      if (one->error == NULL)
        g_variant_builder_add (&stopped, "s", one->id);
      else
        g_variant_builder_add (&errors, "{ss}", one->id, one->error->message);
    }
  return g_variant_new ("(asa{ss})", &stopped, &errors);
}

/* In a thread of its own: the others may all wait for containers to end. */
static GVariant *
work_stop_all (CpdBusCall *call, GError **error)
{
  gint64 timeout = cpd_bus_options_get_uint32 (cpd_bus_call_get_options (call), "timeout", -1);
  g_autoptr(GPtrArray) result = cpd_engine_stop_all (cpd_bus_call_get_engine (call), timeout,
                                                     cpd_bus_call_get_caller (call), error);

  return result != NULL ? build_reply (result) : NULL;
}

void
cpd_bus_start_shutdown (CpdBusCall *call)
{
  gboolean force = cpd_bus_options_get_boolean (cpd_bus_call_get_options (call), "force", FALSE);

  cpd_bus_call_end_service (call);
  if (force)
    cpd_bus_call_work_last (call, work_stop_all);
  else
    cpd_bus_call_return (call, build_reply (NULL), NULL);
}
