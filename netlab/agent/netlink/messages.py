"""Requests: each with its encoded message and the `ip` command that a person would type for it."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netlab.agent.netlink.classes import fibmsg, ifaddrmsg, ifinfmsg, ndmsg, rtmsg
from netlab.agent.netlink.socket import header, nla

# include/uapi/linux/rtnetlink.h, neighbour.h, if.h
RTM_NEWLINK, RTM_DELLINK, RTM_SETLINK = 16, 17, 19
RTM_NEWADDR, RTM_DELADDR = 20, 21
RTM_NEWROUTE, RTM_DELROUTE = 24, 25
RTM_NEWNEIGH, RTM_DELNEIGH = 28, 29
RTM_NEWRULE, RTM_DELRULE = 32, 33
RTM_NEWLINKPROP = 108
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_APPEND = (
    0x1,
    0x4,
    0x200,
    0x400,
    0x100,
    0x800,
)
IFF_UP = 0x1
NUD_PERMANENT, NUD_NOARP = 0x80, 0x40
NTF_MASTER = 0x04
AF_BRIDGE = 7
IFLA_PROTINFO, IFLA_BRPORT_STATE, NLA_F_NESTED = 12, 1, 0x8000
FRA_TABLE_LOOKUP = 1
IFA_F_NODAD = 0x02

Attributes = list[Any]


@dataclass(frozen=True)
class Request:
    """One request: what the kernel is sent, and what a person would type."""

    message: bytearray
    command: str


def _encode(message: Any, kind: int, flags: int) -> bytearray:
    message["header"]["type"] = kind
    message["header"]["flags"] = NLM_F_REQUEST | NLM_F_ACK | flags
    message["header"]["sequence_number"] = 0
    message["header"]["pid"] = 0
    message.encode()
    return bytearray(message.data)


class Embedded(dict[str, Any]):
    """A whole message as the value of an attribute (VETH_INFO_PEER)."""


def set_up(ns: str, index: int, dev: str, up: bool = True) -> Request:
    """Bring a link up or down."""
    return link("set", {}, f"ip -n {ns} link set dev {dev} {'up' if up else 'down'}", index=index, up=up)


def attrs(pairs: Mapping[str, Any]) -> Attributes:
    """Attributes of a mapping, those that are None left out; nested mappings become nested attributes."""
    return [
        (
            name,
            {"attrs": attrs(value)} if isinstance(value, Mapping) and not isinstance(value, Embedded) else value,
        )
        for name, value in pairs.items()
        if value is not None
    ]


def link(
    verb: str,
    pairs: Mapping[str, Any],
    command: str,
    *,
    index: int = 0,
    up: bool | None = None,
) -> Request:
    """``verb`` is ``add``, ``set`` or ``delete``; ``pairs`` are IFLA_* attributes."""
    message = ifinfmsg()
    message["index"] = index
    if up is not None:
        message["flags"] = IFF_UP if up else 0
        message["change"] = IFF_UP
    message["attrs"] = attrs(pairs)
    kind, flags = {
        "add": (RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL),
        "set": (RTM_NEWLINK, 0),
        "delete": (RTM_DELLINK, 0),
    }[verb]
    return Request(_encode(message, kind, flags), command)


def peer(pairs: Mapping[str, Any], *, index: int) -> Embedded:
    """VETH_INFO_PEER: a link message inside the attribute of another.

    It can't bring the peer up: at that moment the two ends don't know each other yet (veth_open: ENOTCONN).
    """
    return Embedded(index=index, attrs=attrs(pairs))


def _family(ip: str) -> int:
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def address(verb: str, ns: str, index: int, dev: str, ip: str, prefixlen: int) -> Request:
    """Add or delete an address. IPv6 ones are added without duplicate address detection."""
    message = ifaddrmsg()
    message["family"] = _family(ip)
    message["prefixlen"] = prefixlen
    message["index"] = index
    pairs: dict[str, Any] = {"IFA_ADDRESS": ip}
    words = f"ip -n {ns} address {verb} {ip}/{prefixlen} dev {dev}"
    if ":" in ip:
        message["flags"] = IFA_F_NODAD
        pairs["IFA_FLAGS"] = IFA_F_NODAD
        words += " nodad" if verb == "add" else ""
    else:
        pairs["IFA_LOCAL"] = ip
        if prefixlen < 31:
            pairs["IFA_BROADCAST"] = str(ipaddress.ip_interface(f"{ip}/{prefixlen}").network.broadcast_address)
            words += " broadcast +" if verb == "add" else ""
    message["attrs"] = attrs(pairs)
    kind, flags = (RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL) if verb == "add" else (RTM_DELADDR, 0)
    return Request(_encode(message, kind, flags), words)


def neighbor(verb: str, ns: str, index: int, dev: str, ip: str, mac: str) -> Request:
    """Set (``replace``) or delete a permanent neighbour entry."""
    message = ndmsg()
    message["family"] = _family(ip)
    message["ifindex"] = index
    message["state"] = NUD_PERMANENT
    message["attrs"] = attrs({"NDA_DST": ip, "NDA_LLADDR": mac if verb == "replace" else None})
    kind, flags = (RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE) if verb == "replace" else (RTM_DELNEIGH, 0)
    lladdr = f" lladdr {mac} nud permanent" if verb == "replace" else ""
    return Request(_encode(message, kind, flags), f"ip -n {ns} neigh {verb} {ip}{lladdr} dev {dev}")


def fdb_entry(verb: str, ns: str, index: int, dev: str, mac: str) -> Request:
    """Add or delete a static entry of the bridge's forwarding table, on a port of it."""
    message = ndmsg()
    message["family"] = AF_BRIDGE
    message["ifindex"] = index
    message["state"] = NUD_NOARP
    message["flags"] = NTF_MASTER
    message["attrs"] = attrs({"NDA_LLADDR": mac})
    kind, flags = (RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE) if verb == "replace" else (RTM_DELNEIGH, 0)
    return Request(_encode(message, kind, flags), f"bridge -n {ns} fdb {verb} {mac} dev {dev} master static")


