"""Expectations resolved: names and patterns to endpoints, layers chosen, contradictions found."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from netlab.contract.applies import applies_from, lack
from netlab.contract.types import (
    AnyExpectation,
    AnySource,
    AnyTarget,
    ExpectHeard,
    ExpectPair,
    ExpectRefused,
    ExpectState,
    ExpectWire,
    State,
    Target,
    Where,
    asks_host,
    host_layer,
)
from netlab.plan import readback
from netlab.plan.file import MAX_PAIRS
from netlab.plan.refusals import Refusals
from netlab.plan.sides import Sides, is_pattern
from netlab.spec.expect import AnyEntry, Heard, Pair, Readback, Refused, Wire
from netlab.spec.problems import did_you_mean
from netlab.spec.scalars import Wrong

if TYPE_CHECKING:
    from netlab.plan.file import File

Pairs = tuple[tuple[str, str], ...]
#: Sources, destinations, and whether both are named, none by a pattern.
_Way = tuple[Sequence[AnySource], Sequence[AnyTarget], bool]

_PORT = re.compile(r"port\((.*)\)")


class Resolver:
    """Resolves the entries of one step against its state."""

    def __init__(self, file: File, state: State, refusals: Refusals, refused: Collection[str]) -> None:
        self.file = file
        self.state = state
        self.refusals = refusals
        self.problems = file.problems
        self.sides = Sides(file, state, refused)

    def resolve(self, entry: AnyEntry, *, claim: bool = False) -> list[AnyExpectation]:
        """The expectations of one entry; none where something is wrong with it, which is noted, and none of an entry
        that is for other versions of Linux."""
        if not entry.holds(self.state.kernel):
            return []
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
        ways = [(entry.left, entry.right), (entry.right, entry.left)][: 1 + entry.both]
        known: dict[tuple[str, str, bool], _Way] = {}
        found: dict[str, Pairs] = {}
        for layer in entry.layers or ("icmp", "icmp6"):
            some = False
            for left, right in ways:
                asked = _asked(layer, left)
                key = left, right, asks_host(asked)
                if key not in known:
                    way = self._way(*key, entry.where)
                    if way is None:
                        return []
                    known[key] = way
                pairs = self._members(known[key], asked)
                some = some or bool(pairs)
                before = found.get(asked)
                found[asked] = tuple(dict.fromkeys((*before, *pairs))) if before else pairs
            if entry.layers and not some:
                self._nothing(entry, known[entry.left, entry.right, asks_host(_asked(layer, entry.left))], layer)
                return []
        grouped: dict[Pairs, list[str]] = {}
        for layer, pairs in found.items():
            if pairs:
                grouped.setdefault(pairs, []).append(layer)
        if not grouped:
            self._nothing(entry, next(iter(known.values())), "")
        text, where, outcome = entry.text, entry.where, entry.outcome
        return [
            ExpectPair(text=text, where=where, pairs=pairs, layers=tuple(layers), outcome=outcome)
            for pairs, layers in grouped.items()
        ]

    def _wire(self, entry: Wire) -> list[AnyExpectation]:
        way = self._way(entry.left, entry.right, False, entry.where)
        if way is None:
            return []
        pairs = self._members(way, entry.layer)
        if not pairs:
            self._nothing(entry, way, entry.layer)
            return []
        text, where = entry.text, entry.where
        return [ExpectWire(text=text, where=where, pairs=pairs, layer=entry.layer, on_wire=entry.on_wire)]

    def _way(self, left: str, right: str, host: bool, where: Where) -> _Way | None:
        """What two sides mean as source and destination; None where that makes no pair, which is noted."""
        sources: Sequence[AnySource] | None
        sources = self.sides.askers(left, where, bare="%" in right) if host else self.sides.endpoints(left, where)
        targets = self.sides.targets(right, where, host=host)
        if sources is None or targets is None:
            return None
        named = not (is_pattern(left) or is_pattern(right))
        if named:
            itself = left == right or sources[0].id == targets[0].id
        else:
            itself = all(self.sides.same(source, target) for source in sources for target in targets)
        if itself:
            message = f"{sources[0].id} is paired with itself"
            self.problems.add(where, message, "an expectation is about two endpoints")
            return None
        before = self.file.pairs
        self.file.pairs += len(sources) * len(targets)
        if before > MAX_PAIRS:
            return None
        if self.file.pairs > MAX_PAIRS:
            self.problems.add(where, f"the expectations mean more than {MAX_PAIRS} pairs", "fewer or narrower ones")
            return None
        return sources, targets, named

    def _members(self, way: _Way, layer: str) -> Pairs:
        """The pairs that take part in a layer. An interface, or a host, with itself is one only if named."""
        sources, targets, named = way
        found = []
        for source in sources:
            applies = applies_from(source, layer)
            for target in targets:
                if (named or not self.sides.same(source, target)) and applies(target):
                    found.append((source.id, target.id))
        return tuple(found)

    def _no_scope(self, source: AnySource, target: AnyTarget) -> tuple[str, str] | None:
        """What to say where a host hasn't the interface by which a link-local address is asked for."""
        if not isinstance(target, Target) or not target.scope or source.id in target.askers:
            return None
        known = [link.name for link in self.state.links_of(source.namespace) if link.interface]
        return f"{source.id} has no interface {target.scope!r}", did_you_mean(target.scope, known, "interfaces")

    def _nothing(self, entry: Pair | Wire, way: _Way, layer: str) -> None:
        """Say why no pair takes part in a layer (or, without one, in icmp and icmp6)."""
        sources, targets, _ = way
        lost = self.file.lost(entry.left, entry.right)
        if len(sources) > 1 or len(targets) > 1:
            message = f"no pair of {entry.left} and {entry.right} takes part in {layer or 'icmp or icmp6'}"
            self.problems.add(entry.where, message, "give them addresses, or other layers", follows=lost)
        elif (why := self._no_scope(sources[0], targets[0])) is not None:
            self.problems.add(entry.where, *why, follows=lost)
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
        # A pattern doesn't mean the source, which may hear itself.
        named = {text for text, _ in entry.listeners if not is_pattern(text)}
        names = tuple(dict.fromkeys(name for name in listeners if name != source or name in named))
        return [ExpectHeard(text=entry.text, where=entry.where, source=source, listeners=names, only=entry.only)]

    def _listener(self, text: str, where: Where) -> list[str] | None:
        port = _PORT.fullmatch(text)
        if port:
            link = self._port(port[1], where)
            return None if link is None else [link]
        found = self.sides.endpoints(text, where)
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
        elif self.sides.boxes.get(entry.target) == "switch":
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
            if entry.target not in self.sides.broken:
                hint = did_you_mean(entry.target, self.refusals.touched, "it makes or sets")
                message = f"this step neither makes nor sets an interface {entry.target!r}"
                lost = self.file.lost(entry.target)
                self.problems.add(entry.where, message, hint or "add it, or 'set:' something on it", follows=lost)
            return []
        at = entry.at or at
        return [ExpectRefused(text=entry.text, where=entry.where, link=entry.target, errno=entry.errno, at=at)]

    def _one(self, text: str, where: Where) -> str | None:
        """The link id of a single endpoint."""
        if is_pattern(text):
            self.problems.add(where, f"{text!r} is a pattern", "name one endpoint here, as in A:ens160")
            return None
        found = self.sides.endpoints(text, where)
        return found[0].link if found else None


def _asked(layer: str, left: str) -> str:
    """The layer that is asked when this is on the left of it: a host question, unless an interface is named."""
    return (None if ":" in left else host_layer(layer)) or layer
