"""How the bridges and tunnels of a namespace forward frames now: VLANs of ports, forwarding tables, further options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netlab.agent.netlink import constants as nl
from netlab.agent.netlink import dumps
from netlab.agent.netlink.attributes import BRIDGE, BRIDGE_PORT, LINK, LINKINFO
from netlab.agent.netlink.socket import attributes
from netlab.agent.netns import Netns

#: Options that decide what becomes of frames and that no plan has, by their number, with the kernel's default
#: (linux/if_link.h, enum IFLA_BR_* and IFLA_BRPORT_*; br_dev_setup, new_nbp).
_BRIDGE = {
    8: ("vlan_protocol", b"\x81\x00"), 22: ("mcast_router", b"\1"), 25: ("mcast_querier", b"\0"),
    36: ("nf_call_iptables", b"\0"), 37: ("nf_call_ip6tables", b"\0"), 38: ("nf_call_arptables", b"\0"),
    46: ("options of boolopt", b"\0\0\0\0"),
}  # fmt: skip
_PORT = {
    10: ("proxy_arp", b"\0"), 12: ("proxy_arp_wifi", b"\0"), 25: ("mcast_router", b"\1"),
    28: ("mcast_to_unicast", b"\0"), 29: ("vlan_tunnel", b"\0"), 32: ("neigh_suppress", b"\0"),
    34: ("backup_port", b""), 40: ("mab", b"\0"),
    42: ("mcast_max_groups", b"\0\0\0\0"), 43: ("neigh_vlan_suppress", b"\0"),
}  # fmt: skip
#: Which attribute of IFLA_LINKINFO holds options of what, and those that a plan does have.
_OPTIONS = {
    b"bridge": (LINKINFO["IFLA_INFO_DATA"][0], _BRIDGE, BRIDGE),
    b"bridge port": (LINKINFO["IFLA_INFO_SLAVE_DATA"][0], _PORT, BRIDGE_PORT),
}
_KIND, _MEMBER_OF = LINKINFO["IFLA_INFO_KIND"][0], LINKINFO["IFLA_INFO_SLAVE_KIND"][0]
_LINKINFO = LINK["IFLA_LINKINFO"][0]
#: linux/neighbour.h
NTF_STICKY = 0x40


def read(ns: Netns, links: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Of bridges and tunnels, where there are any: ``vlans`` of each port, ``fdb``, ``options`` that no plan has."""
    if not any(link.get("kind") in ("bridge", "vxlan") for link in links.values()):
        return {"vlans": {}, "fdb": [], "options": []}
    return {
        "vlans": {str(index): vlans for index, vlans in dumps.port_vlans(ns.netlink).items()},
        "fdb": list(_entries(ns)),
        "options": list(_further(ns)),
    }


def _entries(ns: Netns) -> Iterator[dict[str, Any]]:
    """The entries of forwarding tables that nothing has learned, those of bridges and those of tunnels: ``local`` is a
    bridge's own, ``to`` the other end of a tunnel, ``odd`` what no plan says of one."""
    for index, state, flags, got in dumps.fdb(ns.netlink):
        if "NDA_LLADDR" not in got or not state & (nl.NUD_PERMANENT | nl.NUD_NOARP):
            continue
        if "NDA_MASTER" not in got and "NDA_DST" not in got:
            # A device's filter of addresses (ndo_dflt_fdb_dump): no frame goes another way by it.
            continue
        odd = [word for name, word in (("NDA_PORT", "port"), ("NDA_VNI", "vni")) if name in got]
        yield {
            "ifindex": index,
            "mac": got["NDA_LLADDR"],
            "vlan": got.get("NDA_VLAN", 0),
            "local": bool(state & nl.NUD_PERMANENT),
            "via": got.get("NDA_IFINDEX", 0),
            "to": got.get("NDA_DST"),
            "odd": ", ".join(odd + (["sticky"] if flags & NTF_STICKY else [])),
        }


def _further(ns: Netns) -> Iterator[list[Any]]:
    """Options that are not as the kernel makes them: ifindex and name."""
    for message in ns.netlink.dump(dumps.LINKS):
        _family, _type, index, _flags, _change = nl.IFINFOMSG.unpack_from(message, 16)
        info = dict(attributes(dict(attributes(message, 32)).get(_LINKINFO, memoryview(b"")), 0))
        kind = bytes(info.get(_KIND, b"")).rstrip(b"\0")
        member = bytes(info.get(_MEMBER_OF, b"")).rstrip(b"\0") + b" port"
        for what in (kind, member):
            if what not in _OPTIONS:
                continue
            number, further, known = _OPTIONS[what]
            for option, value in attributes(info[number], 0):
                if option in further and option not in known.by_number:
                    name, default = further[option]
                    if bytes(value)[: len(default)] != default or not default:
                        yield [index, name]
