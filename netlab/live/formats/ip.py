"""What ``ip -j`` prints of a machine: links, addresses, routes, rules and neighbours, in any order.

One namespace: the outputs one after the other. Several: a mapping of each one's name to a list of its outputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from netlab.contract.types import Where
from netlab.live.machine.values import Device, End, Ip, LiveNeighbor, LiveRoute, LiveRule, Machine, Space, Way, as_given
from netlab.spec.problems import Problem, TopologyError
from netlab.spec.scalars import TABLES

_PROTOCOLS = {"kernel": 2}
_SKIPPED = ("local", "broadcast", "anycast", "multicast")
#: Keys of rules that a topology file can say, and such as mean nothing.
_RULE = {"priority", "src", "srclen", "dst", "dstlen", "iif", "oif", "fwmark", "fwmask", "table", "protocol"}
_USED = {"PERMANENT", "REACHABLE", "STALE", "DELAY", "PROBE"}
Row = Mapping[str, Any]


def read(text: str, file: str) -> Machine:
    """The machine that a text tells of. Raises TopologyError."""
    values = list(_values(text, file))
    if len(values) == 1 and isinstance(values[0], dict):
        spaces = {str(name): list(_rows(rows)) for name, rows in values[0].items()}
    else:
        spaces = {"": [row for value in values for row in _rows(value)]}
    if not any(_is_link(row) for rows in spaces.values() for row in rows):
        problem = Problem(Where(file, 1, 1), "there are no links here", "what 'ip -j -d link' prints comes first")
        raise TopologyError([problem])
    first = next(iter(spaces))
    try:
        read = [_space(name, name == first, rows, spaces) for name, rows in spaces.items()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        problem = Problem(Where(file, 1, 1), f"a row is not as ip prints it: {error!r}", "ip -j of iproute2")
        raise TopologyError([problem]) from error
    said = "sysctls and nftables of the machine, which ip doesn't print: they are the kernel's own and none here"
    return Machine(tuple(read), tuple(spaces), (said,))


def _values(text: str, file: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise TopologyError(
                [Problem(Where(file, error.lineno, error.colno), f"no JSON: {error.msg}", "ip -j")]
            ) from None
        yield value


def _rows(value: Any) -> Iterator[Row]:
    """The rows of one output, or of a list of outputs."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, list):
            yield from _rows(one)
        elif isinstance(one, dict) and one:
            yield one


def _is_link(row: Row) -> bool:
    return "ifname" in row and "link_type" in row and ("addr_info" not in row or "ifindex" in row)


def _space(name: str, home: bool, rows: list[Row], all_rows: Mapping[str, list[Row]]) -> Space:
    links: dict[str, dict[str, Any]] = {}
    for row in rows:
        if _is_link(row):
            links.setdefault(str(row["ifname"]), {}).update(row)
    indexes = {ifname: int(row.get("ifindex", 0)) for ifname, row in links.items()}
    routes = [row for row in rows if "dst" in row and "priority" not in row and not _is_neighbor(row)]
    return Space(
        key=name,
        names=(name,) if name else (),
        home=home,
        devices=tuple(_device(name, row, indexes, all_rows) for row in links.values()),
        routes=tuple(_route(row, indexes) for row in routes if row.get("type") not in _SKIPPED),
        rules=tuple(_rule(row) for row in rows if "priority" in row),
        neighbors=tuple(_neighbor(row, indexes) for row in rows if _is_neighbor(row) and row.get("lladdr")
                        and _USED & set(row.get("state", ()))),
    )  # fmt: skip


def _is_neighbor(row: Row) -> bool:
    return "dst" in row and isinstance(row.get("state"), list)


def _device(name: str, row: Row, indexes: Mapping[str, int], all_rows: Mapping[str, list[Row]]) -> Device:
    info = row.get("linkinfo", {})
    flags = set(row.get("flags", ()))
    port = info.get("info_slave_data", {}) if info.get("info_slave_kind") == "bridge" else {}
    data = dict(info.get("info_data", {}))
    data["link"] = indexes.get(str(data.get("link")))
    data["primary"], data["active_slave"] = (indexes.get(str(data.get(key))) for key in ("primary", "active_slave"))
    return Device(
        index=indexes[str(row["ifname"])],
        name=str(row["ifname"]),
        kind=str(info.get("info_kind", "")),
        mac=row.get("address"),
        mtu=int(row.get("mtu", 1500)),
        up="UP" in flags,
        carrier="NO-CARRIER" not in flags and "UP" in flags,
        arp="NOARP" not in flags,
        promisc="PROMISC" in flags,
        allmulticast="ALLMULTI" in flags,
        multicast="MULTICAST" in flags,
        loopback="LOOPBACK" in flags,
        ether=row.get("link_type") == "ether",
        lower=_lower(name, row, indexes, all_rows),
        master=indexes.get(str(row.get("master"))),
        port_kind=str(info.get("info_slave_kind", "")),
        data=data,
        port=port,
        addresses=as_given(_addresses(name, str(row["ifname"]), all_rows)),
    )


