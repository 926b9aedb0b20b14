"""``broadcast`` and ``unicast``: does a frame arrive at an interface? ARP, IP and sysctls have no part in it."""

from __future__ import annotations

from netlab.agent.probe import frames
from netlab.agent.probe.lab_view import LabView, Pair
from netlab.agent.probe.layer import Layer
from netlab.agent.probe.receivers import Receivers


class Unicast(Layer):
    """One frame per pair, to the destination's MAC. R needs it at the destination's interface as PACKET_HOST."""

    def send(self, pair: Pair) -> None:
        source, destination = pair
        frame = frames.raw(self.view.macs[destination], self.view.macs[source], self.number(pair))
        self.view.transmit(source, frame)

    def heard(self, ns: str, number: int, link: str, kind: int) -> None:
        pair = self.by_number.get(number)
        if pair is None:
            return
        result = self.results[pair]
        destination = self.view.endpoints[pair[1]]
        if link != destination.link:
            result.evidence.setdefault("elsewhere", []).append(
                f"{link} {'HOST' if kind == frames.PACKET_HOST else 'OTHERHOST'}"
            )
        elif kind != frames.PACKET_HOST:
            result.evidence["seen"] = "OTHERHOST"
        elif result.letter == "R":
            result.evidence["finding"] = "duplicate"
        else:
            result.letter = "R"

    def on_wire(self, ns: str, data: bytes, port: str) -> None:
        pair = self.pair_at(data, 14)
        if pair is not None and self.leaves_by(pair[0], port):
            self.results[pair].wire = True

    def conclude(self, pair: Pair) -> None:
        result = self.results[pair]
        if not result.letter:
            result.letter = "U"
            result.evidence.setdefault("reason", "not-delivered")
        if result.letter == "R":
            result.evidence.pop("elsewhere", None)


class Broadcast(Unicast):
    """One frame per source fills its row; other places that heard it (parents, switch ports) are kept, too."""

    #: Where the mark stands in a frame.
    offset = 14

    def __init__(self, view: LabView, receivers: Receivers, name: str) -> None:
        super().__init__(view, receivers, name)
        self.listeners: dict[int, dict[str, int]] = {}
        self.rows: dict[int, list[Pair]] = {}
        self.columns: dict[str, list[int]] = {}
        for index, endpoint in enumerate(view.endpoints):
            if not endpoint.extra:
                self.columns.setdefault(endpoint.link, []).append(index)

    def prepare(self, wave: list[Pair]) -> None:
        self.rows = {}
        for pair in wave:
            self.rows.setdefault(pair[0], []).append(pair)

    def send(self, pair: Pair) -> None:
        """Only a row's first pair sends; the others share its fate."""
        source = pair[0]
        row = self.rows[source]
        if row[0] == pair:
            for other in row:
                self.begin(other)
            self.emit(source, self.number(pair))
        elif reason := self.results[row[0]].evidence.get("reason"):
            self.fail(pair, reason)

    def emit(self, source: int, number: int) -> None:
        """Send a row's frame. Raises OSError where the kernel refuses."""
        self.view.transmit(source, frames.raw(frames.BROADCAST, self.view.macs[source], number))

    def expect(self, pair: Pair, number: int) -> None:
        super().expect(pair, number)
        if self.rows[pair[0]][0] == pair:
            self.listeners[pair[0]] = {}

    def heard(self, ns: str, number: int, link: str, kind: int) -> None:
        pair = self.by_number.get(number)
        # With a tag that nothing there is for, it is for another even where it is for all.
        if pair is None or kind == frames.PACKET_OTHERHOST:
            return
        source = pair[0]
        heard = self.listeners[source]
        heard[link] = heard.get(link, 0) + 1
        for destination in self.columns.get(link, ()):
            result = self.results.get((source, destination))
            if result is not None:
                if result.letter == "R":
                    result.evidence["finding"] = "duplicate"
                result.letter = "R"

    def on_wire(self, ns: str, data: bytes, port: str) -> None:
        pair = self.pair_at(data, self.offset)
        if pair is not None:
            self.listeners[pair[0]][port] = 1
            if self.leaves_by(pair[0], port):
                for one in self.rows[pair[0]]:
                    self.results[one].wire = True
