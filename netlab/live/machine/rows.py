"""Messages of rtnetlink, as pyroute2 decodes them, to values."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pyroute2.netlink.rtnl import rt_type

from netlab.live.machine.netlink import attributes, first, raw
from netlab.live.machine.settings import OF_INTERFACE
from netlab.live.machine.values import Device, End, Ip, LiveNeighbor, LiveRoute, LiveRule, Way

_AF_INET, _AF_INET6, _AF_BRIDGE = 2, 10, 7
#: include/uapi/linux/if.h.
_UP, _LOOPBACK, _NOARP, _PROMISC, _ALLMULTI, _MULTICAST = 0x1, 0x8, 0x80, 0x100, 0x200, 0x1000
_ARPHRD_ETHER = 1
_NOPREFIXROUTE, _TENTATIVE, _DADFAILED = 0x200, 0x40, 0x08
#: NUD_* (include/uapi/linux/neighbour.h): those in which a MAC is known and used.
_USABLE, _NOARP_ENTRY, _PERMANENT = 0x02 | 0x04 | 0x08 | 0x10, 0x40, 0x80
_RTNH_ONLINK, _RTM_CLONED = 4, 0x200
_FR_TO_TABLE, _FR_UNREACHABLE = 1, 7
#: Where a sysctl of an interface stands in what the kernel tells of the device: IPV4_DEVCONF_* - 1
#: (include/uapi/linux/ip.h), DEVCONF_* (include/uapi/linux/ipv6.h). What a kernel has not, is beyond the end.
_PLACES = {
    "net/ipv4/conf": {"forwarding": 0, "proxy_arp": 2, "accept_redirects": 3, "send_redirects": 5, "rp_filter": 7,
                      "arp_filter": 12, "arp_announce": 17, "arp_ignore": 18, "accept_local": 22, "route_localnet": 25,
                      "ignore_routes_with_linkdown": 28},
    "net/ipv6/conf": {"forwarding": 0, "force_forwarding": 59},
}  # fmt: skip
_CONF4, _CONF6 = (
    tuple((_PLACES[folder][word], folder, word) for one in OF_INTERFACE
          for folder, _, word in [one.partition("/{}/")] if folder == f"net/ipv{version}/conf")
    for version in (4, 6)
)  # fmt: skip
_STP = ("disabled", "listening", "learning", "forwarding", "blocking")
#: Attributes of a port, as ``ip -d -j`` calls them.
_PORT = {
    "IFLA_BRPORT_MODE": "hairpin",
    "IFLA_BRPORT_ISOLATED": "isolated",
    "IFLA_BRPORT_LEARNING": "learning",
    "IFLA_BRPORT_UNICAST_FLOOD": "flood",
    "IFLA_BRPORT_MCAST_FLOOD": "mcast_flood",
    "IFLA_BRPORT_BCAST_FLOOD": "bcast_flood",
    "IFLA_BRPORT_LOCKED": "locked",
    "IFLA_BRPORT_GUARD": "guard",
    "IFLA_BRPORT_PROTECT": "root_block",
    "IFLA_BRPORT_PROXYARP": "proxy_arp",
    "IFLA_BRPORT_PROXYARP_WIFI": "proxy_arp_wifi",
    "IFLA_BRPORT_NEIGH_SUPPRESS": "neigh_suppress",
    "IFLA_BRPORT_VLAN_TUNNEL": "vlan_tunnel",
    "IFLA_BRPORT_MCAST_TO_UCAST": "mcast_to_unicast",
    "IFLA_BRPORT_MAB": "mab",
}
_BRIDGE = {
    "IFLA_BR_STP_STATE": "stp_state",
    "IFLA_BR_AGEING_TIME": "ageing_time",
    "IFLA_BR_MCAST_SNOOPING": "mcast_snooping",
    "IFLA_BR_VLAN_FILTERING": "vlan_filtering",
    "IFLA_BR_VLAN_DEFAULT_PVID": "vlan_default_pvid",
    "IFLA_BR_GROUP_FWD_MASK": "group_fwd_mask",
    "IFLA_BR_NF_CALL_IPTABLES": "nf_call_iptables",
    "IFLA_BR_NF_CALL_IP6TABLES": "nf_call_ip6tables",
    "IFLA_BR_NF_CALL_ARPTABLES": "nf_call_arptables",
}


def device(message: Any, end: Callable[[int, int | None], End], addresses: tuple[Ip, ...]) -> Device:
    """A device. ``end`` finds the device with an index in the namespace of that number (None: its own)."""
    name, index, flags = str(first(message, "IFLA_IFNAME")), int(message["index"]), int(message["flags"])
    info = first(message, "IFLA_LINKINFO")
    kind = str(first(info, "IFLA_INFO_KIND") or "") if info is not None else ""
    port_kind = str(first(info, "IFLA_INFO_SLAVE_KIND") or "") if info is not None else ""
    link, number = first(message, "IFLA_LINK"), first(message, "IFLA_LINK_NETNSID")
    data = _data(kind, first(info, "IFLA_INFO_DATA") if info is not None else None)
    if link is None and kind == "vxlan":
        link = data["link"]
    if link is None and number is not None:
        # Where both have one index, kernels before 4.15 leave it out (rtnl_fill_link_netnsid).
        link = index
    return Device(
        index=index,
        name=name,
        kind=kind,
        mac=first(message, "IFLA_ADDRESS"),
        mtu=int(first(message, "IFLA_MTU") or 0),
        up=bool(flags & _UP),
        carrier=bool(first(message, "IFLA_CARRIER")),
        arp=not flags & _NOARP,
        promisc=bool(flags & _PROMISC),
        allmulticast=bool(flags & _ALLMULTI),
        multicast=bool(flags & _MULTICAST),
        loopback=bool(flags & _LOOPBACK),
        ether=message["ifi_type"] == _ARPHRD_ETHER,
        lower=end(int(link), None if number is None else int(number)) if link else None,
        master=first(message, "IFLA_MASTER"),
        port_kind=port_kind,
        data=data,
        port=_port(first(info, "IFLA_INFO_SLAVE_DATA")) if port_kind == "bridge" else {},
        addresses=addresses,
        conf=_conf(name, message),
    )


def _number(value: bytes | None) -> int | None:
    return None if value is None else int.from_bytes(value, sys.byteorder)


def _data(kind: str, data: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if data is None:
        return found
    if kind in ("macvlan", "macvtap"):
        name = kind.upper()
        flags = first(data, f"IFLA_{name}_FLAGS")
        macs = first(data, f"IFLA_{name}_MACADDR_DATA")
        found["mode"] = first(data, f"IFLA_{name}_MODE")
        found["flags"] = _macvlan_flags(flags)
        found["macaddr_data"] = [value for _, value in macs["attrs"]] if macs is not None else []
        found["bcqueuelen"] = _number(raw(data, 7))
        limit = raw(data, 9)
        found["bclim"] = limit and int.from_bytes(limit, sys.byteorder, signed=True)
    elif kind == "ipvlan":
        found["mode"] = ("l2", "l3", "l3s")[int(first(data, "IFLA_IPVLAN_MODE") or 0)]
        flags = _number(raw(data, 2)) or 0
        found["flags"] = ["private" if flags & 1 else "vepa" if flags & 2 else "bridge"]
    elif kind == "bridge":
        found = {word: value for name, word in _BRIDGE.items() if (value := first(data, name)) is not None}
        found["fdb_max_learned"] = _number(raw(data, 49))
    elif kind == "vxlan":
        to, local = (first(data, f"IFLA_VXLAN_{key}") or first(data, f"IFLA_VXLAN_{key}6") for key in _VXLAN_ENDS)
        found = {"group": to, "local": local, **{word: first(data, f"IFLA_VXLAN_{word.upper()}") for word in _VXLAN}}
    elif kind == "bond":
        found = {word: first(data, f"IFLA_BOND_{word.upper()}") for word in _BOND}
        found["mode"] = _BOND_MODES[int(found["mode"])]
        found["fail_over_mac"] = ("none", "active", "follow")[int(found["fail_over_mac"] or 0)]
    elif kind == "vrf":
        found = {"table": first(data, "IFLA_VRF_TABLE")}
    elif kind == "vlan":
        protocol = "802.1ad" if first(data, "IFLA_VLAN_PROTOCOL") == _ETH_P_8021AD else "802.1Q"
        found = {"id": first(data, "IFLA_VLAN_ID"), "protocol": protocol}
    return found


_ETH_P_8021AD = 0x88A8
_BOND = ("mode", "miimon", "primary", "fail_over_mac", "num_peer_notif", "arp_interval", "active_slave")
_BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
_VXLAN_ENDS = ("GROUP", "LOCAL")
#: Of a vxlan; the last few are such as netlab has no word for.
_VXLAN = ("id", "link", "port", "learning", "proxy", "rsc", "collect_metadata", "gbp", "gpe", "ageing")


def _macvlan_flags(value: Any) -> list[str]:
    """pyroute2 has words for some of the bits, and leaves the others as a number."""
    bits = {"none": 0, "nopromisc": 1, None: 0}.get(value, value)
    return [word for bit, word in ((1, "nopromisc"), (2, "nodst")) if int(bits) & bit]


def _port(data: Any) -> dict[str, Any]:
    if data is None:
        return {}
    found: dict[str, Any] = {
        word: bool(value) for name, word in _PORT.items() if (value := first(data, name)) is not None
    }
    found["state"] = _STP[int(first(data, "IFLA_BRPORT_STATE") or 0)]
    return found


def _conf(name: str, message: Any) -> dict[str, str]:
    """The interface's own sysctls, of those that are read. pyroute2 has no names for the newer ones.

    IFLA_AF_SPEC has a nest for each family; IFLA_INET_CONF and IFLA_INET6_CONF in them are arrays of 32 bits each
    (inet_fill_link_af, inet6_fill_ifla6_attrs).
    """
    spec = next((slot.cell[1] for slot in message["attrs"] if slot.cell[0] == "IFLA_AF_SPEC"), None)
    if spec is None:
        return {}
    families = dict(attributes(spec.data[spec.offset + 4 : spec.offset + spec.length]))
    found: dict[str, str] = {}
    for family, wanted, at in ((_AF_INET, _CONF4, 1), (_AF_INET6, _CONF6, 2)):
        values = array("i", dict(attributes(families.get(family, b""))).get(at, b""))
        found |= {f"{folder}/{name}/{word}": str(values[i]) for i, folder, word in wanted if i < len(values)}
    return found


def address(message: Any) -> tuple[int, Ip] | None:
    """An address and the index of its device; None of one that can't be used yet."""
    flags = int(first(message, "IFA_FLAGS") or message["flags"])
    here, there = first(message, "IFA_LOCAL"), first(message, "IFA_ADDRESS")
    ip = here or there
    if flags & _DADFAILED:
        return None
    peer = there if here and there != here else None
    return int(message["index"]), Ip(str(ip), int(message["prefixlen"]), not flags & _NOPREFIXROUTE, peer)


