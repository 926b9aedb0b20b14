"""Rounds between machines: proof that whatever was sent before has arrived and been handled.

Between the machines is a real network, whose counters can't be read. But frames from one NIC to another stay in order.
So in each round every NIC sends a control to every other NIC of its switch, from each processor in turn. The round ends
when all expected controls have been heard: by the NIC itself, and, as a broadcast, by the children behind each of its
macvlan queues. Then the fence of this machine's own processors is crossed. `prober` finds out by positive controls
which controls can be heard; where none can, there is no proof.

No clocks are compared, and the front need not synchronise the machines: a machine sends its next control after it has
heard the others' last ones.
"""

from __future__ import annotations

import os
import time

from netlab.agent.probe import frames
from netlab.agent.probe.fence import CpuFence, FenceLost
from netlab.agent.probe.lab_view import LabView
from netlab.agent.probe.receivers import Receivers
from netlab.contract.dataclass import dataclass
from netlab.contract.types import Veth

#: How long the controls of a round may take, in seconds.
DEADLINE = 3.0


@dataclass(frozen=True)
class Nic:
    """A NIC of the lab, on any machine: its place in the list, its machine's number of processors."""

    link: Veth
    place: int
    cpus: int
    here: bool
    mac: bytes


@dataclass(frozen=True)
class Path:
    """A path on which controls were seen to arrive: from a NIC, by broadcast or unicast, to a link here."""

    source: str
    broadcast: bool
    link: str


class Barrier:
    """Sends this machine's controls, waits for the others'."""

    def __init__(self, view: LabView, receivers: Receivers, fence: CpuFence, nics: list[Nic]) -> None:
        self.view = view
        self.receivers = receivers
        self.fence = fence
        self.nics = nics
        self.paths: set[Path] = set()
        self._heard: set[tuple[int, str]] = set()
        self._range = range(0)
        self._cpus = max((nic.cpus for nic in nics), default=1)

    def heard(self, number: int, link: str) -> bool:
        """A frame of ours came in at a link; whether it was a control of these rounds."""
        if number not in self._range:
            return False
        self._heard.add((number, link))
        return True

    def run(self, count: int, base: int) -> str:
        """So many rounds, their numbers from ``base`` on; why there is no proof, or ''."""
        self._heard.clear()
        self._range = range(base, base + self.numbers(count))
        try:
            lacking = self._lacking()
            if lacking:
                return lacking
            for k in range(count):
                self._round(base + self.numbers(k))
            self.receivers.drain()
        except FenceLost as error:
            return f"no proof: {error}"
        except OSError as error:
            return f"no proof: a control could not be sent: {error}"
        finally:
            self._range = range(0)
        return ""

    def numbers(self, rounds: int) -> int:
        """How many numbers so many rounds take, on every machine alike."""
        return rounds * len(self.nics) * self._cpus * 2

    def _lacking(self) -> str:
        mine = [nic for nic in self.nics if nic.here]
        for nic in mine:
            others = [one for one in self.nics if one.link.switch == nic.link.switch and not one.here]
            if not others:
                return f"no proof: no other machine is on {nic.link.switch} to send a control to {nic.link.id}"
            for other in others:
                if not self._due(other, nic):
                    return f"no proof: no control of {other.link.id} has arrived at {nic.link.id}"
        return ""

    def _due(self, source: Nic, nic: Nic) -> list[Path]:
        """The ways from another NIC to one of this machine, and to the children on it."""
        links = {nic.link.id, *(child.id for child in self.view.state.children_of(nic.link.id))}
        return [path for path in self.paths if path.source == source.link.id and path.link in links]

    def _number(self, base: int, nic: Nic, cpu: int, broadcast: bool) -> int:
        return base + ((nic.place * self._cpus) + cpu) * 2 + broadcast

    def _round(self, base: int) -> None:
        wanted = set()
        for nic in self.nics:
            if nic.here:
                continue
            for mine in self.nics:
                if mine.here and mine.link.switch == nic.link.switch:
                    for path in self._due(nic, mine):
                        for cpu in range(nic.cpus):
                            wanted.add((self._number(base, nic, cpu, path.broadcast), path.link))
        self.fence.round()
        self._send(base)
        heard = self._heard
        if not self.receivers.wait(lambda: wanted <= heard, time.monotonic() + DEADLINE):
            number, link = min(wanted - heard)
            source = self.nics[(number - base) // 2 // self._cpus].link.id
            raise FenceLost(f"a control of {source} didn't arrive at {link} in {DEADLINE:g} s")
        # What a macvlan queue has handed on waits in a processor's backlog now.
        self.fence.round()

    def _send(self, base: int) -> None:
        try:
            for place, cpu in enumerate(self.fence.cpus):
                os.sched_setaffinity(0, (cpu,))
                for nic in self.nics:
                    if nic.here:
                        self._send_from(nic, self._number(base, nic, place, False))
        finally:
            os.sched_setaffinity(0, self.fence.cpus)

    def _send_from(self, nic: Nic, number: int) -> None:
        """To each NIC elsewhere its own unicast control, and a broadcast to all, with the next number."""
        sender, ifname = self.view.senders[nic.link.namespace], nic.link.ifname
        for other in self.nics:
            if not other.here and other.link.switch == nic.link.switch:
                sender.sendto(frames.raw(other.mac, nic.mac, number), (ifname, 0))
        sender.sendto(frames.raw(frames.BROADCAST, nic.mac, number + 1), (ifname, 0))
