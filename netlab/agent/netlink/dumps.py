"""What the kernel is asked for as a whole: the requests, for `Socket.dump`, and readers of some of the answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

from netlab.agent.netlink import constants as nl
from netlab.agent.netlink.attributes import ADDRESS, LINK, NEIGHBOR, NEIGHBOR_TABLE, QDISC
from netlab.agent.netlink.forms import decode, encode
from netlab.agent.netlink.socket import Socket, attributes, header

IFLA_AF_SPEC, IFLA_BRIDGE_VLAN_INFO = 26, 2


def _dump(kind: int, body: bytes) -> bytes:
    return header(kind, nl.NLM_F_REQUEST | nl.NLM_F_DUMP, body)


#: Leaves out the statistics of links: they take long, and are not used.
_WITHOUT_STATISTICS = encode(LINK, {"IFLA_EXT_MASK": nl.RTEXT_FILTER_SKIP_STATS})
LINKS = _dump(nl.RTM_GETLINK, nl.IFINFOMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + _WITHOUT_STATISTICS)
#: The ports of bridges with their VLANs, and the bridges' own interfaces.
_VLANS = _dump(
    nl.RTM_GETLINK,
    nl.IFINFOMSG.pack(nl.AF_BRIDGE, 0, 0, 0, 0) + encode(LINK, {"IFLA_EXT_MASK": nl.RTEXT_FILTER_BRVLAN}),
)
ADDRESSES = _dump(nl.RTM_GETADDR, nl.IFADDRMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
#: What routers taught about IPv6 (rt6_exception).
_EXCEPTIONS = _dump(nl.RTM_GETROUTE, nl.RTMSG.pack(socket.AF_INET6, 0, 0, 0, 0, 0, 0, 0, nl.RTM_F_CLONED))
#: All routes of IPv4, and of IPv6.
ROUTES = tuple(
    _dump(nl.RTM_GETROUTE, nl.RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0))
    for family in (socket.AF_INET, socket.AF_INET6)
)
#: The forwarding tables of bridges and tunnels.
_FDB = _dump(nl.RTM_GETNEIGH, nl.NDMSG.pack(nl.AF_BRIDGE, 0, 0, 0, 0))
#: The rules of IPv4, and of IPv6.
RULES = tuple(
    _dump(nl.RTM_GETRULE, nl.FIB_RULE_HDR.pack(family, 0, 0, 0, 0, 0, 0))
    for family in (socket.AF_INET, socket.AF_INET6)
)
_NEIGHBOR_TABLES = _dump(nl.RTM_GETNEIGHTBL, nl.NDTMSG.pack(socket.AF_UNSPEC))
_QDISCS = _dump(nl.RTM_GETQDISC, nl.TCMSG.pack(0, 0, 0, 0, 0))


class Address(NamedTuple):
    """An address of an interface: ``own`` is ``ip/prefixlen``, ``far`` the other end of a point-to-point link or ""."""

    ifindex: int
    own: str
    far: str
    flags: int


def links(netlink: Socket) -> Iterator[tuple[int, int, int, dict[str, Any]]]:
    """Every link: its index, its type (ARPHRD_*), its flags (IFF_*), attributes of `LINK`."""
    for message in netlink.dump(LINKS):
        _family, kind, index, flags, _change = nl.IFINFOMSG.unpack_from(message, 16)
        yield index, kind, flags, decode(LINK, message, 32)


def carrier_request(index: int) -> bytes:
    """Asks for one link: since 6.9 the kernel first handles its pending carrier events (rtnl_getlink,
    linkwatch_sync_dev)."""
    body = nl.IFINFOMSG.pack(socket.AF_UNSPEC, 0, index, 0, 0) + _WITHOUT_STATISTICS
    return header(nl.RTM_GETLINK, nl.NLM_F_REQUEST, body)


def addresses(netlink: Socket) -> Iterator[Address]:
    """Every address."""
    for message in netlink.dump(ADDRESSES):
        _family, prefixlen, flags, _scope, index = nl.IFADDRMSG.unpack_from(message, 16)
        got = decode(ADDRESS, message, 24)
        # Of a point-to-point link IFA_ADDRESS is that of the other end.
        address = got.get("IFA_ADDRESS", "")
        own = got.get("IFA_LOCAL") or address
        far = address if address != own else ""
        yield Address(index, f"{own}/{prefixlen}", far, got.get("IFA_FLAGS", flags))


def fdb(netlink: Socket) -> Iterator[tuple[int, int, int, dict[str, Any]]]:
    """Every entry of forwarding tables: the interface's index, its state (NUD_*), flags (NTF_*), attributes of
    `NEIGHBOR`."""
    for message in netlink.dump(_FDB):
        _family, index, state, flags, _kind = nl.NDMSG.unpack_from(message, 16)
        yield index, state, flags, decode(NEIGHBOR, message, 28)


def exceptions(netlink: Socket) -> Iterator[bytes]:
    """For each thing that a router taught about IPv6, the request that deletes it."""
    for message in netlink.dump(_EXCEPTIONS):
        family, *_, flags = nl.RTMSG.unpack_from(message, 16)
        if family == socket.AF_INET6 and flags & nl.RTM_F_CLONED:
            yield header(nl.RTM_DELROUTE, nl.NLM_F_REQUEST, bytes(message[16:]))


def port_vlans(netlink: Socket) -> dict[int, dict[str, Any]]:
    """The VLANs of each bridge port of a namespace, by its index: ``pvid`` (0: none), ``untagged`` and ``tagged``."""
    found: dict[int, dict[str, Any]] = {}
    for message in netlink.dump(_VLANS):
        _family, _type, index, _flags, _change = nl.IFINFOMSG.unpack_from(message, 16)
        vlans: dict[str, Any] = {"pvid": 0, "untagged": [], "tagged": []}
        for kind, value in attributes(message, 32):
            if kind == IFLA_AF_SPEC:
                for inner, info in attributes(value, 0):
                    if inner == IFLA_BRIDGE_VLAN_INFO:
                        flags, vid = nl.BRIDGE_VLAN_INFO.unpack_from(info)
                        vlans["untagged" if flags & nl.BRIDGE_VLAN_INFO_UNTAGGED else "tagged"].append(vid)
                        vlans["pvid"] = vid if flags & nl.BRIDGE_VLAN_INFO_PVID else vlans["pvid"]
        found[index] = vlans
    return found


def neighbor_tables(netlink: Socket) -> Iterator[dict[str, Any]]:
    """The neighbour tables, each followed by the parameters of every interface: attributes of `NEIGHBOR_TABLE`."""
    for message in netlink.dump(_NEIGHBOR_TABLES):
        yield decode(NEIGHBOR_TABLE, message, 20)


def qdiscs(netlink: Socket) -> Iterator[tuple[int, int, int, dict[str, Any]]]:
    """Every queueing discipline: the interface's index, its handle, its parent, attributes of `QDISC`."""
    for message in netlink.dump(_QDISCS):
        _family, index, handle, parent, _info = nl.TCMSG.unpack_from(message, 16)
        yield index, handle, parent, decode(QDISC, message, 36)