def route(message: Any) -> LiveRoute | None:
    """A route; None of what the kernel makes of addresses, and of the cache."""
    kind = rt_type[message["type"]]
    table = int(first(message, "RTA_TABLE") or message["table"])
    family = {_AF_INET: 4, _AF_INET6: 6}.get(message["family"])
    if family is None or kind in ("local", "broadcast", "anycast", "multicast") or message["flags"] & _RTM_CLONED:
        return None
    target, length = first(message, "RTA_DST"), int(message["dst_len"])
    strange = [word for name, word in _STRANGE.items() if first(message, name) is not None]
    strange += [] if not message["tos"] else ["tos"]
    strange += [] if not message["src_len"] else ["from"]
    several = first(message, "RTA_MULTIPATH")
    ways = tuple(_way(one, int(one["hops"]) + 1, one["flags"]) for one in several or ())
    if not ways and first(message, "RTA_OIF"):
        ways = (_way({"oif": first(message, "RTA_OIF"), "attrs": message["attrs"]}, 1, message["flags"], message),)
    if any(first(one, "RTA_VIA") is not None for one in (message, *(several or ()))):
        strange.append("via inet6")
    return LiveRoute(
        to="default" if not length else f"{target}/{length}",
        family=family,
        ways=ways if kind == "unicast" else (),
        table=table,
        metric=int(first(message, "RTA_PRIORITY") or 0),
        src=first(message, "RTA_PREFSRC"),
        type=str(kind),
        protocol=int(message["proto"]),
        strange=tuple(strange),
    )


