"""Changes in words, for people: what a step does to the lab."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields

from netlab.contract.types import (
    AddLink,
    AddNamespace,
    AnyChange,
    AnyLink,
    DeleteLink,
    DeleteNamespace,
    Namespace,
    Port,
    SetFiles,
    SetLink,
    SetNftables,
    SetProgram,
    SetRouting,
    SetSysctl,
)

#: What the kernel is told about a link that says nothing to a reader of a report.
_NOT_TOLD = {
    "where",
    "ifname",
    "ifindex",
    "carrier",
    "port",
    "peer_port",
    "port_ifname",
    "port_ifindex",
    "port_mac",
}


def describe(change: AnyChange) -> str:
    """One line: ``A:ens160: state down``, ``add A/c1:eth0, macvlan bridge on A:eth0, 10.0.0.2/24``."""
    text = _describe(change)
    if change.refusal is not None:
        text += f" (to be refused: {change.refusal.errno} at {change.refusal.at})"
    return text


def _describe(change: AnyChange) -> str:
    match change:
        case AddNamespace():
            return f"add {change.namespace.kind} {change.namespace.id}"
        case DeleteNamespace() | DeleteLink():
            return f"delete {change.id}"
        case AddLink():
            link = change.link
            words = [*kind_in_words(link), *map(str, link.addresses), *([] if link.up else ["down"])]
            return f"add {link.id}, {', '.join(words)}"
        case SetLink():
            how = f" (by {change.via})" if change.via != "netlink" else ""
            return f"{change.after.id}: {_listed(_differences(change.before, change.after))}{how}"
        case SetSysctl():
            return f"{change.namespace}: {sysctl_name(change.path)}={change.value}"
        case SetNftables():
            return f"{change.namespace}: {'another' if change.ruleset.strip() else 'no'} nftables ruleset"
        case SetProgram():
            return f"{change.namespace}: {change.verb} {change.program.name}"
        case SetFiles():
            return f"{change.namespace}: {', '.join(file.path for file in change.files)}"
        case SetRouting():
            return f"{change.after.id}: {_listed(_routing(change.before, change.after))}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "nothing changes"


def sysctl_name(path: str) -> str:
    """The name as sysctl(8) writes it; a dot inside an interface's name becomes a slash."""
    return path.translate(str.maketrans("./", "/."))


def kind_in_words(link: AnyLink) -> Iterator[str]:
    """What kind of link this is, and what is special about it: ``on switch lan``, ``port hairpin on``."""
    yield from link.words
    if link.master is not None and link.port_of is None:
        yield f"{link.member} of {link.master}"
    yield from (_value(name, on) for name, on in link.flags.items())
    for plug in link.plugs:
        what = plug.field.replace("_", " ")
        yield from (f"{what} {word}" for word in _differences_of(Port(), plug.port))


def _differences(before: AnyLink, after: AnyLink) -> Iterator[str]:
    for field in fields(after):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if field.name in ("port", "peer_port", "own_port"):
            words = _differences_of(old or Port(), new or Port())
            yield from (f"{field.name.replace('_', ' ')} {word}" for word in words)
        elif field.name not in _NOT_TOLD and old != new:
            yield _value("state" if field.name == "up" else field.name, new)


def _differences_of(old: Port, new: Port) -> Iterator[str]:
    for field in fields(new):
        if getattr(old, field.name) != getattr(new, field.name):
            yield _value(field.name, getattr(new, field.name))


def _value(name: str, value: object) -> str:
    if name in ("state", "up") and isinstance(value, bool):
        return f"{name} {'up' if value else 'down'}" if name == "state" else ("up" if value else "down")
    if isinstance(value, bool):
        return f"{name} {'on' if value else 'off'}"
    if isinstance(value, tuple):
        words = [f"{one.ip} {one.mac}" if hasattr(one, "mac") else str(one) for one in value]
        return f"{name} {', '.join(words) or 'none'}"
    return f"{name} {'none' if value is None else value}"


def _routing(before: Namespace, after: Namespace) -> Iterator[str]:
    for verb, these, those in (("delete", before, after), ("add", after, before)):
        for word, old, new in (("route", those.routes, these.routes), ("rule", those.rules, these.rules)):
            yield from (f"{verb} {word} {' '.join(one.argv)}" for one in new if one not in old)
