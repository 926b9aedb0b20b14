#!/bin/sh
# Make a virtual environment with a Python of 3.11 or later; say what to install where that can't be done.
set -eu
wanted=$1
venv=$2

pick() { # the first Python that is new enough, the one asked for before the others
    for python in "$wanted" python3.14 python3.13 python3.12 python3.11 python3; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then return 0; fi
    done
    return 1
}

apt() { # Debian and Ubuntu ship venv as a package of its own
    if ! command -v apt-get >/dev/null 2>&1; then return 1; fi
    if [ "$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo=sudo; else return 1; fi
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq python3-venv >/dev/null
}

mend='sudo apt-get install python3-venv'
command -v apt-get >/dev/null 2>&1 || mend="install it with this system's package manager"

if ! pick && ! { apt && pick; }; then
    echo "netlab needs Python 3.11 or later; $wanted is $("$wanted" -V 2>/dev/null || echo 'not there'): $mend" >&2
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null && ! apt; then
    echo "this Python has no venv module: $mend" >&2
    exit 1
fi
"$python" -m venv "$venv"
