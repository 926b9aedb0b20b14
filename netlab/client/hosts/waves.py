"""Waves across machines: prepare, send, collect, prove silence, collect again. The front only gives the order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netlab.client.hosts.merge import merged
from netlab.contract import driver
from netlab.contract.driver import Driver, Liveness
from netlab.contract.observed import Pair, Result
from netlab.contract.types import State

Ask = Callable[[Mapping[str, Mapping[str, Any]], str], dict[str, Any]]

#: How often controls are sent until each link is proved.
CONTROL_TRIES = 4


class Machines:
    """The machines of a lab in one step, ready to probe its endpoints, wherever they are."""

    def __init__(
        self, ask: Ask, hosts: tuple[str, ...], state: State, links: dict[str, dict[str, Any]], cpus: dict[str, int],
        *, wire: bool,
    ) -> None:  # fmt: skip
        self._ask = ask
        self._hosts = hosts
        self._number = 1
        self.state = state
        self.wire = wire
        #: At most so many numbers are needed for a round.
        self.widest = max(cpus.values()) * 2 * max(1, len(links))
        # No control reaches a source-mode child whose list has no endpoint of another machine.
        closed = {link.id: "source mode" for link in state.links if getattr(link, "effective_mode", "") == "source"}
        ends = dict.fromkeys(endpoint.link for endpoint in state.endpoints)
        self.liveness = {end: Liveness(driver.dead(links[end]), closed=closed.get(end, "")) for end in ends}
        self.all("arm", links=links, cpus=cpus, wire=wire)
        self._prove_ends()

    def all(self, op: str, **values: Any) -> dict[str, Any]:
        """Ask every machine the same."""
        return self._ask(dict.fromkeys(self._hosts, values), op)

    def numbers(self, count: int) -> int:
        """The first of so many fresh numbers."""
        first = self._number
        self._number += count
        return first

    # --- controls -----------------------------------------------------------------------------------

    def _prove_ends(self) -> None:
        """Positive controls: each link must be heard, or seen to send, and hear another machine."""
        for _ in range(CONTROL_TRIES):
            base = self.numbers(2 * len(self.liveness))
            self.all("controls", base=base)
            for found in self.all("hear", base=base).values():
                for source, link in found["heard"]:
                    self.liveness[source].transmits = True
                    if link in self.liveness:
                        self.liveness[link].receives = True
                for link in found["left"]:
                    self.liveness[link].transmits = True
            if all(known.proved for known in self.liveness.values()):
                return


class Waves(Driver):
    """Probes one layer. Each request goes to all machines at once."""

    def __init__(self, machines: Machines, layer: str) -> None:
        warms = driver.warms(layer)
        # In narrow waves every machine listens for each request.
        most = driver.MANY - 1 if warms else sys.maxsize
        super().__init__(machines.state, layer, wire=machines.wire, most=most, warms=warms)
        self._machines = machines
        self._heard: dict[int, set[str]] = {}
        self.listeners = self._heard
        #: The addresses of the clients that have sent.
        self._clients: list[Any] = []

    def send(self, pairs: list[Pair], attempt: int) -> str:
        first = self._machines.numbers(len(pairs))
        numbered = [(i, j, first + k) for k, (i, j) in enumerate(pairs)]
        ready = self._machines.all("prepare", layer=self.name, wave=numbered)
        servers = [one for found in ready.values() for one in found.get("servers", ())]
        sent = self._machines.all("send", servers=servers)
        self._clients = [one for found in sent.values() for one in found["clients"]]
        self._collect(pairs, final=False)
        return ""

    def prove(self, pairs: list[Pair]) -> str:
        """Rounds between all machines; why there is no proof, or ''.

        A round crosses every queue on the way from one machine to another, so two are enough for each traversal: a
        frame that a switch sends back arrives before a frame that another machine sends in answer.
        """
        count = 2 * driver.traversals(self.name) * (1 + self.state.routers)
        base = self._machines.numbers(count * self._machines.widest)
        return next((why for why in self._machines.all("rounds", count=count, base=base).values() if why), "")

    def conclude(self, pairs: list[Pair], silent: list[Pair], *, unsure: bool) -> dict[str, int]:
        lost = self._collect(pairs, final=True)
        self._machines.all("finish")
        return lost

    def ends(self, pair: Pair) -> Iterator[Mapping[str, Liveness]]:
        for link in (self.state.endpoints[index].link for index in pair):
            yield {link: self._machines.liveness[link]}

    def _host(self, index: int) -> str:
        return self.state.endpoints[index].namespace.partition("/")[0]

    def _collect(self, wave: list[Pair], *, final: bool) -> dict[str, int]:
        """Merge what the machines have seen into the results; what was lost meanwhile."""
        found = self._machines.all("collect", clients=self._clients, final=final)
        seen = {
            host: {
                (i, j): Result(letter, wire, answered, evidence=evidence)
                for i, j, letter, answered, wire, evidence in one["seen"]
            }
            for host, one in found.items()
        }
        for pair in wave:
            source, destination = (seen[self._host(index)][pair] for index in pair)
            self.results[pair] = merged(self.name, self.state.endpoints[pair[1]], source, destination, final=final)
        lost: dict[str, int] = {}
        for host, one in found.items():
            for name, count in one["lost"].items():
                lost[f"{host}: {name}"] = count
            for index, heard in one.get("listeners", {}).items():
                self._heard.setdefault(int(index), set()).update(heard)
        return lost