def route(verb: str, ns: str, to: str, via: str | None, dev: tuple[int, str] | None, table: int) -> Request:
    """Add or delete a unicast route; ``dev`` is (ifindex, name)."""
    network = ipaddress.ip_network(to)
    message = rtmsg()
    message["family"] = socket.AF_INET6 if network.version == 6 else socket.AF_INET
    message["dst_len"] = network.prefixlen
    message["table"] = table if table < 256 else 252
    message["proto"] = 3 if verb == "add" else 0
    message["scope"] = (0 if via or network.version == 6 else 253) if verb == "add" else 255
    message["type"] = 1
    pairs: dict[str, Any] = {
        "RTA_DST": str(network.network_address) if network.prefixlen else None,
        "RTA_GATEWAY": via,
        "RTA_OIF": dev[0] if dev else None,
        "RTA_TABLE": table,
    }
    message["attrs"] = attrs(pairs)
    words = f"ip -n {ns} route {verb} {to}"
    words += f" via {via}" if via else ""
    words += f" dev {dev[1]}" if dev else ""
    words += f" table {table}" if table != 254 else ""
    kind, flags = (RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL) if verb == "add" else (RTM_DELROUTE, 0)
    return Request(_encode(message, kind, flags), words)


def rule(verb: str, ns: str, values: Mapping[str, Any]) -> Request:
    """Add or delete a rule; ``values``: family, table, priority, src, dst (prefixes), iif, oif."""
    message = fibmsg()
    message["family"] = socket.AF_INET6 if values["family"] == 6 else socket.AF_INET
    message["action"] = FRA_TABLE_LOOKUP
    table = values["table"]
    message["table"] = table if table < 256 else 252
    pairs: dict[str, Any] = {"FRA_TABLE": table, "FRA_PRIORITY": values["priority"]}
    words = f"ip -n {ns} rule {verb} priority {values['priority']}"
    for name, word in (("src", "from"), ("dst", "to")):
        if values[name]:
            network = ipaddress.ip_network(values[name])
            message[f"{name}_len"] = network.prefixlen
            pairs[f"FRA_{name.upper()}"] = str(network.network_address)
            words += f" {word} {network}"
    for name in ("iif", "oif"):
        if values[name]:
            pairs[f"FRA_{name.upper()}NAME"] = values[name]
            words += f" {name} {values[name]}"
    message["attrs"] = attrs(pairs)
    kind, flags = (RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL) if verb == "add" else (RTM_DELRULE, 0)
    return Request(_encode(message, kind, flags), f"{words} lookup {table}")


def port_state(ns: str, index: int, dev: str, state: int) -> Request:
    """Put a bridge port into a state (BR_STATE_*), by RTM_SETLINK of AF_BRIDGE as bridge(8) does.

    By RTM_NEWLINK and IFLA_INFO_SLAVE_DATA, as ip(8) does, a port that is set to disabled is forwarding again when the
    call returns: do_setlink ends with NETDEV_CHANGE, and br_port_carrier_check enables a disabled port (6.18).
    """
    body = struct.pack("=BxHiII", AF_BRIDGE, 0, index, 0, 0)
    body += nla(IFLA_PROTINFO | NLA_F_NESTED, nla(IFLA_BRPORT_STATE, bytes((state,))))
    message = bytearray(header(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, body))
    return Request(message, f"bridge -n {ns} link set dev {dev} state {state}")


def altname(ns: str, index: int, dev: str, name: str) -> Request:
    """Give an interface a further name (RTM_NEWLINKPROP), at most 128 bytes."""
    message = ifinfmsg()
    message["index"] = index
    message["attrs"] = [("IFLA_PROP_LIST", {"attrs": [("IFLA_ALT_IFNAME", name)]})]
    encoded = _encode(message, RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND)
    return Request(encoded, f"ip -n {ns} link property add dev {dev} altname {name}")
