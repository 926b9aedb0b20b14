"""What else is different between two runs: where and when they took place, and the topology itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from netlab.contract import types

Record = Mapping[str, Any]

#: What numbers and names the plan gives out says nothing to a reader.
_NOT_TOLD = {
    "where",
    "ifindex",
    "ifname",
    "port_ifindex",
    "port_ifname",
    "peer_ifindex",
    "peer_ifname",
    "type",
}
#: Derived from the topology's name.
_DERIVED = {"mac", "port_mac", "peer_mac"}
#: Lines about the topology; the rest is counted.
MOST_LINES = 40


def circumstances(before: Record, after: Record) -> Iterator[tuple[str, str, str]]:
    """Name, before, after of everything about the runs that differs; the time always."""
    for name, a, b in (
        ("topology", before["topology"]["name"], after["topology"]["name"]),
        ("kernel", before["kernel"], after["kernel"]),
        ("netlab", before["netlab"], after["netlab"]),
        ("substrate", before["substrate"], after["substrate"]),
        ("rootless", _yes(before["rootless"]), _yes(after["rootless"])),
        ("seed", str(before["seed"]), str(after["seed"])),
    ):
        if a != b:
            yield name, a, b
    yield "started", before["started"], after["started"]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def topology(before: Record, after: Record) -> Iterator[str]:
    """Lines about links that are changed, new or gone, step by step; no line is repeated."""
    same_name = before["topology"]["name"] == after["topology"]["name"]
    ignored = _NOT_TOLD if same_name else _NOT_TOLD | _DERIVED
    states = [
        {step["name"]: step["state"] for step in record["topology"]["plan"].get("steps", ())}
        for record in (before, after)
    ]
    told: dict[str, None] = {}
    for name, state in states[0].items():
        if name in states[1]:
            told.update(dict.fromkeys(_states(state, states[1][name], ignored)))
    lines = list(told)
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"and {len(lines) - MOST_LINES} more"


def _states(before: Record, after: Record, ignored: set[str]) -> Iterator[str]:
    old, new = ({_id(link): link for link in state.get("links", ())} for state in (before, after))
    yield from (f"{name} is gone" for name in old if name not in new)
    yield from (f"{name} is new" for name in new if name not in old)
    for name, link in old.items():
        if name in new and link != new[name]:
            a, b = (dict(_flat(one, ignored)) for one in (link, new[name]))
            defaults = _defaults(str(link.get("type")))
            for key in dict.fromkeys((*a, *b)):
                before_, after_ = (one.get(key, defaults.get(key)) for one in (a, b))
                if before_ != after_:
                    yield f"{name}: {key} {_shown(before_)} → {_shown(after_)}"


def _id(link: Record) -> str:
    return f"{link['namespace']}:{link['name']}"


def _flat(link: Record, ignored: set[str], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in link.items():
        if key in ignored:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, ignored, f"{prefix}{key} ")
        else:
            yield f"{prefix}{key}", value


def _defaults(kind: str) -> dict[str, Any]:
    """What a field of this type of link (and of its port) is where a record leaves it out."""
    cls = getattr(types, kind, None)
    if not is_dataclass(cls):
        return {}
    found = {one.name: one.default for one in fields(cls) if one.default is not MISSING}
    for name in ("port", "peer_port"):
        found.update({f"{name} {one.name}": one.default for one in fields(types.Port)})
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def _shown(value: Any) -> str:
    if value is None:
        return "the kernel's choice"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        parts = [
            f"{one.get('ip', '')}/{one.get('prefixlen', '')}" if isinstance(one, Mapping) else str(one) for one in value
        ]
        return ", ".join(parts) or "none"
    return str(value)