#: What a route may have that a topology file can't say. RTA_METRICS may hold an MTU.
_STRANGE = {"RTA_ENCAP": "encap", "RTA_METRICS": "metrics", "RTA_NEWDST": "as"}


def _way(hop: Any, weight: int, flags: int, message: Any = None) -> Way:
    gateway = first(message or hop, "RTA_GATEWAY")
    return Way(gateway, int(hop["oif"]) or None, weight, bool(flags & _RTNH_ONLINK))


def rule(message: Any) -> LiveRule | None:
    """A rule of policy routing."""
    family = {_AF_INET: 4, _AF_INET6: 6}.get(message["family"])
    if family is None:
        return None
    strange = [word for name, word in _STRANGE_RULE.items() if first(message, name)]
    if (prefix := first(message, "FRA_SUPPRESS_PREFIXLEN")) not in (None, 0xFFFFFFFF):
        strange.append(f"suppress_prefixlength {prefix}")
    strange += ["not"] if message["flags"] & 2 else []
    strange += [] if message["action"] == _FR_TO_TABLE else [f"action {message['action']}"]
    mark, mask = first(message, "FRA_FWMARK"), first(message, "FRA_FWMASK")
    source, target = first(message, "FRA_SRC"), first(message, "FRA_DST")
    return LiveRule(
        priority=int(first(message, "FRA_PRIORITY") or 0),
        family=family,
        table=int(first(message, "FRA_TABLE") or message["table"]),
        src=f"{source}/{message['src_len']}" if source else None,
        to=f"{target}/{message['dst_len']}" if target else None,
        iif=first(message, "FRA_IIFNAME"),
        oif=first(message, "FRA_OIFNAME"),
        fwmark=_mark(mark, mask),
        strange=tuple(strange),
    )


