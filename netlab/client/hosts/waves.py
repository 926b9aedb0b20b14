"""Waves across machines: prepare, send, collect, prove silence, collect again. The front only gives the order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netlab.client.hosts.merge import merged
from netlab.contract import waves
from netlab.contract.applies import applicable
from netlab.contract.observed import LayerObserved, Result, matrix
from netlab.contract.types import State, base_layer

Pair = tuple[int, int]
Ask = Callable[[Mapping[str, Mapping[str, Any]], str], dict[str, Any]]

#: How often a wave's negatives are probed again because frames were lost meanwhile.
LOSS_TRIES = 4
#: How often controls are sent until each link is proved.
CONTROL_TRIES = 4
#: In waves of at most so many pairs every machine listens for each request (probe.echo.MANY).
WIDEST = 48
#: The longest chain of crossings that a probe causes (the engines' `traversals`).
TRAVERSALS = {"broadcast": 1, "unicast": 1, "arp": 2, "ndp": 2, "tcp": 7, "tcp6": 7, "udp": 7, "udp6": 7}


class Waves:
    """Probes the endpoints of one step, wherever they are."""

    def __init__(
        self, ask: Ask, hosts: tuple[str, ...], state: State, links: dict[str, dict[str, Any]], cpus: dict[str, int],
        *, wire: bool,
    ) -> None:  # fmt: skip
        self._ask = ask
        self._hosts = hosts
        self._state = state
        self._links = links
        self._number = 1
        self.wire = wire
        self._widest = max(cpus.values()) * 2 * max(1, len(links))
        self._receives: set[str] = set()
        self._transmits: set[str] = set()
        self.all("arm", links=links, cpus=cpus, wire=wire)
        self._prove_ends()

    def all(self, op: str, **values: Any) -> dict[str, Any]:
        """Ask every machine the same."""
        return self._ask(dict.fromkeys(self._hosts, values), op)

    def _numbers(self, count: int) -> int:
        """The first of so many fresh numbers."""
        first = self._number
        self._number += count
        return first

    def _host(self, index: int) -> str:
        return self._state.endpoints[index].namespace.partition("/")[0]

    # --- controls -----------------------------------------------------------------------------------

    def _prove_ends(self) -> None:
        """Positive controls: each link must be heard, or seen to send, and hear another machine."""
        endpoints = list(dict.fromkeys(endpoint.link for endpoint in self._state.endpoints))
        alive = {link for link in endpoints if not self._dead(link)}
        for _ in range(CONTROL_TRIES):
            base = self._numbers(2 * len(endpoints))
            self.all("controls", base=base)
            for found in self.all("hear", base=base).values():
                self._transmits |= {source for source, _ in found["heard"]} | set(found["left"])
                self._receives |= {link for _, link in found["heard"]}
            if alive <= self._receives & self._transmits:
                return

    def _dead(self, link: str) -> str:
        read = self._links[link]
        return "down" if not read["up"] else "" if read["carrier"] else "no carrier"

    # --- layers -------------------------------------------------------------------------------------

    def probe(self, layer: str, seed: int, wanted: list[Pair] | None) -> LayerObserved:
        """Probe one layer, over all its pairs or those wanted (then each in a wave of its own)."""
        pairs = applicable(self._state, layer)
        groups: Iterator[list[Pair]]
        warms = base_layer(layer) not in ("broadcast", "unicast")
        if wanted is not None:
            groups = iter([[pair] for pair in wanted if pair in set(pairs)])
        else:
            groups = waves.cut(self._state, layer, pairs, seed, warms=warms)
        results: dict[Pair, Result] = {}
        listeners: dict[int, set[str]] = {}
        for group in groups:
            size = WIDEST if warms else len(group)
            for start in range(0, len(group), size):
                self._wave(layer, group[start : start + size], results, listeners)
        heard = {self._state.endpoints[i].id: tuple(sorted(links)) for i, links in listeners.items()}
        count = len(self._state.endpoints)
        return matrix(layer, (count, count), results, set(pairs), wire=self.wire, heard=heard)

    def _wave(self, layer: str, wave: list[Pair], results: dict[Pair, Result], listeners: dict[int, set[str]]) -> None:
        open_pairs = wave
        for attempt in range(LOSS_TRIES):
            first = self._numbers(len(open_pairs))
            numbered = [(i, j, first + k) for k, (i, j) in enumerate(open_pairs)]
            ready = self.all("prepare", layer=layer, wave=numbered)
            servers = [one for found in ready.values() for one in found.get("servers", ())]
            sent = self.all("send", servers=servers)
            clients = [one for found in sent.values() for one in found["clients"]]
            self._collect(layer, open_pairs, clients, results, listeners, final=False)
            silent = [pair for pair in open_pairs if not results[pair].letter]
            unseen = [pair for pair in open_pairs if self.wire and not results[pair].wire]
            # What a probe has still under way must be over before the next wave finds everything cold.
            lingers = base_layer(layer) not in ("broadcast", "unicast")
            proof = self._rounds(layer) if silent or unseen or lingers else ""
            lost = self._collect(layer, open_pairs, clients, results, listeners, final=True)
            self.all("finish")
            negatives = [pair for pair in silent if results[pair].letter != "R"]
            if not ((lost or proof.startswith("no proof: a control of")) and (negatives or unseen)):
                break
            if attempt < LOSS_TRIES - 1 and base_layer(layer) != "broadcast":
                open_pairs = sorted({*negatives, *unseen})
        else:
            proof = proof or "frames were lost: " + ", ".join(f"{name} {count}" for name, count in lost.items())
        for pair in negatives:
            results[pair].doubt(proof, self._ends(pair))
        for pair in wave:
            if self.wire and not results[pair].wire and proof:
                results[pair].evidence["wire"] = "?"

    def _rounds(self, layer: str) -> str:
        """Rounds between all machines; why there is no proof, or ''.

        A round crosses every queue on the way from one machine to another, so two are enough for each traversal: a
        frame that a switch sends back arrives before a frame that another machine sends in answer.
        """
        count = 2 * TRAVERSALS.get(base_layer(layer), 4) * (1 + self._state.routers)
        base = self._numbers(count * self._widest)
        return next((why for why in self.all("rounds", count=count, base=base).values() if why), "")

    def _collect(
        self, layer: str, wave: list[Pair], clients: list[Any], results: dict[Pair, Result],
        listeners: dict[int, set[str]], *, final: bool,
    ) -> dict[str, int]:  # fmt: skip
        """Merge what the machines have seen into ``results``; what was lost meanwhile."""
        found = self.all("collect", clients=clients, final=final)
        seen = {
            host: {
                (i, j): Result(letter, wire, answered, evidence=evidence)
                for i, j, letter, answered, wire, evidence in one["seen"]
            }
            for host, one in found.items()
        }
        for pair in wave:
            source, destination = (seen[self._host(index)][pair] for index in pair)
            results[pair] = merged(layer, self._state.endpoints[pair[1]], source, destination, final=final)
        lost: dict[str, int] = {}
        for host, one in found.items():
            for name, count in one["lost"].items():
                lost[f"{host}: {name}"] = count
            for source_index, heard in one.get("listeners", {}).items():
                listeners.setdefault(int(source_index), set()).update(heard)
        return lost

    def _ends(self, pair: Pair) -> Iterator[tuple[str, str]]:
        """Of both ends, how they are known to be dead, and what of them isn't proved."""
        for link in (self._state.endpoints[index].link for index in pair):
            dead, lack = self._dead(link), self._lack(link)
            yield f"{link} is {dead}" if dead else "", f"{link} was not seen {lack}" if lack else ""

    def _lack(self, link: str) -> str:
        lacks = [] if link in self._receives or self._deaf(link) else ["to receive"]
        lacks += [] if link in self._transmits else ["to transmit"]
        return " nor ".join(lacks)

    def _deaf(self, link_id: str) -> bool:
        """Whether no control can reach a link: a source-mode child whose list has no endpoint of another machine."""
        return getattr(self._state.link(link_id), "effective_mode", "") == "source"
