"""Keys as other tools call them (iproute2, netplan, switches): what a topology file has in their place."""

from __future__ import annotations

from collections.abc import Collection

#: What is suggested is the first that can stand there.
_CALLED = {
    "access": ("pvid",),
    "allowed": ("tagged",),
    "bond": ("master",),
    "ether": ("mac",),
    "hwaddr": ("mac",),
    "ip": ("addresses",),
    "ip6": ("addresses",),
    "ipv4": ("addresses",),
    "ipv6": ("addresses",),
    "link": ("parent",),
    "lladdr": ("mac",),
    "lower": ("parent",),
    "lowerdev": ("parent",),
    "native": ("pvid",),
    "trunk": ("tagged",),
    "vip": ("addresses",),
    "vlan": ("pvid", "id"),
    "vlans": ("tagged",),
    "vni": ("id",),
    "vrf": ("master",),
}
_MEMBERS = "each member says it itself: {master: NAME}"
_GATEWAY = "it is a route of the host, beside 'interfaces': routes: [{to: default, via: ADDRESS}]"
_LOOPBACK = "it is an address of the host's lo: interfaces: {lo: {addresses: [10.9.9.9/32]}}"
#: Of an interface: what stands in another place.
_PLACED = {
    "members": _MEMBERS,
    "slaves": _MEMBERS,
    "interfaces": _MEMBERS,
    "gateway": _GATEWAY,
    "gateway4": _GATEWAY,
    "gateway6": _GATEWAY,
    "gw": _GATEWAY,
    "via": _GATEWAY,
}


def hint(key: str, known: Collection[str]) -> str:
    """What stands in the place of a key, among those that are known there; '' where nothing is known of it."""
    for word in _CALLED.get(key, ()):
        if word in known:
            return f"did you mean {word!r}?"
    if "master" in known and key in _PLACED:
        return _PLACED[key]
    return _LOOPBACK if "interfaces" in known and key in ("vip", "loopback") else ""
