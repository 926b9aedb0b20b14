"""Expectations resolved: names and patterns to endpoints, layers chosen, contradictions found."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from netlab.contract.applies import applies_from, lack
from netlab.contract.types import (
    AnyExpectation,
    Endpoint,
    ExpectHeard,
    ExpectPair,
    ExpectRefused,
    ExpectState,
    ExpectWire,
    State,
    Where,
)
from netlab.plan import readback
from netlab.plan.file import MAX_PAIRS
from netlab.plan.refusals import Refusals
from netlab.spec.expect import AnyEntry, Heard, Pair, Readback, Refused, Wire
from netlab.spec.problems import did_you_mean
from netlab.spec.scalars import Wrong

if TYPE_CHECKING:
    from netlab.plan.file import File

_PORT = re.compile(r"port\((.*)\)")


class Resolver:
    """Resolves the entries of one step against its state."""

    def __init__(self, file: File, state: State, refusals: Refusals, refused: Collection[str]) -> None:
        self.file = file
        self.state = state
        self.refusals = refusals
        self.problems = file.problems
        self.by_namespace: dict[str, list[Endpoint]] = {}
        for endpoint in state.endpoints:
            self.by_namespace.setdefault(endpoint.namespace, []).append(endpoint)
        self.boxes = {ns.id: ns.kind for ns in state.namespaces}
        self.refused = set(refused)
        self.broken = set(file.broken)

    def resolve(self, entry: AnyEntry, *, claim: bool = False) -> list[AnyExpectation]:
        """The expectations of one entry; none where something is wrong with it, which is noted."""
        match entry:
            case Pair():
                return self._pair(entry)
            case Wire():
                return self._wire(entry)
            case Heard():
                return self._heard(entry)
            case Readback():
                return self._readback(entry)
            case Refused():
                return self._refused(entry, claim)

    # --- pairs -----------------------------------------------------------------------------------------

    def _pair(self, entry: Pair) -> list[AnyExpectation]:
        sides = self._sides(entry.left, entry.right, entry.where)
        if sides is None:
            return []
        grouped: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for layer in entry.layers or ("icmp", "icmp6"):
            pairs = _pairs(*sides, layer, entry.both)
            if pairs:
                grouped.setdefault(pairs, []).append(layer)
            elif entry.layers:
                self._nothing(entry, sides, layer)
                return []
        if not grouped:
            self._nothing(entry, sides, "")
        text, where, outcome = entry.text, entry.where, entry.outcome
        return [
            ExpectPair(text=text, where=where, pairs=pairs, layers=tuple(layers), outcome=outcome)
            for pairs, layers in grouped.items()
        ]

    def _wire(self, entry: Wire) -> list[AnyExpectation]:
        sides = self._sides(entry.left, entry.right, entry.where)
        if sides is None:
            return []
        pairs = _pairs(*sides, entry.layer, both=False)
        if not pairs:
            self._nothing(entry, sides, entry.layer)
            return []
        text, where = entry.text, entry.where
        return [ExpectWire(text=text, where=where, pairs=pairs, layer=entry.layer, on_wire=entry.on_wire)]

    def _sides(self, left: str, right: str, where: Where) -> tuple[list[Endpoint], list[Endpoint]] | None:
        """What two sides mean; None where that makes no pair, which is noted."""
        sources, targets = self.side(left, where), self.side(right, where)
        if sources is None or targets is None:
            return None
        ids = {endpoint.id for endpoint in (*sources, *targets)}
        if len(ids) == 1:
            message = f"{next(iter(ids))} is paired with itself"
            self.problems.add(where, message, "an expectation is about two endpoints")
            return None
        before = self.file.pairs
        self.file.pairs += len(sources) * len(targets)
        if before > MAX_PAIRS:
            return None
        if self.file.pairs > MAX_PAIRS:
            self.problems.add(where, f"the expectations mean more than {MAX_PAIRS} pairs", "fewer or narrower ones")
            return None
        return sources, targets

    def _nothing(self, entry: Pair | Wire, sides: tuple[list[Endpoint], list[Endpoint]], layer: str) -> None:
        """Say why no pair takes part in a layer (or, without one, in icmp and icmp6)."""
        sources, targets = sides
        lost = self.file.lost(entry.left, entry.right)
        if len(sources) > 1 or len(targets) > 1:
            message = f"no pair of {entry.left} and {entry.right} takes part in {layer or 'icmp or icmp6'}"
            self.problems.add(entry.where, message, "give them addresses, or other layers", follows=lost)
        elif layer:
            source, target = sources[0], targets[0]
            without = lack(source, target, layer) or f"{target.id} is not on-link for {source.id}"
            message = f"{without}, so {layer} says nothing of it"
            self.problems.add(entry.where, message, "leave the layer out", follows=lost and "has no IP" in without)
        else:
            message = f"{sources[0].id} and {targets[0].id} have no addresses of one family"
            self.problems.add(entry.where, message, "give them some, or say [broadcast] or [unicast]", follows=lost)

    # --- the other entries -----------------------------------------------------------------------------

    def _heard(self, entry: Heard) -> list[AnyExpectation]:
        source = self._one(entry.source, entry.where)
        listeners: list[str] = []
        wrong = source is None
        for text, where in entry.listeners:
            found = self._listener(text, where)
            wrong = wrong or found is None
            listeners += found or ()
        if wrong or source is None:
            return []
        names = tuple(dict.fromkeys(name for name in listeners if name != source))
        return [ExpectHeard(text=entry.text, where=entry.where, source=source, listeners=names, only=entry.only)]

    def _listener(self, text: str, where: Where) -> list[str] | None:
        port = _PORT.fullmatch(text)
        if port:
            link = self._port(port[1], where)
            return None if link is None else [link]
        found = self.side(text, where)
        return None if found is None else [endpoint.link for endpoint in found]

    def _port(self, text: str, where: Where) -> str | None:
        name = self._one(text, where)
        link = self.state.link(name) if name is not None else None
        if link is None:
            return None
        if link.port_id is not None:
            return link.port_id
        self.problems.add(where, f"{link.id} is not plugged into a switch, so it has no port", "name its parent")
        return None

    def _readback(self, entry: Readback) -> list[AnyExpectation]:
        port = _PORT.fullmatch(entry.target)
        if port:
            target = self._port(port[1], entry.where)
        elif self.boxes.get(entry.target) == "switch":
            target = entry.target
        else:
            target = self._one(entry.target, entry.where)
        if target is None:
            return []
        values = []
        for key, value, where in entry.values:
            try:
                values.append((key, readback.value(key, value, self._mac_of, port=port is not None)))
            except Wrong as wrong:
                self.problems.add(where, str(wrong), wrong.hint)
        return [ExpectState(text=entry.text, where=entry.where, link=target, values=tuple(values))]

    def _mac_of(self, name: str) -> str:
        """The MAC of a link. Raises Wrong where there is no such link."""
        try:
            return self.state.link(name).mac or ""
        except KeyError:
            hint = did_you_mean(name, [link.id for link in self.state.links])
            raise Wrong(f"no interface {name!r}", hint) from None

    def _refused(self, entry: Refused, claim: bool) -> list[AnyExpectation]:
        at = self.refusals.at(entry.target)
        if claim and at is None and entry.target in self.state.index:
            at = entry.at or "create"
        if at is None:
            if entry.target not in self.broken:
                hint = did_you_mean(entry.target, self.refusals.touched, "it makes or sets")
                message = f"this step neither makes nor sets an interface {entry.target!r}"
                lost = self.file.lost(entry.target)
                self.problems.add(entry.where, message, hint or "add it, or 'set:' something on it", follows=lost)
            return []
        at = entry.at or at
        return [ExpectRefused(text=entry.text, where=entry.where, link=entry.target, errno=entry.errno, at=at)]

    # --- names -----------------------------------------------------------------------------------------

    def _one(self, text: str, where: Where) -> str | None:
        """The link id of a single endpoint."""
        if is_pattern(text):
            self.problems.add(where, f"{text!r} is a pattern", "name one endpoint here, as in A:ens160")
            return None
        found = self.side(text, where)
        return found[0].link if found else None

    def side(self, text: str, where: Where) -> list[Endpoint] | None:
        """The endpoints that a side means; None where there are none, which is noted."""
        if text == "any":
            found = list(self.state.endpoints)
        elif is_pattern(text):
            found = self._matching(text)
        else:
            return self._exact(text, where)
        if found:
            return found
        hint = did_you_mean(text, self.boxes, "there are")
        self.problems.add(where, f"{text!r} matches nothing", hint, follows=self.file.lost(text))
        return None

    def _matching(self, text: str) -> list[Endpoint]:
        """The endpoints that a pattern matches, by host, container and interface; without one, each host's first."""
        namespace, colon, interface = text.partition(":")
        found: list[Endpoint] = []
        for ns, endpoints in self.by_namespace.items():
            if not _matches(ns, namespace):
                continue
            if not colon:
                first = _first(endpoints)
                found += [first] if first else []
                continue
            found += [e for e in endpoints if not e.extra and _fits(self.state.link(e.link).name, interface)]
        return found

    def _exact(self, text: str, where: Where) -> list[Endpoint] | None:
        at = self.state.index.get(text)
        if at is not None:
            return [self.state.endpoints[at]]
        name, _, address = text.partition("@")
        namespace, colon, interface = name.partition(":")
        if namespace not in self.boxes:
            self._no_namespace(namespace, where)
        elif self.boxes[namespace] == "switch":
            self.problems.add(where, f"{namespace} is a switch, which has no endpoints", "name an interface of a host")
        elif not colon:
            first = _first(self.by_namespace.get(namespace, []))
            if first:
                return [first]
            self.problems.add(
                where,
                f"{namespace} has no interface with an address",
                f"name one: {namespace}:…",
                follows=self.file.lost(namespace),
            )
        elif name in self.refused:
            self.problems.add(where, f"{name} is expected to be refused, so it is no endpoint")
        elif address and name in self.state.index:
            known = [e.id for e in self.by_namespace[namespace] if e.link == name and e.extra]
            hint = f"further addresses: {', '.join(known)}" if known else f"its only endpoint is {name}"
            self.problems.add(where, f"{text!r} is not a further address of {name}", hint)
        elif name not in self.broken and interface not in self.file.spec.pruned:
            known = [link.name for link in self.state.links_of(namespace)]
            self.problems.add(
                where,
                f"no interface {interface!r} in {namespace}",
                did_you_mean(interface, known, "interfaces"),
            )
        return None

    def _no_namespace(self, name: str, where: Where) -> None:
        host, slash, container = name.partition("/")
        if {host, container} & self.file.spec.pruned:
            return
        names = [ns for ns, kind in self.boxes.items() if kind != "switch"]
        if any(re.fullmatch(re.escape(name) + r"-[0-9]+", ns) for ns in names):
            self.problems.add(
                where,
                f"no host {name!r} but its replicas",
                f"'{name}-*' or 'any' mean all of them, '{name}-1' the first",
            )
        elif slash and host in self.boxes:
            known = [ns.partition("/")[2] for ns in names if ns.startswith(f"{host}/")]
            self.problems.add(
                where, f"no container {container!r} in {host}", did_you_mean(container, known, "containers")
            )
        else:
            self.problems.add(where, f"no host {name!r}", did_you_mean(name, names, "there are"))


