"""What a rule compares a packet's fields with: names and literals as numbers."""

from __future__ import annotations

import ipaddress
import re

from netlab.model.netfilter.ruleset import Interval, Values
from netlab.model.netfilter.tokens import Cursor, NotRead

#: The bits of `ct state` (NF_CT_STATE_BIT and others).
STATES = {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
PROTOCOLS = {
    "icmp": 1,
    "tcp": 6,
    "udp": 17,
    "ipv6-icmp": 58,
    "icmpv6": 58,
    "icmp6": 58,
    "igmp": 2,
    "esp": 50,
    "ah": 51,
    "sctp": 132,
}
_ICMP = {
    "echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
    "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12,
    "timestamp-request": 13, "timestamp-reply": 14,
}  # fmt: skip
_ICMPV6 = {
    "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo-request": 128,
    "echo-reply": 129, "mld-listener-query": 130, "mld-listener-report": 131, "mld-listener-done": 132,
    "mld-listener-reduction": 132, "nd-router-solicit": 133, "nd-router-advert": 134, "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136, "nd-redirect": 137, "mld2-listener-report": 143,
}  # fmt: skip
#: Services by which rules usually name ports (/etc/services has more).
_SERVICES = {"ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "ntp": 123, "https": 443}
_ETHER = {"ip": 0x0800, "arp": 0x0806, "ip6": 0x86DD, "vlan": 0x8100, "8021q": 0x8100}
#: RTN_LOCAL (include/uapi/linux/rtnetlink.h); of the other types of addresses none is told from another.
LOCAL, OTHER = 2, 1
_NAMED = {
    "proto": PROTOCOLS, "icmp": _ICMP, "icmpv6": _ICMPV6, "port": _SERVICES, "state": STATES, "ether": _ETHER,
    "nfproto": {"ipv4": 2, "ipv6": 10}, "mark": {}, "addrtype": {"local": LOCAL},
}  # fmt: skip
_BITS = {"proto": 8, "icmp": 8, "icmpv6": 8, "port": 16, "ether": 16, "nfproto": 8, "mark": 32}

#: What each field that a rule may ask for holds.
FIELDS = {
    "ip saddr": "ip", "ip daddr": "ip", "ip6 saddr": "ip6", "ip6 daddr": "ip6", "ip protocol": "proto",
    "ip6 nexthdr": "proto", "meta l4proto": "proto", "icmp type": "icmp", "icmpv6 type": "icmpv6", "tcp sport": "port",
    "tcp dport": "port", "udp sport": "port", "udp dport": "port", "th sport": "port", "th dport": "port",
    "iif": "name", "iifname": "name", "oif": "name", "oifname": "name", "ct state": "state", "meta mark": "mark",
    "meta nfproto": "nfproto", "meta protocol": "ether", "ether type": "ether", "ether saddr": "mac",
    "ether daddr": "mac", "fib saddr type": "addrtype", "fib daddr type": "addrtype",
}  # fmt: skip
_ALIASES = {
    "meta iif": "iif",
    "meta iifname": "iifname",
    "meta oif": "oif",
    "meta oifname": "oifname",
    "mark": "meta mark",
}
#: Types of named sets.
TYPES = {
    "ipv4_addr": "ip", "ipv6_addr": "ip6", "inet_proto": "proto", "inet_service": "port", "ifname": "name",
    "mark": "mark", "icmp_type": "icmp", "icmpv6_type": "icmpv6", "ether_addr": "mac", "ether_type": "ether",
    "ct_state": "state", "iface_index": "name",
}  # fmt: skip
#: What makes more of a value than stands there.
_OPERATORS = tuple("-./&|^<>=!")
_COMPARED = {"<": (False, -1), "<=": (False, 0), ">": (True, 1), ">=": (True, 0)}


def field(cursor: Cursor) -> str | None:
    """Take the name of a field, if one comes next."""
    for words in (3, 2, 1):
        name = " ".join(cursor.peek(ahead) for ahead in range(words))
        name = _ALIASES.get(name, name)
        if name in FIELDS:
            for _ in range(words):
                cursor.take()
            return name
    return None


def literal(text: str, kind: str) -> Interval | str:
    """One value: a number, a name, a prefix, a range. Raises `NotRead`."""
    try:
        if kind == "name":
            if "\\" in text or "*" in text[:-1]:
                raise NotRead(text)
            return text
        if kind == "mac":
            if not re.fullmatch(r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}", text):
                raise NotRead(text)
            number = int.from_bytes(bytes(int(part, 16) for part in text.split(":")), "big")
            return number, number
        if kind in ("ip", "ip6"):
            return _addresses(text, kind)
        if text in _NAMED[kind]:
            number = _NAMED[kind][text]
            return number, number
        first, dash, last = text.partition("-")
        low, high = int(first, 0), int(last if dash else first, 0)
    except ValueError:
        raise NotRead(text) from None
    if kind not in _BITS or not 0 <= low <= high < 1 << _BITS[kind]:
        raise NotRead(text)
    return low, high


def _addresses(text: str, kind: str) -> Interval:
    first, dash, last = text.partition("-")
    if dash:
        low, high = (ipaddress.ip_address(one) for one in (first, last))
        if low.version != high.version or low.version != (4 if kind == "ip" else 6):
            raise NotRead(text)
        return int(low), int(high)
    network = ipaddress.ip_network(text, strict=False)
    if network.version != (4 if kind == "ip" else 6):
        raise NotRead(text)
    return int(network.network_address), int(network.broadcast_address)


def elements(cursor: Cursor, kind: str) -> Values:
    """The elements of a set in braces. Raises `NotRead`."""
    inner = cursor.block()
    found: list[Interval | str] = []
    inner.ends()
    while inner.peek():
        found.append(literal(inner.word(), kind))
        inner.ends()
        if inner.peek():
            inner.expect(",")
            inner.ends()
    return tuple(found)


def compared(cursor: Cursor, kind: str, sets: dict[str, Values | None]) -> tuple[Values, bool]:
    """What stands behind a field: its values, and whether it must have none of them. Raises `NotRead`."""
    if cursor.peek() in _COMPARED and kind in _BITS:
        up, beyond = _COMPARED[cursor.word()]
        value = literal(cursor.word(), kind)
        assert not isinstance(value, str)
        number = value[0]
        return (((number + beyond, (1 << _BITS[kind]) - 1) if up else (0, number + beyond)),), False
    negated = cursor.skip("!=")
    if not negated:
        cursor.skip("==")
    if cursor.peek() == "{":
        return elements(cursor, kind), negated
    text = cursor.word()
    if text.startswith("@"):
        values = sets.get(text[1:])
        if values is None:
            raise NotRead(text)
        return values, negated
    found = [literal(text, kind)]
    if cursor.peek()[:1] in _OPERATORS or cursor.peek() in ("and", "or", "xor"):
        raise NotRead(cursor.peek())
    while cursor.peek() == ",":
        if kind != "state" or negated:
            raise NotRead(",")
        cursor.take()
        found.append(literal(cursor.word(), kind))
    return tuple(found), negated
