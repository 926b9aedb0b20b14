"""Requests: each with its encoded message and the `ip` command that a person would type for it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import Any

from netlab.agent.netlink import constants as nl
from netlab.agent.netlink.attributes import (
    ADDRESS,
    BRIDGE_SPEC,
    LINK,
    NEIGHBOR,
    NEIGHBOR_TABLE,
    QDISC,
    ROUTE,
    RULE,
    Way,
)
from netlab.agent.netlink.forms import encode
from netlab.agent.netlink.socket import header
from netlab.contract.dataclass import dataclass
from netlab.contract.types import Nexthop, Route, Rule


@dataclass(frozen=True)
class Request:
    """One request: what the kernel is sent, and what a person would type."""

    message: bytearray
    command: str


def _request(kind: int, flags: int, body: bytes, command: str) -> Request:
    return Request(bytearray(header(kind, nl.NLM_F_REQUEST | nl.NLM_F_ACK | flags, body)), command)


def _made(verb: str, new: int, delete: int) -> tuple[int, int]:
    """Type and flags of a request, by what it does."""
    return {
        "add": (new, nl.NLM_F_CREATE | nl.NLM_F_EXCL),
        "replace": (new, nl.NLM_F_CREATE | nl.NLM_F_REPLACE),
        "append": (new, nl.NLM_F_CREATE | nl.NLM_F_APPEND),
        "set": (new, 0),
        "delete": (delete, 0),
    }[verb]


def set_link(ns: str, index: int, dev: str, words: str, pairs: Mapping[str, Any], **state: Any) -> Request:
    """``ip link set dev DEV WORDS``; ``state`` is ``up`` or ``flags``, as in `link`."""
    return link("set", pairs, f"ip -n {ns} link set dev {dev} {words}", index=index, **state)


def set_up(ns: str, index: int, dev: str, up: bool = True) -> Request:
    """Bring a link up or down."""
    return set_link(ns, index, dev, "up" if up else "down", {}, up=up)


def set_flags(ns: str, index: int, dev: str, flags: Mapping[str, bool]) -> Request:
    """Switch flags of a link on and off, as in `constants.IFF`."""
    words = " ".join(f"{name} {'on' if on else 'off'}" for name, on in flags.items())
    return set_link(ns, index, dev, words, {}, flags=flags)


def set_kind(ns: str, index: int, dev: str, kind: str, data: Mapping[str, Any], words: str) -> Request:
    """Change options of a link's kind: ``data`` is what IFLA_INFO_DATA holds."""
    pairs = {"IFLA_LINKINFO": {"IFLA_INFO_KIND": kind, "IFLA_INFO_DATA": data}}
    return set_link(ns, index, dev, f"type {kind} {words}", pairs)


def delete_link(ns: str, index: int, dev: str) -> Request:
    """``ip link delete``."""
    return link("delete", {}, f"ip -n {ns} link delete dev {dev}", index=index)


def touch_link(index: int) -> bytes:
    """A request that changes nothing of a link. It isn't acknowledged."""
    return header(nl.RTM_SETLINK, nl.NLM_F_REQUEST, nl.IFINFOMSG.pack(socket.AF_UNSPEC, 0, index, 0, 0))


def link(
    verb: str,
    pairs: Mapping[str, Any],
    command: str,
    *,
    index: int = 0,
    up: bool | None = None,
    flags: Mapping[str, bool] | None = None,
) -> Request:
    """``verb`` is ``add``, ``set`` or ``delete``; ``pairs`` are IFLA_* attributes, as in `attributes.LINK`.

    ``flags`` are those to be switched, as in `constants.IFF`.

    Raises KeyError for an attribute that isn't known there, ValueError for a value that it cannot hold.
    """
    bits = {nl.IFF_UP: up} if up is not None else {}
    bits |= {nl.IFF[name]: on != (name == "arp") for name, on in (flags or {}).items()}
    head = nl.IFINFOMSG.pack(0, 0, index, sum(bit for bit, on in bits.items() if on), sum(bits))
    return _request(*_made(verb, nl.RTM_NEWLINK, nl.RTM_DELLINK), head + encode(LINK, pairs), command)