def is_pattern(text: str) -> bool:
    """Whether a side stands for several endpoints: ``any`` as one of its parts, or ``*`` or ``?``."""
    name = text.partition("@")[0]
    return "*" in name or "?" in name or "any" in re.split(r"[:/]", name)


def _fits(name: str, pattern: str) -> bool:
    return pattern == "any" or fnmatchcase(name, pattern)


def _matches(namespace: str, pattern: str) -> bool:
    if pattern == "any":
        return True
    parts, wanted = namespace.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(_fits, parts, wanted))


def _first(endpoints: Iterable[Endpoint]) -> Endpoint | None:
    return next((e for e in endpoints if e.v4 is not None or e.v6 is not None), None)


def _pairs(sources: list[Endpoint], targets: list[Endpoint], layer: str, both: bool) -> tuple[tuple[str, str], ...]:
    """The pairs that take part in a layer. Endpoints of one link are one only if named."""
    named = len(sources) == len(targets) == 1
    pairs = [
        (source.id, target.id)
        for source, applies in ((source, applies_from(source, layer)) for source in sources)
        for target in targets
        if (named or source.link != target.link) and applies(target)
    ]
    if both:
        pairs += _pairs(targets, sources, layer, both=False)
        pairs = list(dict.fromkeys(pairs))
    return tuple(pairs)