def _mark(mark: int | None, mask: int | None) -> str | None:
    """The mark that a rule is for; the kernel doesn't tell one that is 0, but its mask (fib_nl_fill_rule)."""
    if mark is None and mask is None:
        return None
    return f"{mark or 0:#x}" + ("" if mask in (None, 0xFFFFFFFF) else f"/{mask:#x}")


_STRANGE_RULE: Mapping[str, str] = {
    "FRA_GOTO": "goto",
    "FRA_TUN_ID": "tun_id",
    "FRA_L3MDEV": "l3mdev",
    "FRA_UID_RANGE": "uidrange",
    "FRA_IP_PROTO": "ipproto",
    "FRA_SPORT_RANGE": "sport",
    "FRA_DPORT_RANGE": "dport",
}


def neighbor(message: Any) -> LiveNeighbor | None:
    """An entry of a neighbour table that has a MAC which is used."""
    ip, mac, state = first(message, "NDA_DST"), first(message, "NDA_LLADDR"), int(message["state"])
    permanent = bool(state & _PERMANENT)
    if not ip or not mac or message["family"] == _AF_BRIDGE or not (permanent or state & _USABLE):
        return None
    return LiveNeighbor(str(ip), str(mac), int(message["ifindex"]), permanent)


def static_entry(message: Any) -> tuple[str, int] | None:
    """A static entry of a bridge's forwarding table: MAC and index of the port."""
    bridge, vlan = first(message, "NDA_MASTER"), first(message, "NDA_VLAN")
    static = message["state"] == _NOARP_ENTRY
    if not static or bridge is None or vlan:
        return None
    return str(first(message, "NDA_LLADDR")), int(message["ifindex"])


def tunnel_entry(message: Any) -> tuple[int, str, str] | None:
    """A static entry of a tunnel: the index of its device, a MAC (of all that have none: zeros), the other end."""
    there = first(message, "NDA_DST")
    if there is None or message["family"] != _AF_BRIDGE:
        return None
    return int(message["ifindex"]), str(first(message, "NDA_LLADDR")), str(there)


_PVID, _UNTAGGED = 0x2, 0x4  # BRIDGE_VLAN_INFO_* (include/uapi/linux/if_bridge.h)


def vlans(message: Any) -> Iterator[tuple[int, int, bool, bool]]:
    """The VLANs of a bridge or a port: its index, the VLAN, whether it is the pvid, and untagged."""
    spec = first(message, "IFLA_AF_SPEC")
    for name, value in spec["attrs"] if spec is not None else ():
        if name == "IFLA_BRIDGE_VLAN_INFO":
            yield message["index"], value["vid"], bool(value["flags"] & _PVID), bool(value["flags"] & _UNTAGGED)
