#!/bin/sh
# Make a machine ready for labs: the lab's NIC has its address, netlab is installed. Run as root; running it again changes
# nothing that is right already. No lab is made here: that is netlab's, which takes it away again.
#
#   NETLAB_IP   the machine's address on the lab's network, with its prefix length
#   NETLAB_MAC  the MAC of that NIC, by which it is found where no NIC has the address yet
#   NETLAB_SRC  the project's folder (/vagrant)
set -eu
src=${NETLAB_SRC:-/vagrant}
venv=/opt/netlab

# The NIC, whatever it is called: eth1, enp0s8, ens6, …
nic=$(ip -o address show | awk -v want="$NETLAB_IP" '$4 == want { print $2; exit }')
if [ -z "$nic" ] && [ -n "${NETLAB_MAC:-}" ]; then
    mac=$(printf %s "$NETLAB_MAC" | tr -d ':-' | tr A-F a-f | sed 's/../&:/g; s/:$//')
    for link in /sys/class/net/*; do
        # Only what has hardware: a bridge or a child may repeat the MAC.
        if [ -e "$link/device" ] && [ "$(cat "$link/address")" = "$mac" ]; then
            nic=${link##*/}
            break
        fi
    done
    if [ -n "$nic" ]; then
        ip address add "$NETLAB_IP" dev "$nic"
    fi
fi
if [ -z "$nic" ]; then
    echo "no NIC has $NETLAB_IP or the MAC ${NETLAB_MAC:-(none given)}; there are:" >&2
    ip -br address >&2
    exit 1
fi
ip link set dev "$nic" up

# What netlab needs of the system.
missing=
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
command -v iperf3 >/dev/null || missing="$missing iperf3"
if [ -n "$missing" ]; then
    # At its first boot a machine may be installing its own updates: wait for it.
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=300 -qq update
    # shellcheck disable=SC2086
    apt-get -o DPkg::Lock::Timeout=300 -qq install --no-install-recommends $missing
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "netlab needs Python 3.11, this box has $(python3 --version): set NETLAB_BOX to another" >&2
    exit 1
}

# netlab, from the project's folder; from wheels beside it where the machine has no way out.
[ -x $venv/bin/python ] || python3 -m venv $venv
if [ -d "$src/wheelhouse" ]; then
    $venv/bin/pip install --quiet --disable-pip-version-check --no-index --find-links "$src/wheelhouse" \
        --force-reinstall --no-deps "$src"/wheelhouse/*.whl
else
    $venv/bin/pip install --quiet --disable-pip-version-check "$src"
fi
ln -sf $venv/bin/netlab /usr/local/bin/netlab
echo "$(netlab --version) is installed; the lab's NIC is $nic with $NETLAB_IP"