def _addresses(name: str, ifname: str, all_rows: Mapping[str, list[Row]]) -> Iterator[Ip]:
    found: dict[str, Ip] = {}
    for row in all_rows[name]:
        for one in row.get("addr_info", ()) if row.get("ifname") == ifname else ():
            if one.get("local") and not one.get("dadfailed"):
                peer = one.get("address")
                found[one["local"]] = Ip(one["local"], int(one["prefixlen"]), not one.get("noprefixroute"), peer)
    yield from found.values()


def _lower(name: str, row: Row, indexes: Mapping[str, int], all_rows: Mapping[str, list[Row]]) -> End | None:
    """What it sits on, or the other end of its wire: by name in its own namespace, else where the number fits."""
    if "link" in row and row["link"] in indexes:
        return name, indexes[row["link"]]
    if "link_index" not in row and "link_netnsid" not in row:
        return None
    index = int(row.get("link_index", row.get("ifindex", 0)))
    fitting = []
    for other, rows in all_rows.items():
        for one in rows if other != name else ():
            if _is_link(one) and one.get("ifindex") == index:
                wire = row.get("linkinfo", {}).get("info_kind") == "veth"
                back = one.get("link_index", one.get("ifindex")) == row.get("ifindex")
                fitting += [other] if back or not wire else []
    # Of several the first, which is the machine: a container's interfaces sit on those of its host.
    names = [other for other in all_rows if other in fitting]
    home = next(iter(all_rows))
    return (names[0] if len(names) == 1 or home in names else None), index


def _prefix(text: str) -> str:
    return text if text == "default" or "/" in text else f"{text}/{128 if ':' in text else 32}"


def _route(row: Row, indexes: Mapping[str, int]) -> LiveRoute:
    hops = row.get("nexthops") or ([row] if "dev" in row else [])
    ways = tuple(
        Way(
            hop.get("gateway"),
            indexes.get(str(hop.get("dev"))),
            int(hop.get("weight", 1)),
            "onlink" in hop.get("flags", ()),
        )
        for hop in hops
    )
    texts = [str(row["dst"]), *(str(way.via) for way in ways), str(row.get("prefsrc", ""))]
    strange = [key for key in ("encap", "metrics", "tos", "from") if row.get(key)]
    strange += ["via inet6"] if any("via" in hop for hop in hops) else []
    kind = str(row.get("type", "unicast"))
    return LiveRoute(
        to=_prefix(str(row["dst"])),
        family=6 if any(":" in text for text in texts) or row.get("pref") else 4,
        ways=ways if kind == "unicast" else (),
        table=_table(row.get("table", "main")),
        metric=int(row.get("metric", 0)),
        src=row.get("prefsrc"),
        type=kind,
        protocol=_PROTOCOLS.get(str(row.get("protocol")), 0),
        strange=tuple(strange),
    )


def _table(name: Any) -> int:
    return TABLES.get(str(name), int(name) if str(name).isdigit() else 0)


def _rule(row: Row) -> LiveRule:
    def side(key: str) -> str | None:
        text = str(row.get(key, "all"))
        return None if text == "all" else _prefix(f"{text}/{row[f'{key}len']}" if f"{key}len" in row else text)

    mark = row.get("fwmark")
    return LiveRule(
        priority=int(row["priority"]),
        family=6 if any(":" in str(row.get(key, "")) for key in ("src", "dst")) else 4,
        table=_table(row.get("table", "main")),
        src=side("src"),
        to=side("dst"),
        iif=row.get("iif"),
        oif=row.get("oif"),
        fwmark=None if mark is None else f"{mark}" + (f"/{row['fwmask']}" if "fwmask" in row else ""),
        strange=tuple(key for key in row if key not in _RULE),
    )


def _neighbor(row: Row, indexes: Mapping[str, int]) -> LiveNeighbor:
    return LiveNeighbor(
        str(row["dst"]), str(row["lladdr"]), indexes.get(str(row.get("dev")), 0), "PERMANENT" in row["state"]
    )
