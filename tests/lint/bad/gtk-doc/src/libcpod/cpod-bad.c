/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * cpod_bad_good:
 * @self: a bad thing
 * @name: its name
 * @error: return location of an error
 *
 * Returns: whether it went well
 *
 * Since: 0.1
 */
/**
 * cpod_bad_parameter:
 * @self: a bad thing
 *
 * Since: 0.1
 */
/**
 * cpod_bad_return:
 * @self: a bad thing
 *
 * Since: 0.1
 */
/**
 * cpod_bad_ageless:
 * @self: a bad thing
 */
