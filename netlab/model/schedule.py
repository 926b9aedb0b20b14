"""The orders of events that a race can have."""

from __future__ import annotations

from typing import NamedTuple

from netlab.contract.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """When macvlan's workqueue runs. It is a kernel thread on any CPU, so its order against other events isn't fixed.

    - ``eager``: it overtakes the parent's own stack.
    - ``after``: so many frames after it was queued another CPU does it, and all that follows from it there, before the
      backlog goes on.
    - ``together``: all children get their copy before one of them answers.
    - ``prompt``: a server answers before it.
    - ``last_first``: the work of a later port overtakes that of an earlier one.
    - ``leaders``: the two children that a broadcast visits first, by their places, where the order isn't known.
    - ``silent``: routers send no redirects, which they send only now and then.
    - ``picks``: which next hop is taken of the first route that has several, of the second, and so on; then the first.
    """

    eager: bool = False
    after: int | None = None
    prompt: bool = False
    last_first: bool = False
    leaders: tuple[int, int] = (0, 1)
    together: bool = False
    silent: bool = False
    picks: tuple[int, ...] = ()


#: The backlog is worked off before the workqueue gets a CPU: what nearly always happens.
USUAL = Schedule()


class Outcome(NamedTuple):
    """The outcome of a probe: its letter, whether it was on the wire, whether the order of events made a difference."""

    letter: str
    wired: bool
    contested: bool
