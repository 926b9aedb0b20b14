"""Steps, claims, and the plan of which they are parts."""

from __future__ import annotations

from dataclasses import field

from netlab.contract.dataclass import dataclass
from netlab.contract.measures import NOTHING, Bound, Measures
from netlab.contract.types.changes import AnyChange
from netlab.contract.types.expectations import AnyExpectation
from netlab.contract.types.state import State


@dataclass(frozen=True)
class Step:
    """One state of the lab: how to get there, what it then is, what its author expects there."""

    name: str
    changes: tuple[AnyChange, ...]
    state: State
    expect: tuple[AnyExpectation, ...] = ()
    description: str = ""
    measures: Measures = NOTHING


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement about the kernel, and what would be seen if it were true.

    ``tests`` pairs a step's name with an expectation, ``compare`` the name of a comparison with what its ratio
    would be (None: what the comparison itself says). The claim is
    *confirmed* when every test holds, *refuted* when one is contradicted by an observation, and otherwise neither.
    """

    number: str
    says: str
    tests: tuple[tuple[str, AnyExpectation], ...]
    compare: tuple[tuple[str, Bound | None], ...] = ()
    stand_in: str = ""


@dataclass(frozen=True)
class Plan:
    """A topology, resolved. ``steps[0]`` is always ``baseline``."""

    name: str
    file: str
    steps: tuple[Step, ...]
    description: str = ""
    claims: tuple[Claim, ...] = ()
    warnings: tuple[str, ...] = field(default=())
