"""What netlab writes to the kernel, beside what pyroute2's message classes make of the same."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from netlab.agent import netlink
from netlab.agent.links.port import OPTIONS
from netlab.agent.netlink import dumps
from netlab.agent.netlink.attributes import ADDRESS, BRIDGE, LINK, LINKINFO, RULE
from netlab.agent.netlink.forms import Table, decode, encode
from netlab.agent.netlink.socket import nla
from netlab.contract.types import Nexthop, Route, Rule
from tests.agent.witness import learn


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pyroute2 know what it lacks."""
    learn(monkeypatch)


# --- requests ---------------------------------------------------------------------------------------

REQUEST, ACK, REPLACE, EXCL, CREATE, APPEND, DUMP = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800, 0x300


class Peer(NamedTuple):
    """The other end of a veth that is to be made."""

    index: int
    pairs: Mapping[str, Any]


def mine(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as netlab's requests want them."""

    def one(value: Any) -> Any:
        if isinstance(value, Peer):
            return netlink.peer(mine(value.pairs), index=value.index)
        return mine(value) if isinstance(value, Mapping) else value

    return {name: one(value) for name, value in pairs.items()}


def theirs(pairs: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Attributes as pyroute2's messages want them."""

    def one(value: Any) -> Any:
        if isinstance(value, Peer):
            return {"index": value.index, "attrs": theirs(value.pairs)}
        if isinstance(value, list):
            return {"attrs": [("IFLA_MACVLAN_MACADDR", mac) for mac in value]}
        return {"attrs": theirs(value)} if isinstance(value, Mapping) else value

    return [(name, one(value)) for name, value in pairs.items() if value is not None]


def witness(message: Any, kind: int, how: int, attrs: list[Any], **fields: int) -> bytes:
    """What pyroute2 makes of a request; ``how`` are the flags of its header."""
    for name, value in fields.items():
        message[name] = value
    message["attrs"] = attrs
    message["header"] |= {"type": kind, "flags": how, "sequence_number": 0, "pid": 0}
    message.encode()
    return bytes(message.data)


U8, U16, U32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
INDEXES = st.integers(0, 2**31 - 1)
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=15)
MACS = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
IPS = st.ip_addresses().map(str)
ENDS = {"IFLA_IFNAME": NAMES, "IFLA_ADDRESS": MACS | st.none(), "IFLA_MTU": U32, "IFLA_NET_NS_FD": INDEXES}
PORT = {entry[0]: U8 for entry in OPTIONS.values()}
DATA = {
    "veth": {"VETH_INFO_PEER": st.builds(Peer, INDEXES, st.fixed_dictionaries({}, optional=ENDS))},
    "bridge": {
        "IFLA_BR_STP_STATE": U32,
        "IFLA_BR_FORWARD_DELAY": U32,
        "IFLA_BR_AGEING_TIME": U32,
        "IFLA_BR_MCAST_SNOOPING": U8,
        "IFLA_BR_FDB_MAX_LEARNED": U32 | st.none(),
    },
    "macvlan": {
        "IFLA_MACVLAN_MODE": U32,
        "IFLA_MACVLAN_FLAGS": U16,
        "IFLA_MACVLAN_MACADDR_MODE": U32,
        "IFLA_MACVLAN_MACADDR_DATA": st.lists(MACS, max_size=3),
        "IFLA_MACVLAN_BC_QUEUE_LEN": U32,
    },
}
DATA["macvtap"] = DATA["macvlan"]
INFO = st.sampled_from(sorted(DATA)).flatmap(
    lambda kind: st.fixed_dictionaries({}, optional=DATA[kind]).map(
        lambda data: {"IFLA_INFO_KIND": kind, "IFLA_INFO_DATA": data}
    )
)
SLAVE = st.fixed_dictionaries({}, optional=PORT).map(
    lambda data: {"IFLA_INFO_SLAVE_KIND": "bridge", "IFLA_INFO_SLAVE_DATA": data}
)
LINKS = st.fixed_dictionaries(
    {}, optional={**ENDS, "IFLA_LINK": U32 | st.none(), "IFLA_MASTER": U32, "IFLA_LINKINFO": INFO | SLAVE}
)


@given(LINKS, INDEXES, st.sampled_from(["add", "set", "delete"]), st.sampled_from([None, True, False]))
def test_a_link_request_is_what_pyroute2_makes_of_it(
    pairs: dict[str, Any], index: int, verb: str, up: bool | None
) -> None:
    """Whatever attributes of whatever kind it has, every byte is the same, and the command is the one given."""
    kind, flags = {"add": (16, CREATE | EXCL), "set": (16, 0), "delete": (17, 0)}[verb]
    state = {} if up is None else {"flags": int(up), "change": 1}
    made = netlink.link(verb, mine(pairs), "ip link", index=index, up=up)
    assert made.message == witness(ifinfmsg(), kind, REQUEST | ACK | flags, theirs(pairs), index=index, **state)
    assert made.command == "ip link"


@given(INDEXES, st.booleans())
def test_a_link_is_brought_up_and_down_as_by_pyroute2(index: int, up: bool) -> None:
    """The flag, and that it is this flag that changes, are those of pyroute2's message."""
    made = netlink.set_up("ns", index, "eth0", up)
    assert made.message == witness(ifinfmsg(), 16, REQUEST | ACK, [], index=index, flags=int(up), change=1)
    assert made.command == f"ip -n ns link set dev eth0 {'up' if up else 'down'}"


@given(IPS, st.integers(0, 32), INDEXES, st.booleans())
def test_an_address_request_is_what_pyroute2_makes_of_it(ip: str, length: int, index: int, adding: bool) -> None:
    """IPv4 with its broadcast address, IPv6 without duplicate address detection: every byte is the same."""
    attrs: list[Any] = [("IFA_ADDRESS", ip)]
    if ":" in ip:
        attrs.append(("IFA_FLAGS", 2))
    else:
        attrs.append(("IFA_LOCAL", ip))
        if length < 31:
            network = ipaddress.ip_network(f"{ip}/{length}", strict=False)
            attrs.append(("IFA_BROADCAST", str(network.broadcast_address)))
    kind, flags = (20, CREATE | EXCL) if adding else (21, 0)
    family = {"family": 10, "flags": 2} if ":" in ip else {"family": 2}
    made = netlink.address("add" if adding else "delete", "ns", index, "eth0", ip, length)
    assert made.message == witness(
        ifaddrmsg(), kind, REQUEST | ACK | flags, attrs, prefixlen=length, index=index, **family
    )


@given(IPS, MACS, INDEXES, st.booleans())
def test_requests_for_neighbours_are_what_pyroute2_makes_of_them(ip: str, mac: str, index: int, adding: bool) -> None:
    """Permanent neighbours and static entries of a bridge's table, set and deleted: every byte is the same."""
    verb, kind, flags = ("replace", 28, CREATE | REPLACE) if adding else ("delete", 29, 0)
    flags |= REQUEST | ACK
    attrs = [("NDA_DST", ip), *([("NDA_LLADDR", mac)] if adding else [])]
    family = 10 if ":" in ip else 2
    made = netlink.neighbor(verb, "ns", index, "eth0", ip, mac)
    assert made.message == witness(ndmsg(), kind, flags, attrs, family=family, ifindex=index, state=0x80)
    made = netlink.fdb_entry(verb, "ns", index, "eth0", mac)
    attrs = [("NDA_LLADDR", mac)]
    assert made.message == witness(ndmsg(), kind, flags, attrs, family=7, ifindex=index, state=0x40, flags=4)


def _alone(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return str(ipaddress.ip_network(ip))


TYPES = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8}


@given(IPS, st.integers(0, 32), st.booleans(), st.none() | INDEXES, U32, st.booleans(), U32, st.booleans())
def test_a_route_request_is_what_pyroute2_makes_of_it(
    ip: str, length: int, direct: bool, index: int | None, table: int, adding: bool, metric: int, onlink: bool
) -> None:
    """With and without a gateway, interface, metric, source, and a table above 255, for both families: byte by byte."""
    to = ipaddress.ip_network(f"{ip}/{length}", strict=False)
    via = None if direct else ip
    priority = metric or (1024 if to.version == 6 else 0)
    attrs = [
        *([("RTA_DST", str(to.network_address))] if length else []),
        *([("RTA_GATEWAY", via)] if via else []),
        *([("RTA_OIF", index)] if index is not None else []),
        ("RTA_TABLE", table),
        *([("RTA_PRIORITY", priority)] if priority else []),
        *([("RTA_PREFSRC", ip)] if onlink else []),
    ]
    kind, flags = (24, CREATE | EXCL) if adding else (25, 0)
    fields = {**route_fields(to, table, adding), "flags": 4 if onlink else 0}
    fields["scope"] = (253 if direct and to.version == 4 else 0) if adding else 255
    way = Route(
        str(to),
        via,
        "eth0" if index is not None else None,
        table,
        metric,
        src=ip if onlink else None,
        onlink=onlink,
    )
    made = netlink.route("add" if adding else "delete", "ns", way, {"eth0": index or 0})
    assert made.message == witness(rtmsg(), kind, REQUEST | ACK | flags, attrs, **fields)


def route_fields(to: ipaddress.IPv4Network | ipaddress.IPv6Network, table: int, adding: bool) -> dict[str, int]:
    return {
        "family": 10 if to.version == 6 else 2,
        "dst_len": to.prefixlen,
        "table": table if table < 256 else 252,
        "proto": 3 if adding else 0,
        "scope": 0 if adding else 255,
        "type": 1,
    }


@given(IPS, st.sampled_from(sorted(TYPES)), st.booleans())
def test_a_route_that_leads_nowhere_is_what_pyroute2_makes_of_it(ip: str, kind: str, adding: bool) -> None:
    """Each type has its number, and the wider scope."""
    to = ipaddress.ip_network(ip)
    attrs = [("RTA_DST", ip), ("RTA_TABLE", 254), *([("RTA_PRIORITY", 1024)] if to.version == 6 else [])]
    message, flags = (24, CREATE | EXCL) if adding else (25, 0)
    fields = {**route_fields(to, 254, adding), "type": TYPES[kind]}
    if kind == "unicast":
        return
    made = netlink.route("add" if adding else "delete", "ns", Route(str(to), type=kind), {})  # type: ignore[arg-type]
    assert made.message == witness(rtmsg(), message, REQUEST | ACK | flags, attrs, **fields)


HOPS = st.none() | INDEXES, st.integers(1, 256), st.booleans()


@given(
    st.sampled_from([4, 6]).flatmap(
        lambda version: st.lists(st.tuples(st.ip_addresses(v=version).map(str), *HOPS), min_size=1)
    )
)
def test_next_hops_are_what_pyroute2_makes_of_them(hops: list[tuple[str, int | None, int, bool]]) -> None:
    """Gateways of both families, with and without an interface, a weight and the flag: every byte is the same."""
    to = ipaddress.ip_network("fd00::/8" if ":" in hops[0][0] else "10.0.0.0/8")
    indexes = {f"eth{i}": index or 0 for i, (_, index, _, _) in enumerate(hops)}
    ways = tuple(
        Nexthop(ip, f"eth{i}" if index is not None else None, weight, onlink)
        for i, (ip, index, weight, onlink) in enumerate(hops)
    )
    attrs = [
        ("RTA_DST", str(to.network_address)),
        ("RTA_TABLE", 254),
        *([("RTA_PRIORITY", 1024)] if to.version == 6 else []),
        (
            "RTA_MULTIPATH",
            [
                {"oif": index or 0, "hops": weight - 1, "flags": 4 if onlink else 0, "attrs": [("RTA_GATEWAY", ip)]}
                for ip, index, weight, onlink in hops
            ],
        ),
    ]
    made = netlink.route("add", "ns", Route(str(to), nexthops=ways), indexes)
    assert made.message == witness(rtmsg(), 24, REQUEST | ACK | CREATE | EXCL, attrs, **route_fields(to, 254, True))


@given(
    st.sampled_from([4, 6]).flatmap(
        lambda version: st.builds(
            Rule,
            family=st.just(version),
            table=U32,
            priority=U32,
            fwmark=st.none() | st.tuples(U32, U32),
            **dict.fromkeys(["src", "dst"], st.none() | st.ip_addresses(v=version).map(_alone)),
            **dict.fromkeys(["iif", "oif"], st.none() | NAMES),
        )
    ),
    st.booleans(),
)
def test_a_rule_request_is_what_pyroute2_makes_of_it(one: Rule, adding: bool) -> None:
    """With and without source, destination, interfaces and a mark, for both families: every byte is the same."""
    prefixes = {"src": one.src, "dst": one.dst}
    attrs: list[Any] = [("FRA_TABLE", one.table), ("FRA_PRIORITY", one.priority)]
    attrs += [(f"FRA_{name.upper()}", prefix.split("/")[0]) for name, prefix in prefixes.items() if prefix]
    attrs += [(f"FRA_{name.upper()}NAME", value) for name in ("iif", "oif") if (value := getattr(one, name))]
    if one.fwmark is not None:
        attrs += [("FRA_FWMARK", one.fwmark[0]), ("FRA_FWMASK", one.fwmark[1])]
    kind, flags = (32, CREATE | EXCL) if adding else (33, 0)
    fields = {
        "family": 10 if one.family == 6 else 2,
        "table": one.table if one.table < 256 else 252,
        "action": 1,
        **{f"{name}_len": ipaddress.ip_network(prefix).prefixlen for name, prefix in prefixes.items() if prefix},
    }
    made = netlink.rule("add" if adding else "delete", "ns", one)
    assert made.message == witness(fibmsg(), kind, REQUEST | ACK | flags, attrs, **fields)


@given(INDEXES, st.integers(0, 4), NAMES)
def test_port_states_and_further_names_are_what_pyroute2_makes_of_them(index: int, state: int, name: str) -> None:
    """Both carry NLA_F_NESTED, without which the kernel would take them otherwise: every byte is the same."""
    attrs: list[Any] = [("IFLA_PROTINFO", {"attrs": [("IFLA_BRPORT_STATE", state)]}, 0x8000)]
    made = netlink.port_state("ns", index, "eth0", state)
    assert made.message == witness(ifinfmsg(), 19, REQUEST | ACK, attrs, family=7, index=index)
    attrs = [("IFLA_PROP_LIST", {"attrs": [("IFLA_ALT_IFNAME", name)]})]
    made = netlink.altname("ns", index, "eth0", name)
    assert made.message == witness(ifinfmsg(), 108, REQUEST | ACK | CREATE | EXCL | APPEND, attrs, index=index)


def test_dumps_are_asked_for_as_by_pyroute2() -> None:
    """The two requests, links without their statistics, are pyroute2's byte by byte."""
    assert witness(ifinfmsg(), 18, REQUEST | DUMP, [("IFLA_EXT_MASK", 8)]) == dumps.LINKS
    assert witness(ifaddrmsg(), 22, REQUEST | DUMP, []) == dumps.ADDRESSES


# --- what is not to be sent ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pairs",
    [
        {"IFLA_FROBNICATE": 1},
        {"IFLA_BR_STP_STATE": 1},
        {"IFLA_LINKINFO": {"IFLA_FROBNICATE": 1}},
        {"IFLA_LINKINFO": {"IFLA_INFO_KIND": "bridge", "IFLA_INFO_DATA": {"IFLA_FROBNICATE": 1}}},
        {"IFLA_LINKINFO": {"IFLA_INFO_KIND": "frobnicator", "IFLA_INFO_DATA": {"IFLA_BR_STP_STATE": 1}}},
        {"IFLA_LINKINFO": {"IFLA_INFO_DATA": {"IFLA_BR_STP_STATE": 1}}},
    ],
    ids=str,
)
def test_an_unknown_attribute_is_an_error(pairs: dict[str, Any]) -> None:
    """A name that the table of its level doesn't have, or data of an unknown kind, raise KeyError."""
    with pytest.raises(KeyError):
        netlink.link("add", pairs, "")


