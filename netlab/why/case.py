"""The pair in question, and a change that may be worth trying for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from functools import cached_property
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Address, AnyLink, Asker, Endpoint, State, Veth, nics
from netlab.why.question import Question

#: What a step of the file holds, less its name.
Step = dict[str, Any]


class Conflict(Exception):
    """Two changes can't be made together."""


@dataclass(frozen=True)
class Candidate:
    """One change to try: a step of the file, or several one after the other.

    ``accepts`` are the letters that count as a success; ``includes`` names the candidates that are a part of
    this one. ``source`` and ``destination`` are the pair to try afterwards. ``key`` is empty for a mere combination of
    others.
    """

    key: str
    title: str
    because: str
    steps: tuple[Step, ...]
    source: str
    destination: str
    accepts: str
    includes: frozenset[str] = field(default=frozenset())

    @property
    def parts(self) -> frozenset[str]:
        """The keys of everything that it changes."""
        return self.includes | {self.key} if self.key else self.includes


@dataclass(frozen=True)
class Case:
    """A question that has to do with two interfaces: ``source`` and ``destination``.

    They are what is asked, or of a host question an interface by which it may be asked, and one that has the address.
    """

    asked: Question
    source: Endpoint
    destination: Endpoint
    accepts: str

    @property
    def state(self) -> State:
        """The lab as it is."""
        return self.asked.state

    @property
    def layer(self) -> str:
        """The layer that is asked."""
        return self.asked.layer

    def candidate(
        self,
        key: str,
        title: str,
        because: str,
        *steps: Step,
        includes: Iterable[str] = (),
        source: str | None = None,
        destination: str | None = None,
    ) -> Candidate:
        """A candidate for this pair, or for one that takes its place. A host goes on asking itself."""
        if isinstance(self.asked.source, Asker):
            source = None
        return Candidate(
            key,
            title,
            because,
            steps,
            source or self.asked.source.id,
            destination or self.asked.destination.id,
            self.accepts,
            frozenset(includes),
        )

    @property
    def family(self) -> int:
        """The family of addresses that the question is about."""
        return self.asked.family

    @property
    def bits(self) -> int:
        """How many bits its addresses have: the length of a prefix that holds one alone."""
        return 32 if self.family == 4 else 128

    def address(self, end: Endpoint) -> Address | None:
        """The address of an end that counts on this layer."""
        return end.address(self.family)

    @property
    def links(self) -> tuple[AnyLink, AnyLink]:
        """The source's and the destination's link."""
        return self.state.link(self.source.link), self.state.link(self.destination.link)

    @cached_property
    def wires(self) -> list[Veth]:
        """The physical interfaces below the two, each once."""
        return list(dict.fromkeys(nics(below for link in self.links for below in self.state.bottoms(link.id))))

    @property
    def masters(self) -> list[AnyLink]:
        """The bonds at the bottom of either link, each once."""
        return list(dict.fromkeys(root for link in self.links if (root := self.state.root(link.id)).chooses))

    @property
    def members(self) -> list[Veth]:
        """Their physical members, those that don't send among them."""
        masters = {master.id for master in self.masters}
        return nics(link for link in self.state.links if link.master in masters)

    @property
    def reflecting(self) -> Step | None:
        """Hairpin on at the port that both ends share; two hosts on two ports need none."""
        if len(self.wires) != 1:
            return None
        [wire] = self.wires
        if wire.port.hairpin or not wire.port.attached:
            return None
        return {"set": {wire.id: {"port": {"hairpin": True}}}}


def inside(hosts: Step, place: str) -> Step:
    """The mapping of a host or container in ``hosts`` of a step, which is made where there is none."""
    host, _, container = place.partition("/")
    at: Step = hosts.setdefault(host, {})
    return at.setdefault("containers", {}).setdefault(container, {}) if container else at


def together(one: Candidate, other: Candidate, case: Case) -> Candidate:
    """Two candidates as one. Raises Conflict where they don't go together."""
    if one.parts & other.parts:
        raise Conflict
    source = _one_of(one.source, other.source, case.asked.source.id)
    destination = _one_of(one.destination, other.destination, case.asked.destination.id)
    steps = list(one.steps)
    for k, step in enumerate(other.steps):
        if k < len(steps):
            steps[k] = merged(steps[k], step)
        else:
            steps.append(step)
    because = one.because if other.because == one.because else f"{one.because} {other.because}"
    title = f"{one.title}; {other.title}"
    # It has no key of its own: it is what its parts are.
    return Candidate("", title, because, tuple(steps), source, destination, one.accepts, one.parts | other.parts)


def _one_of(one: str, other: str, ordinary: str) -> str:
    if ordinary in (one, other) or one == other:
        return one if other == ordinary else other
    raise Conflict


def merged(one: Step, other: Step) -> Step:
    """Two mappings merged, nested ones too. Raises Conflict where they say different things."""
    made = dict(one)
    for key, value in other.items():
        mine = made.get(key, value)
        if isinstance(mine, dict) and isinstance(value, dict):
            made[key] = merged(mine, value)
        elif isinstance(mine, list) and isinstance(value, list) and key == "delete":
            made[key] = list(dict.fromkeys((*mine, *value)))
        elif mine != value:
            raise Conflict
        else:
            made[key] = value
    return made
