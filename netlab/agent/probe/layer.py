"""What every layer has in common."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable
from itertools import chain, product

from netlab.agent import sockets
from netlab.agent.errors import name as errno_name
from netlab.agent.probe import filters, frames
from netlab.agent.probe.lab_view import LabView, Pair
from netlab.agent.probe.mmsg import Datagrams
from netlab.agent.probe.receivers import Receivers
from netlab.contract import driver
from netlab.contract.observed import Result

#: Errors by which the kernel says at once that a packet can't be sent: no route (fib_props, net/ipv4/fib_semantics.c),
#: a packet that is too big, a link that is down or gone, a missing source address, a firewall (nf_hook_slow), a reset.
REFUSALS = frozenset({
    errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL, errno.EMSGSIZE, errno.ENETDOWN, errno.ENODEV,
    errno.ENXIO, errno.EADDRNOTAVAIL, errno.EPERM, errno.ECONNREFUSED,
})  # fmt: skip


class Layer:
    """A layer's engine. One object serves one request to probe one layer."""

    #: Whether a probe makes the kernel flood a broadcast: then sending is worth two processors.
    floods = False
    #: So many probes are sent before the sockets are read, and so much of a receive buffer each may take (truesize).
    batch = 64
    room = sockets.SMALL
    #: A wave has at most so many probes: all of them may wait in one socket for a neighbour that never answers.
    most = sys.maxsize

    def __init__(self, view: LabView, receivers: Receivers, name: str) -> None:
        self.view = view
        self.receivers = receivers
        self.name = name
        #: The rows and columns of the layer's matrix.
        self.sources = view.state.sources(name)
        self.destinations = view.state.destinations(name)
        self.results: dict[Pair, Result] = {}
        self.by_number: dict[int, Pair] = {}

    def at_once(self) -> int:
        """How many probes may be sent before the sockets are read: all of them may come to one socket."""
        return min(self.batch, self.receivers.takes(self.room))

    def prepare(self, wave: list[Pair]) -> None:
        """Everything a wave needs that is no traffic yet: sockets, static entries."""

    def send(self, pair: Pair) -> None:
        """Send one pair's probe. Raises OSError where the kernel refuses at once."""
        raise NotImplementedError

    def datagrams(self, pairs: list[Pair]) -> list[tuple[list[Pair], Datagrams]]:
        """The same for many pairs: batches to send, each with its pairs; none where `send` has to do it."""
        return []

    def settle(self, pair: Pair) -> None:
        """Decide the pair's letter if nothing that may still come could change it."""

    def conclude(self, pair: Pair) -> None:
        """Decide what is still open, after the rounds: silence is U now."""
        result = self.results[pair]
        if not result.letter:
            result.letter = "U"

    def finish(self, wave: list[Pair]) -> None:
        """Undo what ``prepare`` did."""

    def end(self) -> None:
        """Undo what was to last for all waves."""

    @property
    def warms(self) -> bool:
        """Whether a wave may leave neighbour entries behind."""
        return driver.warms(self.name)

    def heard(self, ns: str, number: int, link: str, kind: int) -> None:
        """A frame of our own EtherType came in at a link (see `frames.raw`)."""

    def packet(self, ns: str, protocol: int, data: bytes, ifname: str, kind: int) -> None:
        """A frame of another protocol that this layer listens to came in at an interface."""

    def on_wire(self, ns: str, data: bytes, port: str) -> None:
        """A frame came into the switch by a port."""

    def leaves_by(self, source: int, port: str) -> bool:
        """Whether a switch port is that below the source, or below an interface of it."""
        return port in self.view.ports_of(self.sources[source])

    def listen(self, ns: str, protocol: int) -> None:
        """Hear a protocol in a namespace."""
        self.receivers.listen(self.view.lab.namespaces[ns], protocol, filters.PROGRAMS[protocol])

    def number(self, pair: Pair) -> int:
        """A fresh number for a probe of this pair, of which nothing is known yet."""
        number = next(self.view.numbers)
        self.expect(pair, number)
        return number

    def expect(self, pair: Pair, number: int) -> None:
        """Wait for the probe of this pair that has this number."""
        self.begin(pair)
        self.by_number[number] = pair

    def pair_at(self, data: bytes, offset: int) -> Pair | None:
        """The pair whose probe has its mark and number at this place of a frame or a datagram."""
        number = frames.number_at(data, offset)
        return None if number is None else self.by_number.get(number)

    def begin(self, pair: Pair) -> None:
        """Forget what was known of a pair: it is probed now."""
        self.results[pair] = Result()

    def refused(self, pair: Pair, error: OSError) -> None:
        """The kernel refused the probe at once: that proves U for errors that mean it can't be sent, else nothing."""
        if error.errno in REFUSALS:
            self.fail(pair, errno_name(error.errno))
        else:
            self.unsent(pair, error)

    def unsent(self, pair: Pair, error: OSError) -> None:
        """Something was lacking here, so that nothing was asked."""
        result = self.results[pair]
        result.letter = "?"
        result.evidence["reason"] = f"no proof: it could not be sent: {errno_name(error.errno or 0)}"

    def fail(self, pair: Pair, reason: str) -> None:
        """It was proved that the probe leads nowhere."""
        result = self.results[pair]
        result.letter = "U"
        result.evidence["reason"] = reason

    def meetings(self, pairs: Iterable[Pair]) -> set[tuple[str, str]]:
        """The namespaces that meet in these pairs: those of the source, and of the destination (or its own again where
        nobody has the address)."""
        found: set[tuple[str, str]] = set()
        for i, j in pairs:
            ours, theirs = (self.view.namespaces_of(end) for end in (self.sources[i], self.destinations[j]))
            found.update(product(ours, theirs or ours))
        return found

    def namespaces(self, pairs: Iterable[Pair]) -> set[str]:
        """The namespaces of these pairs' ends."""
        return set(chain.from_iterable(self.meetings(pairs)))