@pytest.mark.parametrize(
    ("table", "pairs", "said"),
    [
        (LINK, {"IFLA_MTU": 2**32}, "IFLA_MTU: "),
        (LINK, {"IFLA_MTU": -1}, "IFLA_MTU: "),
        (LINK, {"IFLA_MTU": "1500"}, "IFLA_MTU: "),
        (LINK, {"IFLA_IFNAME": "eth\0"}, "IFLA_IFNAME: .* has a NUL"),
        (LINK, {"IFLA_IFNAME": 7}, "IFLA_IFNAME: "),
        (LINK, {"IFLA_ADDRESS": "02:00:00:00:00"}, "IFLA_ADDRESS: .* is not a MAC"),
        (LINK, {"IFLA_ADDRESS": "no MAC at all"}, "IFLA_ADDRESS: "),
        (BRIDGE, {"IFLA_BR_MCAST_SNOOPING": 256}, "IFLA_BR_MCAST_SNOOPING: "),
        (LINKINFO, {"IFLA_INFO_KIND": "veth", "IFLA_INFO_DATA": {"VETH_INFO_PEER": 8}}, "_DATA: VETH_INFO_PEER: "),
        (LINKINFO, {"IFLA_INFO_KIND": "macvlan", "IFLA_INFO_DATA": {"IFLA_MACVLAN_FLAGS": 65536}}, "_MACVLAN_FLAGS: "),
        (ADDRESS, {"IFA_LOCAL": "10.0.0.256"}, "IFA_LOCAL: "),
        (RULE, {"FRA_IIFNAME": "x" * 65536}, "FRA_IIFNAME: "),
    ],
)
def test_a_value_that_does_not_fit_is_an_error(table: Table, pairs: dict[str, Any], said: str) -> None:
    """What an attribute cannot hold raises ValueError, which begins with the names on the way to it."""
    with pytest.raises(ValueError, match=said):
        encode(table, pairs)


# --- what is read -------------------------------------------------------------------------------------


@given(LINKS)
def test_what_is_written_is_read_again(pairs: dict[str, Any]) -> None:
    """Attributes come back as they went in, those that were None excepted."""

    def there(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: there(inner) for name, inner in value.items() if inner is not None}
        return value

    assert decode(LINK, encode(LINK, mine(pairs))) == there(mine(pairs))


def test_what_is_unknown_is_passed_over() -> None:
    """Attributes that the table doesn't have, and data of a kind that nobody knows, leave the rest readable."""
    data = nla(999, b"?") + encode(LINK, {"IFLA_MTU": 1500})
    data += nla(18, nla(1, b"geneve\0") + nla(2, nla(1, b"\7\0"))) + nla(10, struct.pack("=I", 7))
    assert decode(LINK, data) == {"IFLA_MTU": 1500, "IFLA_LINKINFO": {"IFLA_INFO_KIND": "geneve"}, "IFLA_MASTER": 7}
