/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-files.h"
#include "bus/cpd-bus-image-list.h"
#include "bus/cpd-bus-interface.h"
#include "bus/cpd-bus-storage.h"
#include "cpod-generated.h"

static GVariant *
work_inspect (CpdBusCall *call, GError **error)
{
  g_autofree char *json = cpd_engine_inspect_image (cpd_bus_call_get_engine (call),
                                                    cpd_bus_call_get_object (call), error);

  return json != NULL ? g_variant_new ("(s)", json) : NULL;
}

static GVariant *
reply_names (char **names)
{
  g_auto(GStrv) owned = names;

  return names != NULL ? g_variant_new ("(^as)", owned) : NULL;
}

static GVariant *
work_tag (CpdBusCall *call, GError **error)
{
  g_auto(GStrv) names = cpd_bus_call_get_strings (call, 0);

  return reply_names (cpd_engine_tag_image (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                            (const char *const *) names, cpd_bus_call_get_caller (call), error));
}

static GVariant *
work_untag (CpdBusCall *call, GError **error)
{
  g_auto(GStrv) names = cpd_bus_call_get_strings (call, 0);

  return reply_names (cpd_engine_untag_image (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                              (const char *const *) names, cpd_bus_call_get_caller (call), error));
}

static const CpdBusMethod methods[] = {
  { "Inspect", cpd_bus_no_options, FALSE, work_inspect },
  { "History", cpd_bus_no_options, FALSE, cpd_bus_work_history },
  { "ListLayers", cpd_bus_list_layers_options, FALSE, cpd_bus_work_list_layers },
  { "Tag", cpd_bus_no_options, TRUE, work_tag },
  { "Untag", cpd_bus_no_options, TRUE, work_untag },
  { "Diff", cpd_bus_no_options, FALSE, cpd_bus_work_diff_image },
  { "Mount", cpd_bus_no_options, TRUE, cpd_bus_work_mount_image },
  { "Unmount", cpd_bus_force_options, TRUE, cpd_bus_work_unmount_image },
  { NULL }
};

const CpdBusInterface cpd_bus_image_interface = { cpod_image_interface_info, methods };
