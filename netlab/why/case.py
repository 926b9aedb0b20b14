"""The pair in question, and a change that may be worth trying for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from netlab.plan.types import AnyLink, Endpoint, Macvlan, State, Veth

#: What a step of the file holds, less its name.
Step = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """One change to try.

    ``accepts`` are the letters that count as a success; ``includes`` names the candidates that are a part of
    this one.
    """

    key: str
    title: str
    because: str
    step: Step
    source: str
    destination: str
    accepts: str
    includes: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True)
class Case:
    """A pair of endpoints on a layer, in a state of the lab."""

    state: State
    layer: str
    source: Endpoint
    destination: Endpoint
    accepts: str

    def candidate(
        self,
        key: str,
        title: str,
        because: str,
        step: Step,
        *,
        includes: Iterable[str] = (),
        source: str | None = None,
        destination: str | None = None,
    ) -> Candidate:
        """A candidate for this pair, or for one that takes its place."""
        return Candidate(
            key,
            title,
            because,
            step,
            source or self.source.id,
            destination or self.destination.id,
            self.accepts,
            frozenset(includes),
        )

    @property
    def links(self) -> tuple[AnyLink, AnyLink]:
        """The source's and the destination's link."""
        return self.state.link(self.source.link), self.state.link(self.destination.link)

    @property
    def wires(self) -> list[Veth]:
        """The physical interfaces below the two, each once."""
        return list(dict.fromkeys(wire for link in self.links if (wire := self._wire(link)) is not None))

    def _wire(self, link: AnyLink) -> Veth | None:
        while isinstance(link, Macvlan):
            link = self.state.link(link.parent)
        return link if isinstance(link, Veth) else None


def joined(*steps: Step) -> Step:
    """Several ``set`` steps as one; mappings of one target are joined."""
    targets: Step = {}
    for step in steps:
        for target, values in step["set"].items():
            mine = targets.setdefault(target, {})
            for key, value in values.items():
                mine[key] = {**mine[key], **value} if isinstance(value, dict) and key in mine else value
    return {"set": targets}
