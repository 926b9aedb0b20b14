#!/bin/sh
# Install the OS packages that the tests use, where apt-get and root (or password-less sudo) are at hand.
# What can't be had ends nothing: a line for each lack says which tests skip.
set -eu

# Seconds that another apt may hold its lock (NETLAB_APT_WAIT=0 doesn't wait at all).
wait=${NETLAB_APT_WAIT:-300}

# A tool, its package by Debian's name, and what skips without it.
tools() {
    cat <<'LIST'
ip iproute2 reading labs back with ip -j, and steps with via: ip
ping iputils-ping programs run in a lab
arping iputils-arping the demonstration by hand
iperf3 iperf3 throughput measured by iperf3
brctl bridge-utils steps with via: brctl
nft nftables labs behind a firewall
tcpdump tcpdump captures read by another program
setpriv util-linux runs as an ordinary user
dot graphviz graphs in Graphviz's language
sshd openssh-server runs on machines reached by ssh
zsh zsh completion in zsh
fish fish completion in fish
chromium chromium pages in a browser
chromedriver chromium-driver pages in a browser
/usr/lib/cni/bridge containernetworking-plugins imports of what CNI plugins made
gcc gcc a kernel that the tests build
/usr/include/stdio.h libc6-dev a kernel that the tests build
flex flex a kernel that the tests build
bison bison a kernel that the tests build
bc bc a kernel that the tests build
xz xz-utils a kernel that the tests build
qemu-system-x86_64 qemu-system-x86 kernels for machines (NETLAB_VMLINUZ)
modprobe kmod kernels for machines (NETLAB_VMLINUZ)
newuidmap uidmap a range of users
dnsmasq dnsmasq-base recipes with DHCP
udhcpc udhcpc recipes with DHCP
dhclient isc-dhcp-client recipes with DHCP
/usr/lib/podman/netavark netavark recipes with podman's networks
iptables iptables recipes with podman's networks
LIST
    # These begin to serve where they are installed: only on machines that are there for tests.
    [ -z "${NETLAB_DAEMONS-}" ] || cat <<'LIST'
keepalived keepalived recipes with VRRP
bird bird2 recipes with OSPF and BGP
/usr/lib/frr/zebra frr recipes with OSPF
nginx nginx-light recipes with nginx
avahi-daemon avahi-daemon recipes with mDNS
avahi-resolve avahi-utils recipes with mDNS
dbus-daemon dbus recipes with mDNS
LIST
}

lacks() { # lacks BINARY, or a file by its path
    case $1 in
    /*) [ ! -e "$1" ] ;;
    *) ! command -v "$1" >/dev/null 2>&1 && [ ! -x "/usr/sbin/$1" ] && [ ! -x "/sbin/$1" ] ;;
    esac
}

missing() {
    tools | while read -r binary package _; do
        if lacks "$binary"; then echo "$package"; fi
    done
}

tell() { # what is still missing, and what goes without it
    tools | while read -r binary package skipped; do
        if lacks "$binary"; then echo "no $binary ($package): tests skip that need it for $skipped"; fi
    done
}

wanted=$(missing)
[ -n "$wanted" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    tell
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    sudo=
elif sudo -n true 2>/dev/null; then
    sudo=sudo
else
    tell
    # shellcheck disable=SC2086
    echo "install them with: sudo apt-get install" $wanted
    exit 0
fi

deadline=$(($(date +%s) + wait))

apt() {
    # dpkg's lock apt-get itself waits for; those of the lists and of the archives fail at once.
    while :; do
        code=0
        said=$($sudo env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
            apt-get -qq -o "DPkg::Lock::Timeout=$wait" "$@" 2>&1 >/dev/null) || code=$?
        case $code:$said in
            0:*) return 0 ;;
            *[Cc]ould\ not\ get\ lock* | *[Uu]nable\ to\ lock*) ;;
            *) break ;;
        esac
        [ "$(date +%s)" -lt "$deadline" ] || break
        [ -n "${waited-}" ] || echo "another apt holds the lock: waiting for it, ${wait} s at most"
        waited=yes
        sleep 2
    done
    echo "$said" | grep '^E:' >&2 || true
    return 1
}

apt update || echo "apt-get update failed: going on with the lists that are there"
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $wanted; then
    # One that can't be had keeps nobody from the others.
    for package in $wanted; do
        apt install -y --no-install-recommends "$package" || true
    done
fi
tell