def peer(pairs: Mapping[str, Any], *, index: int) -> bytes:
    """VETH_INFO_PEER: a link message inside the attribute of another. Raises as `link` does.

    It can't bring the peer up: at that moment the two ends aren't connected yet (veth_open: ENOTCONN).
    """
    return nl.IFINFOMSG.pack(0, 0, index, 0, 0) + encode(LINK, pairs)


def _family(ip: str) -> int:
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def _table(number: int) -> int:
    """What the header says of a routing table, whose number stands in an attribute as well."""
    return number if number < 256 else nl.RT_TABLE_COMPAT


def address(verb: str, ns: str, index: int, dev: str, ip: str, prefixlen: int) -> Request:
    """Add or delete an address. IPv6 ones are added without duplicate address detection."""
    flags = 0
    pairs: dict[str, Any] = {"IFA_ADDRESS": ip}
    words = f"ip -n {ns} address {verb} {ip}/{prefixlen} dev {dev}"
    if ":" in ip:
        flags = pairs["IFA_FLAGS"] = nl.IFA_F_NODAD
        words += " nodad" if verb == "add" else ""
    else:
        pairs["IFA_LOCAL"] = ip
        if prefixlen < 31:
            pairs["IFA_BROADCAST"] = str(ipaddress.ip_interface(f"{ip}/{prefixlen}").network.broadcast_address)
            words += " broadcast +" if verb == "add" else ""
    body = nl.IFADDRMSG.pack(_family(ip), prefixlen, flags, 0, index) + encode(ADDRESS, pairs)
    return _request(*_made(verb, nl.RTM_NEWADDR, nl.RTM_DELADDR), body, words)


def proxy_delay(ns: str, index: int, dev: str, table: str, delay: int) -> Request:
    """How late an interface may answer in another's place, in ms; ``table`` is ``arp_cache`` or ``ndisc_cache``.

    It isn't acknowledged: for `Socket.carry_out`.
    """
    parms = {"NDTPA_IFINDEX": index, "NDTPA_PROXY_DELAY": delay}
    body = nl.NDTMSG.pack(0) + encode(NEIGHBOR_TABLE, {"NDTA_NAME": table, "NDTA_PARMS": parms})
    command = f"ip -n {ns} ntable change name {table} dev {dev} proxy_delay {delay}"
    return Request(bytearray(header(nl.RTM_SETNEIGHTBL, nl.NLM_F_REQUEST, body)), command)


def neighbor(verb: str, ns: str, index: int, dev: str, ip: str, mac: str) -> Request:
    """Set (``replace``) or delete a permanent neighbour entry."""
    body = nl.NDMSG.pack(_family(ip), index, nl.NUD_PERMANENT, 0, 0)
    body += encode(NEIGHBOR, {"NDA_DST": ip, "NDA_LLADDR": mac if verb == "replace" else None})
    lladdr = f" lladdr {mac} nud permanent" if verb == "replace" else ""
    command = f"ip -n {ns} neigh {verb} {ip}{lladdr} dev {dev}"
    return _request(*_made(verb, nl.RTM_NEWNEIGH, nl.RTM_DELNEIGH), body, command)


def fdb_entry(verb: str, ns: str, index: int, dev: str, mac: str) -> Request:
    """Set (``replace``) or delete a static entry of the bridge's forwarding table, on a port of it."""
    body = nl.NDMSG.pack(nl.AF_BRIDGE, index, nl.NUD_NOARP, nl.NTF_MASTER, 0) + encode(NEIGHBOR, {"NDA_LLADDR": mac})
    command = f"bridge -n {ns} fdb {verb} {mac} dev {dev} master static"
    return _request(*_made(verb, nl.RTM_NEWNEIGH, nl.RTM_DELNEIGH), body, command)


