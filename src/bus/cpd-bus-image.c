/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-interface.h"
#include "cpod-generated.h"

static GVariant *
work_inspect (CpdBusCall *call, GError **error)
{
  g_autofree char *json = cpd_engine_inspect_image (cpd_bus_call_get_engine (call),
                                                    cpd_bus_call_get_object (call), error);

  return json != NULL ? g_variant_new ("(s)", json) : NULL;
}

static const CpdBusMethod methods[] = {
  { "Inspect", cpd_bus_no_options, FALSE, work_inspect },
  { NULL }
};

const CpdBusInterface cpd_bus_image_interface = { cpod_image_interface_info, methods };
