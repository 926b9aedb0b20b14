"""A fix as commands for the real machine, and those that take it back: out of the plan's changes, whatever they are.

What is called a host here is one machine there; its containers are network namespaces of it that ``ip netns`` knows by
name. A switch is a Linux bridge: another switch has words of its own for what is set at its ports.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types import (
    AddLink,
    AddNamespace,
    AnyChange,
    AnyLink,
    DeleteLink,
    DeleteNamespace,
    Link,
    Namespace,
    Pair,
    Plug,
    Port,
    Route,
    SetLink,
    SetNftables,
    SetRouting,
    SetSysctl,
    State,
    Step,
)
from netlab.contract.types.links import FLAGS
from netlab.contract.types.parts import vlan_changes
from netlab.report.changes import describe, sysctl_name
from netlab.why import rulesets

T = TypeVar("T")

#: What `_set` has commands for, and what nobody asks for; a change of anything else is told in words.
_TOLD = frozenset(
    (*FLAGS, "up", "mac", "mtu", "addresses", "neighbors", "mode", "nodst", "bcqueuelen", "allowed_macs", "port",
     "own_port", "peer_port", "carrier", "where")
)  # fmt: skip
_STATES = ("disabled", "listening", "learning", "forwarding")
_DISABLE6 = "net/ipv6/conf/{}/disable_ipv6"
#: Switches of a port that bridge(8) doesn't know.
_BY_IP = ("proxy_arp", "proxy_arp_wifi")
_OWN_STATE = ("up", "attached", "state", "fdb", "policy", "pvid", "untagged", "tagged")


@dataclass(frozen=True, slots=True)
class Run:
    """Lines for the shell of one machine: ``on`` is a host or a switch.

    ``named`` are its containers that must be there, and must have a name for ``ip netns``, before the lines are run.
    """

    on: str
    lines: tuple[str, ...]
    named: tuple[str, ...] = ()


def commands(before: State, steps: Sequence[Step]) -> tuple[Run, ...]:
    """What has the effect of some steps that follow on a state."""
    return _grouped(before, before, (change for step in steps for change in step.changes))


def undo(before: State, steps: Sequence[Step]) -> tuple[Run, ...]:
    """What takes the effect of these steps back, last things first."""
    return _grouped(before, steps[-1].state, _backward(before, steps))


@dataclass(frozen=True, slots=True)
class _Again:
    """Routes that may have gone with an address, or an interface, that is back."""

    namespace: str
    routes: tuple[Route, ...]


def _backward(state: State, steps: Sequence[Step]) -> Iterator[AnyChange | _Again]:
    states = (state, *(step.state for step in steps))
    for before, step in reversed(list(zip(states, steps, strict=False))):
        touched: set[str] = set()
        back: set[str] = set()
        for change in reversed(step.changes):
            if isinstance(change, SetLink):
                # What went with one change may come back with another: a link goes back to what it was in one.
                if change.after.id not in back:
                    yield SetLink(before=change.after, after=before.link(change.after.id))
                back.add(change.after.id)
                if (change.before.up, change.before.addresses) != (change.after.up, change.after.addresses):
                    touched.add(change.after.id)
            else:
                touched |= {change.id} if isinstance(change, DeleteLink) else set()
                yield from _reverse(before, change)
        for namespace in before.namespaces:
            names = {link.name for link in before.links_of(namespace.id) if link.id in touched}
            lost = tuple(route for route in namespace.routes if names & {way.oif for way in route.ways})
            if lost:
                yield _Again(namespace.id, lost)


def _reverse(before: State, change: AnyChange) -> Iterator[AnyChange]:
    match change:
        case AddNamespace():
            yield DeleteNamespace(id=change.namespace.id)
        case AddLink():
            yield DeleteLink(id=change.link.id)
        case DeleteNamespace():
            yield AddNamespace(namespace=before.namespace(change.id))
            yield from (AddLink(link=link) for link in before.links if link.namespace == change.id)
        case DeleteLink():
            gone = [link for link in before.links if change.id in (one.id for one in before.stack(link.id))]
            yield from (AddLink(link=link) for link in gone)
        case SetSysctl():
            value = before.namespace(change.namespace).sysctl(change.path)
            yield replace(change, value=_inherited(before, change) if value is None else value)
        case SetNftables():
            yield replace(change, ruleset=before.namespace(change.namespace).nftables)
        case SetRouting():
            yield SetRouting(before=change.after, after=change.before)


def _inherited(state: State, change: SetSysctl) -> str:
    """What an interface's own setting is that the plan doesn't write: that of ``default`` (devinet_init_net)."""
    parts = change.path.split("/")
    if len(parts) > 4:
        parts[3:-1] = ["default"]
    return state.namespace(change.namespace).sysctl("/".join(parts)) or "0"


# --- as lines ---------------------------------------------------------------------------------------


def _grouped(known: State, start: State, changes: Iterable[AnyChange | _Again]) -> tuple[Run, ...]:
    """The lines from ``start`` on, those that follow each other on one machine together."""
    told = _Teller(known, start)
    there = {namespace.id for namespace in known.namespaces}
    runs: list[Run] = []
    for change in changes:
        for place, line in told.lines(change):
            host, _, container = place.partition("/")
            if not runs or runs[-1].on != host:
                runs.append(Run(host, ()))
            last = runs[-1]
            new = container and place in there and container not in last.named
            runs[-1] = Run(host, (*last.lines, line), (*last.named, container) if new else last.named)
    return tuple(runs)


class _Teller:
    """Tells changes as commands, each with the namespace that it is about; it knows the links at each point."""

    def __init__(self, known: State, start: State) -> None:
        self.links: dict[str, AnyLink] = {link.id: link for link in start.links}
        self.macs = {link.mac for link in known.links}
        self.rulesets = {namespace.id: namespace.nftables for namespace in start.namespaces}

    def lines(self, change: AnyChange | _Again) -> Iterator[tuple[str, str]]:
        match change:
            case AddNamespace():
                if change.namespace.kind == "container":
                    yield change.namespace.id, shlex.join(("ip", "netns", "add", _netns(change.namespace.id)))
                    yield _ip(change.namespace.id, "link", "set", "dev", "lo", "up")
            case DeleteNamespace():
                if "/" in change.id:
                    yield change.id, shlex.join(("ip", "netns", "del", _netns(change.id)))
            case AddLink():
                self.links[change.link.id] = change.link
                # The others are the lab's own, for the sake of its silence.
                told = {path for path, _ in change.places} | {_DISABLE6.format(change.link.ifname)}
                sysctls = [(path, value) for path, value in change.sysctls if path in told]
                yield from self._add(change.link, sysctls)
            case DeleteLink():
                link = self.links.get(change.id)
                if link is not None:
                    yield from self._delete(link)
            case SetLink():
                self.links[change.after.id] = change.after
                yield from self._set(change)
            case SetNftables():
                yield from _nftables(change, self.rulesets)
            case SetSysctl():
                yield _sysctl(change.namespace, change.path, change.value)
            case SetRouting():
                yield from _routing(change.before, change.after)
            case _Again():
                yield from (_ip(change.namespace, *_route("replace", route)) for route in change.routes)

    def _add(self, link: AnyLink, sysctls: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        name = link.ifname
        # A MAC that nobody has yet is netlab's invention.
        mac = ("address", link.mac) if link.mac and link.mac in self.macs and link.mac_of is None else ()
        add = ("ip", "link", "add")
        if link.cabling:
            yield link.namespace, f"# {link.cabling}"
            if not link.interface:
                return
        elif link.lower is not None:
            lower = self.links[link.lower]
            mtu = ("mtu", str(link.mtu)) if link.mtu != lower.mtu else ()
            moved = ("netns", _netns(link.namespace)) if link.namespace != lower.namespace else ()
            made = (*add, "link", lower.ifname, "name", name, *mac, *mtu, *moved, *link.argv)
            yield link.namespace, shlex.join(made)
        elif isinstance(link, Pair):
            # Both ends come with one command.
            if link.makes:
                there = ("netns", _netns(link.peer_namespace)) if "/" in link.peer_namespace else ()
                peer = ("peer", "name", link.peer_ifname, *there)
                _, line = _ip(link.namespace, "link", "add", "name", name, *mac, *link.argv, *peer)
                yield (link.peer_namespace if there else link.namespace), line
        elif (port := link.port_place) is not None:
            inside = ("netns", _netns(link.namespace)) if "/" in link.namespace else ()
            peer, plug = ("peer", "name", port.ifname), link.plugs[-1]
            yield link.namespace, shlex.join((*add, "name", name, *mac, *inside, *link.argv, *peer))
            yield from self._port(link, plug, replace(Port(), attached=False, up=False), plug.port)
        else:
            yield _ip(link.namespace, "link", "add", "name", name, *mac, *link.argv)
        if link.master is not None:
            yield _ip(link.namespace, "link", "set", "dev", name, "master", self.links[link.master].ifname)
            for plug in link.own_plugs:
                yield from self._port(link, plug, Port(), plug.port)
        for words in link.settings(None):
            yield _ip(link.namespace, "link", "set", "dev", name, *link.argv[:2], *words)
        for words in link.entries_argv:
            inside = ("-n", _netns(link.namespace)) if "/" in link.namespace else ()
            yield link.namespace, shlex.join(("bridge", *inside, "fdb", "append", *words))
        yield from (_sysctl(link.namespace, path, value) for path, value in sysctls)
        if link.flags:
            yield _ip(link.namespace, "link", "set", "dev", name, *_switched(link.flags))
        if link.up:
            yield _ip(link.namespace, "link", "set", "dev", name, "up")
        bare = replace(link, addresses=(), neighbors=())
        yield from _addressed(bare, link)

    def _delete(self, link: AnyLink) -> Iterator[tuple[str, str]]:
        if link.cabling and link.interface:
            yield _ip(link.namespace, "address", "flush", "dev", link.ifname)
            yield _ip(link.namespace, "link", "set", "dev", link.ifname, "down")
        elif link.cabling:
            yield link.namespace, f"# no more: {link.cabling}"
        elif link.peer_id is None or link.peer_id in self.links:
            yield _ip(link.namespace, "link", "del", "dev", link.ifname)
        del self.links[link.id]
        for other in [one for one in self.links.values() if one.lower == link.id]:
            del self.links[other.id]

    def _set(self, change: SetLink) -> Iterator[tuple[str, str]]:
        before, after = change.before, change.after

        def set_(*words: str) -> tuple[str, str]:
            return _ip(after.namespace, "link", "set", "dev", after.ifname, *words)

        if before.up and not after.up:
            yield set_("down")
        if flags := {name: getattr(after, name) for name in FLAGS if getattr(before, name) != getattr(after, name)}:
            yield set_(*_switched(flags))
        if before.mac != after.mac and after.mac:
            yield set_("address", after.mac)
        if before.mtu != after.mtu:
            yield set_("mtu", str(after.mtu))
            if (far := after.port_place) is not None:
                yield _ip(far.namespace, "link", "set", "dev", far.ifname, "mtu", str(after.mtu))
        yield from (set_(*after.argv[:2], *words) for words in after.settings(before))
        if after.up and not before.up:
            yield set_("up")
        for old, new in zip(before.plugs, after.plugs, strict=True):
            yield from self._port(after, new, old.port, new.port)
        yield from _addressed(before, after)
        rest = {field.name: getattr(before, field.name) for field in fields(after) if field.name in _TOLD}
        if replace(after, **rest) != before:
            yield after.namespace, f"# {describe(change)}"

    def _port(self, link: AnyLink, plug: Plug, before: Port, after: Port) -> Iterator[tuple[str, str]]:
        """Options of a switch port; one that is attached anew starts with the defaults."""
        on, name = plug.place.namespace, plug.place.ifname
        bridge = self.links[plug.bridge].ifname
        if before.attached and not after.attached:
            yield _ip(on, "link", "set", "dev", name, "nomaster")
        if after.attached and not before.attached:
            yield _ip(on, "link", "set", "dev", name, "master", bridge)
            before = replace(Port(), up=before.up)
        if before.up != after.up:
            yield _ip(on, "link", "set", "dev", name, "up" if after.up else "down")
        if not after.attached:
            return
        for verb, vid, pvid, untagged in vlan_changes(before, after, self.links[plug.bridge].new_pvid):
            flags = (*(("pvid",) if pvid else ()), *(("untagged",) if untagged else ()))
            yield on, shlex.join(("bridge", "vlan", verb, "vid", str(vid), *flags, "dev", name))
        switches = [field.name for field in fields(after) if field.name not in _OWN_STATE]
        differing = [one for one in switches if getattr(before, one) != getattr(after, one)]
        for command, kind, those in (
            ("bridge", (), [one for one in differing if one not in _BY_IP]),
            ("ip", ("type", "bridge_slave"), [one for one in differing if one in _BY_IP]),
        ):
            words = _switched({one: getattr(after, one) for one in those})
            if words:
                yield on, shlex.join((command, "link", "set", "dev", name, *kind, *words))
        if before.state != after.state:
            yield on, shlex.join(("bridge", "link", "set", "dev", name, "state", str(_STATES.index(after.state))))
        for verb, macs in (("del", _less(before.fdb, after.fdb)), ("replace", _less(after.fdb, before.fdb))):
            for mac in macs:
                yield on, shlex.join(("bridge", "fdb", verb, str(mac), "dev", name, "master", "static"))


def _switched(flags: Mapping[str, bool]) -> list[str]:
    return [word for name, on in flags.items() for word in (name, "on" if on else "off")]


def _addressed(before: Link, after: Link) -> Iterator[tuple[str, str]]:
    place, name = after.namespace, after.ifname
    gone, new = _less(before.addresses, after.addresses), _less(after.addresses, before.addresses)
    if [*_less(before.addresses, gone), *new] != [*after.addresses]:
        # Their order decides which is the first of its subnet: what stands behind one that is new is given anew.
        first = after.addresses.index(new[0]) if new else 0
        gone, new = list(before.addresses[first:]), list(after.addresses[first:])
    for address in reversed(gone):
        yield _ip(place, "address", "del", str(address), "dev", name)
    for address in new:
        yield _ip(place, "address", "add", str(address), "dev", name)
    had = before.neighbors
    if any(one.family == 4 for one in gone) and all(one in gone for one in before.addresses if one.family == 4):
        # With the last IPv4 address the neighbours go (arp_ifdown).
        had = tuple(entry for entry in had if ":" in entry.ip)
    for entry in _less(had, after.neighbors):
        yield _ip(place, "neigh", "del", entry.ip, "dev", name)
    for entry in _less(after.neighbors, had):
        yield _ip(place, "neigh", "replace", entry.ip, "lladdr", entry.mac, "dev", name)


def _routing(before: Namespace, after: Namespace) -> Iterator[tuple[str, str]]:
    for verb, these, those in (("del", before, after), ("add", after, before)):
        for rule in _less(these.rules, those.rules):
            yield _ip(after.id, *(("-6",) if rule.family == 6 else ()), "rule", verb, *rule.argv)
        for route in _less(these.routes, those.routes):
            yield _ip(after.id, *_route(verb, route))


def _route(verb: str, route: Route) -> tuple[str, ...]:
    return (*(("-6",) if route.family == 6 else ()), "route", verb, *route.argv)


def _nftables(change: SetNftables, known: dict[str, str]) -> Iterator[tuple[str, str]]:
    old = known.get(change.namespace, "")
    known[change.namespace] = change.ruleset
    lead = _within(change.namespace)
    yield from ((change.namespace, line) for line in rulesets.commands(old, change.ruleset, lead))


def _less(these: Sequence[T], those: Sequence[T]) -> list[T]:
    return [one for one in these if one not in those]


def _sysctl(place: str, path: str, value: str) -> tuple[str, str]:
    return place, shlex.join((*_within(place), "sysctl", "-w", f"{sysctl_name(path)}={value}"))


def _within(place: str) -> tuple[str, ...]:
    """The words by which a command runs in a container; of a host there are none."""
    return ("ip", "netns", "exec", _netns(place)) if "/" in place else ()


def _ip(place: str, *words: str) -> tuple[str, str]:
    return place, shlex.join(("ip", *(("-n", _netns(place)) if "/" in place else ()), *words))


def _netns(place: str) -> str:
    """What ``ip netns`` calls a container; of a host it is the namespace that the machine itself lives in, of PID 1."""
    return place.partition("/")[2] or "1"
