#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A container's life with nothing but busctl: created, started, renamed, removed.
#
# usage: busctl.sh IMAGE        (DBUS_SYSTEM_BUS_ADDRESS names another bus)

set -eu

image=${1:?usage: busctl.sh IMAGE}
name=busctl-example-$$

call() {
  busctl ${DBUS_SYSTEM_BUS_ADDRESS:+--address="$DBUS_SYSTEM_BUS_ADDRESS"} -- "$@"
}

runtime() {
  method=$1
  shift
  call call org.cpod.Cpod1 /org/cpod/Cpod1/Runtime org.cpod.Cpod1.Runtime "$method" "$@"
}

# The reply is: oss "PATH" "ID" "NAME"
reply=$(runtime Create 'sa{sv}' "$image" 2 name s "$name" command as 3 sh -c 'echo hello; exit 3')
path=$(echo "$reply" | cut -d '"' -f 2)
echo "created $path"

call call org.cpod.Cpod1 "$path" org.cpod.Cpod1.Container Start 'a{sv}' 0
call call org.cpod.Cpod1 "$path" org.cpod.Cpod1.Container Wait 'a{sv}' 0
call get-property org.cpod.Cpod1 "$path" org.cpod.Cpod1.Container State ExitCode

runtime Rename 'ssa{sv}' "$name" "$name-renamed" 0
call get-property org.cpod.Cpod1 "$path" org.cpod.Cpod1.Container Name

runtime Remove 'sa{sv}' "$name-renamed" 0
