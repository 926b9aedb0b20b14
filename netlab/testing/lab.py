"""A lab in a test: processes and sockets inside, steps, questions that are answered with proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from netlab.contract.types import (
    AnyExpectation,
    Where,
    asks_host,
    ends,
)
from netlab.contract.types.layers import HOST
from netlab.errors import did_you_mean
from netlab.judge import unsettled_ends
from netlab.spec.problems import TopologyError
from netlab.testing.blueprint import as_node
from netlab.testing.capture import Capture
from netlab.testing.given import Given
from netlab.testing.matrix import Matrix, Predicted, Seen, asking, bracket, host_layers, listed, places
from netlab.testing.namespace import Namespace
from netlab.testing.steps import LabInSteps
from netlab.testing.topology import caller

if TYPE_CHECKING:
    from netlab.report.record import Record


class Lab(LabInSteps):
    """A lab that is up, from `Labs.open` or the fixtures of the pytest plugin.

    It ends with `close`, with its block, or with the process, whichever comes first.

    ``lab["A"]`` is host A, ``lab["A/c1"]`` its container c1: a `Namespace`. Interfaces and endpoints are named as in
    topology files: ``A:eth0``; a bare ``A`` is its first interface that has an address. Everything may be called from
    any thread. Where the agent has died, everything raises LabDied; where the lab has been closed, or the kernel has
    refused a step of it, LabClosed.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<lab {self.plan.name}, step {self.current.name}>"

    # --- who is there -------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Namespace:
        """A host, container or switch by its name. Raises KeyError, with what there is."""
        __tracebackhide__ = True
        known = [namespace.id for namespace in self.state.namespaces]
        if name not in known:
            raise KeyError(f"no namespace {name!r} in {self.plan.name}{did_you_mean(name, known)}: {', '.join(known)}")
        return Namespace(self, name)

    def __iter__(self) -> Iterator[Namespace]:
        """Every host, container and switch."""
        return iter([Namespace(self, namespace.id) for namespace in self.state.namespaces])

    # --- questions ----------------------------------------------------------------------------------

    def must_reach(
        self,
        source: str,
        destination: str,
        layers: str | Sequence[str] = (),
        *,
        tcp: int | None = None,
        udp: int | None = None,
    ) -> None:
        """Every pair of the two sides reaches the other on every layer.

        On the left a host (``A``, ``A/c1``) is a program in it that binds to nothing: routing chooses interface and
        source address. ``A:eth0`` is that interface. On the right a host is its first address; an IP address is
        asked for whichever interface has it; a link-local one by an interface of the source (``"fe80::2%eth0"``, on
        layers of IPv6). Both sides may be ``any`` or a pattern (``web-*``).

        Without ``layers`` it is icmp and icmp6, as far as there are addresses. ``tcp=80`` and ``udp=53`` ask for a
        port of a program of yours in the destination, over IPv4 where that has such an address, else over IPv6: a
        connection is established; a datagram arrives and isn't refused.

        Raises ExpectationFailed (with the matrix, the route that the model sees taken, the rule of the kernel and the
        frames seen), Inconclusive, and TopologyError where a name is wrong.
        """
        __tracebackhide__ = True
        asked = self._pairs(source, destination, layers, tcp=tcp, udp=udp)
        self._must(f"{asked}: reachable", caller())

    def must_not_reach(
        self,
        source: str,
        destination: str,
        layers: str | Sequence[str] = (),
        *,
        tcp: int | None = None,
        udp: int | None = None,
    ) -> None:
        """No pair of the two sides reaches the other on any of the layers; never true by luck or by haste.

        Silence counts only where rounds have shown that everything sent was handled, both ends are proved alive (or
        known to be down) and no frame was lost on the way: else Inconclusive is raised. Sides, layers and ports are as
        in `must_reach`; a port at which nothing listens is not reached.
        """
        __tracebackhide__ = True
        asked = self._pairs(source, destination, layers, tcp=tcp, udp=udp)
        self._must(f"{asked}: unreachable", caller())

    def _pairs(self, source: str, destination: str, layers: str | Sequence[str], **ports: int | None) -> str:
        """``A -> B [icmp,tcp/80]``; ports of the user's own programs in the family of the destination's addresses."""
        ends = [one for one in self.state.endpoints if destination in (one.id, one.namespace)]
        family = "6" if (":" in destination and not ends) or (ends and not any(one.v4 for one in ends)) else ""
        own = [f"{name}{family}/{port}" for name, port in ports.items() if port is not None]
        return f"{source} -> {destination}{bracket([*listed(layers), *own])}"

    def expect(self, entry: str | Mapping[str, Any]) -> None:
        """Any entry of a topology file's ``expect`` holds now.

        For example ``"A -> B [icmp]: through-interface"``, ``"A -> B [arp]: on-wire"``,
        ``{"A:eth0 [broadcast]": {"heard-by": ["B"]}}``, ``{"A:eth0": {"promiscuity": 1}}``.
        """
        __tracebackhide__ = True
        self._must(entry, caller())

    def _must(self, entry: str | Mapping[str, Any], at: Where) -> None:
        __tracebackhide__ = True
        from netlab.testing.check import check

        with self._lock:
            self._check_open()
            self._refresh()
            for expectation in self._asked(entry, at):
                check(self, expectation)

    def _asked(self, entry: str | Mapping[str, Any], at: Where) -> tuple[AnyExpectation, ...]:
        """What an entry means now. An address that it asks for is a column of the matrices from then on."""
        __tracebackhide__ = True
        try:
            asked = self._planner.asked(as_node(Given([entry], at)))
        except TopologyError as error:
            # Where the entry was written is in the message; how the plan found out is nobody's concern.
            raise error.with_traceback(None) from None
        targets = self._planner.current.state.targets
        if targets != self.state.targets:
            self._current = replace(self._current, state=replace(self.state, targets=targets))
        return asked

    def ping(self, source: str, destination: str, layer: str = "icmp") -> Seen:
        """Probe one pair on one layer, from cold; the answer is true where it was reached.

        A host (``A``) asks as a program in it does that binds to nothing, on the layers on which it can (icmp, tcp,
        udp, those of IPv6, and ports: ``tcp/80``), else it stands for its first interface. Raises KeyError (no such
        endpoint). A negative is proved as that of `must_not_reach`; where it can't be, asking the answer for its truth
        raises Inconclusive.
        """
        __tracebackhide__ = True
        with self._lock:
            from netlab.spec.expect import address_of

            handle = self.handle
            self._refresh()
            if address_of(destination) and asks_host(asking(self.state, layer, source)):
                self._asked(f"{source} -> {destination} [{layer.removeprefix(HOST)}]: reachable", caller())
            layer, i, j = places(self.state, layer, source, destination)
            unsettled = self.settled().unsettled
            [seen] = handle.probe((layer,), pairs=[(i, j)], seed=self.seed, targets=self.state.targets).result()
            names = self.state.sources(layer)[i].id, self.state.destinations(layer)[j].id
            letter, evidence = seen.rows[i][j], seen.evidence.get(f"{i},{j}", {})
            if letter != "." and unsettled_ends(self.state, unsettled) & {*names}:
                letter, evidence = "?", {**evidence, "reason": f"unsettled: {', '.join(unsettled)}"}
            return Seen(layer, *names, letter, evidence)

    def matrix(self, layers: Sequence[str] = ()) -> Matrix:
        """Probe every pair on these layers (all that apply, by default), predict and judge them."""
        __tracebackhide__ = True
        return Matrix(self.examine(layers))

    def hosts(self, layers: str | Sequence[str] = ("icmp", "icmp6")) -> Matrix:
        """Who can reach whom: every host and container asks for every address, as its programs do.

        ``lab.hosts()["A", "B"]`` is the letter. Layers are those that a program can ask: icmp, tcp, udp, the same of
        IPv6, and ports (``tcp/80``).
        """
        __tracebackhide__ = True
        return Matrix(self.examine(host_layers(self.state, layers)))

    def examine(self, layers: Sequence[str] = ()) -> Record:
        """The same as the record that ``netlab run --json`` writes (docs/record.md), of the current step."""
        __tracebackhide__ = True
        from datetime import UTC, datetime

        from netlab import model, pipeline, report
        from netlab.clock import Clock

        with self._lock:
            self._refresh()
            self.settled()
            options = pipeline.Options(layers=tuple(layers), seed=self.seed)
            started, clock = datetime.now(UTC), Clock()
            one = pipeline.examine(self.plan, self.current, self.handle, options, entered=self.entered)
            clock.lap("total")
            here = pipeline.circumstances(self.handle.agent, options, started, clock.seconds)
            return report.build(self.plan, [one], [], model.RULES, here)

    @property
    def predicted(self) -> Predicted:
        """What the model says of the current step, without asking the kernel anything."""
        return Predicted(self.state)

    def capture(self, *interfaces: str, path: str | Path | None = None) -> Capture:
        """Capture at interfaces (``A:eth0``) and switch ports (``port(A:eth0)``) while a ``with`` block runs.

        Without any, everywhere. The frames are in `Capture.frames` afterwards, and in ``path``, a pcapng file, where
        one is given. Raises KeyError (no such interface).
        """
        __tracebackhide__ = True
        handle = self.handle
        known = [place for link in self.state.links for place in ends(link)]
        for name in interfaces:
            if name not in known:
                raise KeyError(f"no interface {name!r} in {self.plan.name}{did_you_mean(name, known)}")
        everywhere = [name for name in known if name not in self.bridges and handle.watches(name)]
        capture = Capture(handle, interfaces or everywhere, None if path is None else Path(path), lambda: self.macs)
        self.captures.append(capture)
        return capture
