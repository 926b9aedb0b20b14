"""The order of waves and tries, wherever the probes are sent."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from netlab.contract.driver import LOST, TRIES, Driver, Liveness
from netlab.contract.observed import Pair, Result
from netlab.plan import from_file

TEXT = """
name: driven
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""
ALIVE = Liveness(receives=True, transmits=True)


class Silent(Driver):
    """Nobody answers; each attempt loses something, or its rounds fail, as it is told."""

    def __init__(self, layer: str, *, lost: tuple[int, ...] = (), proofs: tuple[str, ...] = (), late: str = "") -> None:
        super().__init__(from_file(TEXT, "f").steps[0].state, layer, wire=False, most=1, warms=False)
        self.lost, self.proofs, self.late = list(lost), list(proofs), late
        self.sent: list[list[Pair]] = []
        self.known = ALIVE

    def send(self, pairs: list[Pair], attempt: int) -> str:
        self.sent.append(pairs)
        for pair in pairs:
            self.results[pair] = Result("R" if pair == (1, 0) else "")
        return "" if attempt else self.late

    def prove(self, pairs: list[Pair]) -> str:
        return self.proofs.pop(0) if self.proofs else ""

    def conclude(self, pairs: list[Pair], silent: list[Pair], *, unsure: bool) -> dict[str, int]:
        for pair in silent:
            self.results[pair].letter = "U"
        return {"backlog": self.lost.pop(0)} if unsure and self.lost else {}

    def ends(self, pair: Pair) -> list[Mapping[str, Liveness]]:
        return [{"A:eth0": self.known}, {"B:eth0": ALIVE}]


def asked(driver: Driver) -> tuple[str, str]:
    """The letter of the pair that is silent, and the reason."""
    seen = driver.probe(0, [(0, 1), (1, 0)])
    assert seen.rows == (f" {seen.rows[0][1]}", "R ")
    return seen.rows[0][1], seen.evidence.get("0,1", {}).get("reason", "")


@pytest.mark.parametrize(
    ("lost", "proofs", "sent", "letter", "reason"),
    [
        ((), (), 1, "U", ""),
        # Lost once, then not: the second try counts.
        ((3,), (), 2, "U", ""),
        ((3,) * TRIES, (), TRIES, "?", "frames were lost: backlog 3"),
        ((), (f"{LOST} A",), 2, "U", ""),
        ((), (f"{LOST} A",) * TRIES, TRIES, "?", f"{LOST} A"),
        ((), ("no proof: a fence",), 1, "?", "no proof: a fence"),
    ],
)
def test_what_is_tried_again(
    lost: tuple[int, ...], proofs: tuple[str, ...], sent: int, letter: str, reason: str
) -> None:
    """Silence is tried again after a loss, a few times; what was answered isn't, nor where the rounds prove nothing."""
    driver = Silent("unicast", lost=lost, proofs=proofs)
    assert asked(driver) == (letter, reason)
    assert driver.sent == [[(0, 1)]] * sent + [[(1, 0)]]


def test_what_was_not_cold_stays_unproved() -> None:
    """A wave that didn't begin from cold proves nothing by its silence, even if it was cold in a later try."""
    assert asked(Silent("unicast", lost=(1,), late="not cold: a fence")) == ("?", "not cold: a fence")


def test_ends_that_were_not_proved() -> None:
    """Silence of an end that is dead is U; if it wasn't seen to send, nothing is proved."""
    driver = Silent("unicast")
    driver.known = Liveness(dead="down")
    assert asked(driver) == ("U", "known-dead")
    driver = Silent("unicast")
    driver.known = Liveness(receives=True)
    assert asked(driver) == ("?", "no control: A:eth0 was not seen to transmit")


def test_a_broadcast_that_may_have_been_heard_elsewhere() -> None:
    """Also where every endpoint has heard it, rounds are made; if they prove nothing, its listeners are open."""
    driver = Silent("broadcast", proofs=("no proof: a fence",))
    seen = driver.probe(0, [(1, 0)])
    assert (seen.rows[1], seen.heard_open) == ("R ", ("B:eth0",))
