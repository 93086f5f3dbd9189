/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"
#include "engine/images/cpd-image-list.h"

G_BEGIN_DECLS

/* The engine's rows as the bus shows them. All return floating values. */

/* a{sv}: the properties of the object. */
GVariant *cpd_bus_container_properties (const CpdContainerRow *row);
GVariant *cpd_bus_image_properties     (const CpdImageRow     *row);

/* a{sv}: an element of what the list methods return. */
GVariant *cpd_bus_image_fields         (const CpdListedImage  *image);
GVariant *cpd_bus_event_fields         (const CpdEventRow     *row);

char     *cpd_bus_container_path       (const char            *id);
char     *cpd_bus_image_path           (const char            *id);

G_END_DECLS
