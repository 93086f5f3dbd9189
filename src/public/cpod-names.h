/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:cpod-names
 * @title: Names on the bus
 * @short_description: bus name, interfaces and object paths
 *
 * The names that both sides of the bus use.
 */

/**
 * CPOD_BUS_NAME:
 *
 * Well-known name of the service, on the system bus, and on the session bus
 * for a user's own engine.
 *
 * Since: 0.1
 */
#define CPOD_BUS_NAME "org.cpod.Cpod1"

/**
 * CPOD_PATH_RUNTIME:
 *
 * Object path of the engine.
 *
 * Since: 0.1
 */
#define CPOD_PATH_RUNTIME "/org/cpod/Cpod1/Runtime"

/**
 * CPOD_PATH_CONTAINERS:
 *
 * Object path of the manager of all containers, and what the path of each
 * container begins with.
 *
 * Since: 0.1
 */
#define CPOD_PATH_CONTAINERS "/org/cpod/Cpod1/containers"

/**
 * CPOD_PATH_IMAGES:
 *
 * Object path of the manager of all images, and what the path of each image
 * begins with.
 *
 * Since: 0.1
 */
#define CPOD_PATH_IMAGES "/org/cpod/Cpod1/images"

/**
 * CPOD_PATH_EXECS:
 *
 * What the path of each exec session begins with.
 *
 * Since: 0.1
 */
#define CPOD_PATH_EXECS "/org/cpod/Cpod1/execs"

/**
 * CPOD_PATH_JOBS:
 *
 * What the path of each job begins with.
 *
 * Since: 0.1
 */
#define CPOD_PATH_JOBS "/org/cpod/Cpod1/jobs"

/**
 * CPOD_ANNOTATION_ACTION:
 *
 * Annotation of a method in the interface files: the polkit action that a
 * caller must be authorized for.
 *
 * Since: 0.1
 */
#define CPOD_ANNOTATION_ACTION "org.cpod.Cpod1.Action"
