/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-options.h"

G_BEGIN_DECLS

/* Limits of a container's cgroup, which can be given when it is created and afterwards. */
#define CPD_BUS_RESOURCE_OPTIONS \
  { "memory", G_VARIANT_TYPE_INT64 }, \
  { "memory-swap", G_VARIANT_TYPE_INT64 }, \
  { "memory-reservation", G_VARIANT_TYPE_INT64 }, \
  { "memory-swappiness", G_VARIANT_TYPE_INT64 }, \
  { "cpus", G_VARIANT_TYPE_DOUBLE }, \
  { "cpu-shares", G_VARIANT_TYPE_INT64 }, \
  { "cpu-quota", G_VARIANT_TYPE_INT64 }, \
  { "cpu-period", G_VARIANT_TYPE_INT64 }, \
  { "cpuset-cpus", G_VARIANT_TYPE_STRING }, \
  { "cpuset-mems", G_VARIANT_TYPE_STRING }, \
  { "blkio-weight", G_VARIANT_TYPE_INT64 }, \
  { "pids-limit", G_VARIANT_TYPE_INT64 }

/* Of org.cpod.Cpod1.Runtime.Create(). */
extern const CpdBusOption cpd_bus_create_options[];

/* Checks of options that others share. */
gboolean cpd_bus_check_env     (GVariant  *value,
                                GError   **error);
gboolean cpd_bus_check_workdir (GVariant  *value,
                                GError   **error);

G_END_DECLS