def tunnel_entry(verb: str, ns: str, index: int, dev: str, mac: str, remote: str) -> Request:
    """Add (``append``) or delete a static entry of a tunnel's forwarding table: behind which other end a MAC is."""
    body = nl.NDMSG.pack(nl.AF_BRIDGE, index, nl.NUD_PERMANENT | nl.NUD_NOARP, nl.NTF_SELF, 0)
    body += encode(NEIGHBOR, {"NDA_DST": remote, "NDA_LLADDR": mac})
    command = f"bridge -n {ns} fdb {verb} {mac} dev {dev} dst {remote} self permanent"
    return _request(*_made(verb, nl.RTM_NEWNEIGH, nl.RTM_DELNEIGH), body, command)


def tunnel_deletion(index: int, mac: str) -> bytes:
    """Forget what a tunnel has learned of a MAC. It isn't acknowledged."""
    body = nl.NDMSG.pack(nl.AF_BRIDGE, index, 0, nl.NTF_SELF, 0) + encode(NEIGHBOR, {"NDA_LLADDR": mac})
    return header(nl.RTM_DELNEIGH, nl.NLM_F_REQUEST, body)


def fdb_flush(index: int) -> bytes:
    """Forget what a bridge has learned, static entries aside (br_fdb_delete_bulk; Linux 5.19)."""
    body = nl.NDMSG.pack(nl.AF_BRIDGE, index, 0, nl.NTF_SELF, 0)
    body += encode(NEIGHBOR, {"NDA_NDM_STATE_MASK": nl.NUD_PERMANENT | nl.NUD_NOARP})
    return header(nl.RTM_DELNEIGH, nl.NLM_F_REQUEST | nl.NLM_F_BULK, body)


def route(verb: str, ns: str, way: Route, indexes: Mapping[str, int]) -> Request:
    """Add or delete a route; ``indexes`` are those of interfaces by name."""
    network = ipaddress.ip_network(way.to)
    adding, universe = verb == "add", way.via or way.nexthops or way.type != "unicast" or network.version == 6
    body = nl.RTMSG.pack(
        _family(way.to),
        network.prefixlen,
        0,
        0,
        _table(way.table),
        nl.RTPROT_BOOT if adding else 0,
        (nl.RT_SCOPE_UNIVERSE if universe else nl.RT_SCOPE_LINK) if adding else nl.RT_SCOPE_NOWHERE,
        nl.RTN[way.type],
        nl.RTNH_F_ONLINK if way.onlink else 0,
    )
    pairs = {
        "RTA_DST": str(network.network_address) if network.prefixlen else None,
        "RTA_GATEWAY": way.via,
        "RTA_OIF": indexes[way.dev] if way.dev else None,
        "RTA_TABLE": way.table,
        "RTA_PRIORITY": way.priority or None,
        "RTA_PREFSRC": way.src,
        "RTA_MULTIPATH": [_way(hop, indexes) for hop in way.nexthops] or None,
    }
    words = f"ip -n {ns} route {verb} {' '.join(way.argv)}"
    return _request(*_made(verb, nl.RTM_NEWROUTE, nl.RTM_DELROUTE), body + encode(ROUTE, pairs), words)


def _way(hop: Nexthop, indexes: Mapping[str, int]) -> Way:
    return Way(hop.via, indexes[hop.dev] if hop.dev else 0, nl.RTNH_F_ONLINK if hop.onlink else 0, hop.weight)


def rule(verb: str, ns: str, one: Rule) -> Request:
    """Add or delete a rule."""
    lengths = {"src": 0, "dst": 0}
    pairs: dict[str, Any] = {"FRA_TABLE": one.table, "FRA_PRIORITY": one.priority}
    for name, prefix in (("src", one.src), ("dst", one.dst)):
        if prefix:
            network = ipaddress.ip_network(prefix)
            lengths[name] = network.prefixlen
            pairs[f"FRA_{name.upper()}"] = str(network.network_address)
    pairs |= {"FRA_IIFNAME": one.iif or None, "FRA_OIFNAME": one.oif or None}
    if one.fwmark is not None:
        pairs |= {"FRA_FWMARK": one.fwmark[0], "FRA_FWMASK": one.fwmark[1]}
    family = socket.AF_INET6 if one.family == 6 else socket.AF_INET
    body = nl.FIB_RULE_HDR.pack(family, lengths["dst"], lengths["src"], 0, _table(one.table), nl.FR_ACT_TO_TBL, 0)
    words = f"ip -n {ns} rule {verb} {' '.join(one.argv)}"
    return _request(*_made(verb, nl.RTM_NEWRULE, nl.RTM_DELRULE), body + encode(RULE, pairs), words)


