#!/bin/sh
# Install the OS packages that the tests use, where apt-get and root (or password-less sudo) are at hand.
# Elsewhere one line says which to install, and what goes without them.
set -eu

missing=
want() { # want BINARY PACKAGE
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] || missing="$missing $2"
}
want ip iproute2
want ping iputils-ping
want iperf3 iperf3
want brctl bridge-utils
want nft nftables
want tcpdump tcpdump
want setpriv util-linux
want dot graphviz
want sshd openssh-server
want zsh zsh
want fish fish
want chromium chromium
want chromedriver chromium-driver

[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif sudo -n true 2>/dev/null; then
        sudo=sudo
    else
        echo "not installed:$missing. Tests that need them skip. Install with: sudo apt-get install$missing"
        exit 0
    fi
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "not installed (by Debian's names):$missing. Tests that need them skip."
fi
