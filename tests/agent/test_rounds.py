"""How many rounds have to be made, and where counting spares them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from netlab.agent.probe.lab_view import LabView
from netlab.agent.probe.rounds import Rounds
from netlab.plan import from_file


class Cpus:
    """A fence across all CPUs that counts its rounds."""

    rounds = 0

    def round(self, *, quiet: bool) -> None:
        """One round."""
        self.rounds += 1


def made(namespaces: int, *, hops: int, routers: int, moving: int) -> tuple[Rounds, Cpus]:
    """The rounds of a lab without queues, in which something moves in the first ``moving`` rounds."""
    left = [1] * (moving + 1)
    counted = SimpleNamespace(more=lambda: left.pop() if left else 0)
    still = SimpleNamespace(more=lambda: 0)
    meters = iter([counted, *[still] * (namespaces - 1)])
    receivers: Any = SimpleNamespace(meter=lambda _ns, _filter: next(meters), drain=lambda: None)
    view: Any = SimpleNamespace(
        state=SimpleNamespace(
            links=(), hops=hops, routers=routers, namespace=lambda ns: SimpleNamespace(host=ns.partition("/")[0])
        ),
        endpoints=(),
        lab=SimpleNamespace(namespaces=dict.fromkeys(range(namespaces))),
    )
    cpus: Any = Cpus()
    rounds = Rounds(view, receivers, cpus)
    rounds.prepare({})
    return rounds, cpus


@pytest.mark.parametrize(
    ("namespaces", "hops", "routers", "expected"),
    [
        # As long as something moves, and one more.
        (10, 6, 0, 3),
        (10, 8, 7, 3),
        # To count costs more in these…
        (100, 6, 0, 12),
        # … but not where packets may go round by routers.
        (40, 8, 7, 3),
    ],
)
def test_rounds_end_when_nothing_moves(namespaces: int, hops: int, routers: int, expected: int) -> None:
    """Rounds go on until nothing has moved in one; in a large lab without routers as often as a chain has hops."""
    rounds, cpus = made(namespaces, hops=hops, routers=routers, moving=2)
    assert rounds.run(2, []) == ""
    assert cpus.rounds == expected


def test_rounds_end_at_the_longest_chain() -> None:
    """Where something always moves, as in another's flood, no more rounds are made than the longest chain has hops."""
    rounds, cpus = made(10, hops=3, routers=1, moving=1000)
    assert rounds.run(2, []) == ""
    assert cpus.rounds == 3 * 2 * 2


def test_which_queues_have_to_be_waited_for() -> None:
    """Those of the hosts of both ends; all of them where others may have a part in the probes, or somebody forwards."""
    rounds, _ = made(3, hops=2, routers=0, moving=0)
    rounds.queues = fences = {"A:eth0": object(), "D:eth0": object()}  # type: ignore[assignment, dict-item]
    rounds._homes = {"A:eth0": "A", "D:eth0": "D"}
    assert rounds.relevant(["A/web", "B"], further=False) == [fences["A:eth0"]]
    assert rounds.relevant(["B", "D", "A"], further=False) == list(fences.values())
    assert rounds.relevant(["A", "B"], further=True) == list(fences.values())


SIBLINGS = """
hosts:
  A:
    interfaces: {d0: {type: dummy}}
    containers:
      c: {replicas: 3, interfaces: {eth0: {type: ipvlan, parent: d0, mode: MODE, addresses: [10.0.0.11/24]}}}
"""


@pytest.mark.parametrize(("mode", "listeners"), [("l2", {"A/c-2:eth0", "A/c-3:eth0"}), ("l3", None)])
def test_what_siblings_on_a_dummy_send_each_other_is_fenced(mode: str, listeners: set[str] | None) -> None:
    """Where broadcasts of ipvlan children wait for siblings one child sends the fence, and the others hear it."""
    state = from_file(SIBLINGS.replace("MODE", mode), "test.yaml").steps[0].state
    links = {link.id: {"up": True, "carrier": True, "mac": "02:00:00:00:00:01"} for link in state.links}
    view = LabView(cast(Any, None), state, links)
    rounds = Rounds(view, cast(Any, None), cast(Any, None))
    fences = rounds._queue_fences({})
    assert {parent: set(fence.listeners) for parent, fence in fences.items()} == (
        {"A:d0": listeners} if listeners else {}
    )