def port_state(ns: str, index: int, dev: str, state: int) -> Request:
    """Put a bridge port into a state (BR_STATE_*), by RTM_SETLINK of AF_BRIDGE as bridge(8) does.

    RTM_NEWLINK with IFLA_INFO_SLAVE_DATA, as ip(8) sends it, can't disable a port: do_setlink ends with NETDEV_CHANGE,
    and then br_port_carrier_check sets a disabled port to forwarding again (6.18).
    """
    body = nl.IFINFOMSG.pack(nl.AF_BRIDGE, 0, index, 0, 0) + encode(
        LINK, {"IFLA_PROTINFO": {"IFLA_BRPORT_STATE": state}}
    )
    return _request(nl.RTM_SETLINK, 0, body, f"bridge -n {ns} link set dev {dev} state {state}")


def port_vlan(
    ns: str, index: int, dev: str, verb: str, vid: int, pvid: bool, untagged: bool, *, own: bool = False
) -> Request:
    """Make a bridge's port, or its ``own`` interface, a member of a VLAN (``add``), or no longer (``del``)."""
    flags = nl.BRIDGE_VLAN_INFO_PVID * pvid | nl.BRIDGE_VLAN_INFO_UNTAGGED * untagged
    inner: dict[str, Any] = {"IFLA_BRIDGE_VLAN_INFO": nl.BRIDGE_VLAN_INFO.pack(flags, vid)}
    if own:
        inner["IFLA_BRIDGE_FLAGS"] = nl.BRIDGE_FLAGS_SELF
    body = nl.IFINFOMSG.pack(nl.AF_BRIDGE, 0, index, 0, 0) + encode(BRIDGE_SPEC, {"IFLA_AF_SPEC": inner})
    words = "".join(f" {word}" for word, on in (("pvid", pvid), ("untagged", untagged), ("self", own)) if on)
    command = f"bridge -n {ns} vlan {verb} vid {vid} dev {dev}{words}"
    return _request(nl.RTM_SETLINK if verb == "add" else nl.RTM_DELLINK, 0, body, command)


def altname(ns: str, index: int, dev: str, name: str) -> Request:
    """Give an interface a further name (RTM_NEWLINKPROP), at most 128 bytes."""
    body = nl.IFINFOMSG.pack(0, 0, index, 0, 0) + encode(LINK, {"IFLA_PROP_LIST": [name]})
    flags = nl.NLM_F_CREATE | nl.NLM_F_EXCL | nl.NLM_F_APPEND
    return _request(nl.RTM_NEWLINKPROP, flags, body, f"ip -n {ns} link property add dev {dev} altname {name}")


def qdisc(verb: str, index: int, handle: int, parent: int, pairs: Mapping[str, Any], command: str) -> Request:
    """Add or delete a queueing discipline of an interface; ``pairs`` are TCA_* attributes, as in `attributes.QDISC`."""
    return _traffic(*_made(verb, nl.RTM_NEWQDISC, nl.RTM_DELQDISC), index, handle, parent, pairs, command)


def traffic_class(index: int, handle: int, parent: int, pairs: Mapping[str, Any], command: str) -> Request:
    """Add a class to a queueing discipline."""
    flags = nl.NLM_F_CREATE | nl.NLM_F_EXCL
    return _traffic(nl.RTM_NEWTCLASS, flags, index, handle, parent, pairs, command)


def _traffic(
    kind: int, flags: int, index: int, handle: int, parent: int, pairs: Mapping[str, Any], command: str
) -> Request:
    body = nl.TCMSG.pack(0, index, handle, parent, 0) + encode(QDISC, pairs)
    return _request(kind, flags, body, command)
