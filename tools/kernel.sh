#!/bin/sh
# Have the kernel on which the tests try link kinds that this machine's own lacks: built once, and kept.
# Where it can't be built nothing ends: the tests that need it skip.
set -eu

netlab=${1:?netlab}
version=6.12

if "$netlab" kernel info "$version" >/dev/null 2>&1; then exit 0; fi
echo "building Linux $version for the tests: once, some minutes"
"$netlab" kernel build "$version" || echo "no Linux $version: tests skip that need it for vlan, ipvlan, bond, vrf"
