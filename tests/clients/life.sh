#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A container's life with a tool that makes one call at a time. What the descriptor of its log holds is nothing that
# such a tool can show: it is seen that there is one.
#
# usage: life.sh gdbus|busctl IMAGE NAME

set -eu

tool=$1
image=$2
name=$3
service=org.cpod.Cpod1
runtime=/org/cpod/Cpod1/Runtime

# call PATH INTERFACE METHOD ARGUMENT... : the arguments in the words of the tool
call ()
{
  path=$1
  interface=$2
  method=$3
  shift 3
  case $tool in
    gdbus) gdbus call --address "$DBUS_SYSTEM_BUS_ADDRESS" -d $service -o "$path" -m "$service.$interface.$method" "$@" ;;
    busctl) busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" -- call $service "$path" "$service.$interface" "$method" "$@" ;;
  esac
}

if [ "$tool" = gdbus ]; then
  create () { call $runtime Runtime Create "$image" "{'name': <'$name'>, 'command': <['sh', '-c', 'echo logged; sleep 1000']>}"; }
  execute () { call "$1" Container Exec "['sh', '-c', 'exit 7']" '{}'; }
  plain () { call "$1" "$2" "$3" '{}'; }
  remove () { call "$1" Container Remove "{'force': <true>, 'timeout': <uint32 0>}"; }
else
  create () { call $runtime Runtime Create 'sa{sv}' "$image" 2 name s "$name" command as 3 sh -c 'echo logged; sleep 1000'; }
  execute () { call "$1" Container Exec 'asa{sv}' 3 sh -c 'exit 7' 0; }
  plain () { call "$1" "$2" "$3" 'a{sv}' 0; }
  remove () { call "$1" Container Remove 'a{sv}' 2 force b true timeout u 0; }
fi

# path KIND: the first path of that kind in what comes in
path ()
{
  grep -o "/org/cpod/Cpod1/$1/[0-9a-f]*" | head -n 1
}

container=$(create | path containers)
echo "created $name"
plain "$container" Container Start > /dev/null
session=$(execute "$container" | path execs)
plain "$session" Exec Start > /dev/null
echo "executed: $(plain "$session" Exec Wait | tr -dc 0-9)"
case $(plain "$container" Container Logs) in
  '(handle 0,)' | h\ *) echo 'logged' ;;
esac
remove "$container" > /dev/null
echo "removed $name"
