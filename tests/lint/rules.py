# SPDX-License-Identifier: LGPL-2.1-or-later
"""All rules by name. The name is also that of the folder of its bad example."""

import rules_c
import rules_tree
import rules_xml

RULES = {
    'include-direction': rules_c.include_direction,
    'confinement': rules_c.confinement,
    'prefix': rules_c.prefix,
    'file-size': rules_c.file_size,
    'function-size': rules_c.function_size,
    'no-goto': rules_c.no_goto,
    'no-shell': rules_c.no_shell,
    'trap-19-no-setenv': rules_c.no_setenv,
    'no-warnings': rules_c.no_warnings,
    'error-prefix': rules_c.error_prefix,
    'licence-line': rules_c.licence_line,
    'pragma-once': rules_c.pragma_once,
    'header-alone': rules_c.header_alone,
    'xml-documented': rules_xml.documented,
    'xml-no-writable-properties': rules_xml.no_writable_properties,
    'xml-emits-changed': rules_xml.emits_changed,
    'xml-action': rules_xml.action,
    'xml-options-last': rules_xml.options_last,
    'xml-errors-listed': rules_xml.errors_listed,
    'gtk-doc': rules_tree.gtk_doc,
    'potfiles': rules_tree.potfiles,
    'translated': rules_tree.translated,
    'libpod-table': rules_tree.libpod_table,
    'machine-paths': rules_tree.machine_paths,
}
