"""Rounds: proof that everything that was sent before has been handled.

Frames wait in three kinds of queues:

- the receive backlog, one for each CPU and all namespaces (enqueue_to_backlog, net/core/dev.c);
- the broadcast queue of each macvlan port, emptied by a workqueue (macvlan_broadcast_enqueue, drivers/net/macvlan.c);
- the queueing discipline of an interface that is shaped (tbf_enqueue, htb_enqueue).

All are first in, first out. So when a frame of our own, queued later, has come out, all earlier ones have come out,
too. They may have caused further frames, which are queued again: so there are as many rounds as the longest chain has
hops.

Fences can't cross two other queues, which must be empty: a neighbour table's queue of proxy answers, and queueing
disciplines that a process inside a lab has set (`netlab.agent.probe.waiting`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import time
from collections.abc import Callable, Sequence

from netlab.agent import sockets, sysctl
from netlab.agent.netlink import Socket, peer, set_up
from netlab.agent.netlink import link as link_request
from netlab.agent.netns import in_thread
from netlab.agent.probe import bpf, filters, frames, proc

#: On machines with more CPUs a pair for each would take too long to make.
LANES = 16
#: How long a fence may take, in seconds: far longer than any scheduling delay. After that there is no proof.
DEADLINE = 5.0
#: After so many seconds a fence through a queue is sent again, then after twice as many, and so on.
PATIENCE = 0.02


class FenceLost(Exception):
    """A fence didn't come back before the deadline: nothing can be proved by it."""


class CpuFence:
    """Veth pairs in the agent's own namespace, outside any lab, through which a frame crosses every CPU's backlog.

    With receive packet steering (root only) there is a pair for each CPU: its frames go into that CPU's backlog,
    wherever this process runs. Without, there is one pair, and the process moves from CPU to CPU: each time it must
    wait until it is scheduled there.
    """

    #: Whether the machine has no CPU to move to, ever.
    _alone = os.sysconf("SC_NPROCESSORS_CONF") == 1

    def __init__(self) -> None:
        self.cpus = sorted(os.sched_getaffinity(0))
        self._tour = list(self.cpus)
        # A kernel without IPv6 has no such file, and says nothing by itself either.
        with contextlib.suppress(FileNotFoundError):
            sysctl.write("net/ipv6/conf/default/disable_ipv6", "1")
        _make_pair(0)
        self._plain = [(_names(0)[0], frames.ETHERTYPE)]
        self._lanes: list[tuple[str, int]] = []
        self.steered = self._steer()
        self._send = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._hear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(frames.ETHERTYPE))
        for sock in (self._send, self._hear):
            sockets.hold(sock)
        #: As many frames at once as there is room for.
        self._width = max(1, sockets.room(self._hear) // sockets.SMALL)
        bpf.attach(self._hear, filters.OURS)
        self._number = 0
        self._wait_for_carrier()

    def _steer(self) -> bool:
        """Give each CPU a pair of its own; False where this machine doesn't allow it, or has too many."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return in_thread(here, self._steer_inside)
        except OSError:
            # Not root, no /sys, or a kernel without CONFIG_RPS: the process will have to move.
            return False
        finally:
            os.close(here)

    def _steer_inside(self) -> bool:
        cpus = _online()
        if len(cpus) > LANES:
            return False
        for lane, cpu in enumerate(cpus, 1):
            _make_pair(lane)
            self._lanes.append((_names(lane)[0], frames.ETHERTYPE))
            with open(f"/sys/class/net/{_names(lane)[1]}/queues/rx-0/rps_cpus", "w") as file:
                file.write(_mask(cpu))
        return True

    def _wait_for_carrier(self) -> None:
        # A veth drops everything until linkwatch has given it a queueing discipline: the first frames may be lost.
        deadline = time.monotonic() + DEADLINE
        self._hear.settimeout(0.002)
        while time.monotonic() < deadline:
            try:
                self._cross(self._plain + (self._lanes if self.steered else []))
            except TimeoutError:
                continue
            self._hear.settimeout(DEADLINE)
            return
        raise FenceLost("the agent's own veth pair carries nothing")

    def _cross(self, lanes: list[tuple[str, int]]) -> None:
        """One frame by each pair, all on their way at once where there is room for so many."""
        for start in range(0, len(lanes), self._width):
            missing = set()
            for lane in lanes[start : start + self._width]:
                self._number = (self._number + 1) & 0xFFFFFFFF
                missing.add(self._number)
                self._put(frames.raw(frames.BROADCAST, frames.FENCE_SOURCE, self._number), lane)
            while missing:
                missing.discard(frames.number_at(self._next(), 14))

    def _next(self) -> bytes:
        """The next frame that is heard. Raises TimeoutError, OSError."""
        try:
            # Mostly it is there when it has been sent: no need to wait for it, as recv(2) of Python does first.
            return os.read(self._hear.fileno(), 128)
        except BlockingIOError:
            return self._hear.recv(128)

    def _put(self, frame: bytes, lane: tuple[str, int]) -> None:
        """Send a frame as soon as the receiving CPU's backlog has room for it. Raises OSError."""
        deadline = None
        while True:
            try:
                self._send.sendto(frame, lane)
                return
            except OSError as error:
                deadline = deadline or time.monotonic() + DEADLINE
                if error.errno != errno.ENOBUFS or time.monotonic() > deadline:
                    raise
            # Somebody floods that CPU: let it work.
            time.sleep(0.0005)

    def round(self, *, quiet: bool = False) -> None:
        """Cross the backlog of every CPU; without steering, of every CPU that this process may run on. Raises
        FenceLost.

        ``quiet`` avoids steering where it may wake an idle CPU, which then answers faster than usual for a while. Where
        all CPUs are busy it steers anyway: moving, the process would have to wait for each.
        """
        try:
            if self.steered and not (quiet and _running() < len(self._lanes)):
                self._cross(self._lanes)
            else:
                self._move_and_cross()
        except TimeoutError as error:
            raise FenceLost(f"a fence across the CPUs didn't come back in {DEADLINE:g} s") from error

    def _move_and_cross(self) -> None:
        if self._alone:
            self._cross(self._plain)
            return
        # In the opposite order each time: this process is mostly still on the CPU where the last round ended.
        self._tour.reverse()
        try:
            for cpu in self._tour:
                self._move(cpu)
                self._cross(self._plain)
        finally:
            os.sched_setaffinity(0, self._tour)

    def _move(self, cpu: int) -> None:
        """Move to another CPU. Raises FenceLost where this process may no longer run there: its backlog isn't
        crossed."""
        try:
            os.sched_setaffinity(0, (cpu,))
        except OSError as error:
            # It went offline, or a cpuset has changed (__set_cpus_allowed_ptr).
            if error.errno != errno.EINVAL or len(self._tour) == 1:
                raise
            self._tour.remove(cpu)
            raise FenceLost(f"CPU {cpu} was taken away from this process") from error


def _running() -> int:
    """How many tasks of the whole machine run or are ready to, this one included (nr_running, kernel/sched/core.c)."""
    try:
        return int(proc.read("/proc/loadavg").split()[3].partition(b"/")[0])
    except OSError:
        # A /proc of processes alone (subset=pid), or a masked one, doesn't tell.
        return 0


def _names(lane: int) -> tuple[str, str]:
    """The two ends of a pair."""
    return f"fence{2 * lane}", f"fence{2 * lane + 1}"


def _make_pair(lane: int) -> None:
    netlink = Socket()
    near, far = _names(lane)
    index = 9000 + 2 * lane
    end = peer({"IFLA_IFNAME": far}, index=index + 1)
    pairs = {
        "IFLA_IFNAME": near,
        "IFLA_LINKINFO": {"IFLA_INFO_KIND": "veth", "IFLA_INFO_DATA": {"VETH_INFO_PEER": end}},
    }
    command = f"ip link add dev {near} type veth peer name {far}"
    request = link_request("add", pairs, command, index=index, up=True)
    for answer in netlink.batch([request.message, set_up("agent", index + 1, far).message]):
        if answer.errno:
            raise OSError(answer.errno, answer.message or os.strerror(answer.errno))
    netlink.close()


def _online() -> list[int]:
    """The CPUs that may have a backlog."""
    with open("/sys/devices/system/cpu/online") as file:
        ranges = [part.split("-") for part in file.read().strip().split(",")]
    return [cpu for ends in ranges for cpu in range(int(ends[0]), int(ends[-1]) + 1)]


def _mask(cpu: int) -> str:
    """A CPU as bitmap_parse takes it: groups of 32 bits in hexadecimal, the highest first."""
    words = [0] * (cpu // 32 + 1)
    words[0] = 1 << cpu % 32
    return ",".join(f"{word:08x}" for word in words)


class ShaperFence:
    """A frame through the queueing discipline of one interface, which comes out at the far end of its wire.

    ``send`` transmits a frame out of the interface, ``places`` are where it may be seen.
    """

    def __init__(self, link: str, send: Callable[[bytes], None], places: frozenset[str], source: bytes) -> None:
        self.port = link
        self.listeners = places
        self.send = send
        self._source = source

    def start(self, number: int) -> None:
        """Send fence ``number``: no bridge forwards it, and a child that has joined the group does no harm."""
        self.send(frames.raw(frames.NEAREST_BRIDGE, self._source, number))

    def heard(self, where: str) -> bool:
        """The fence was seen somewhere; whether that is such a place."""
        return where in self.listeners


class QueueFence:
    """A broadcast through one macvlan port's queue, sent from the far end of the parent's wire.

    ``send`` transmits a frame out of that far end; ``listeners`` are the children that must all hear it.
    """

    def __init__(self, port: str, send: Callable[[bytes], None], listeners: frozenset[str]) -> None:
        self.port = port
        self.send = send
        self.listeners = listeners
        self._missing: set[str] = set()

    def start(self, number: int) -> None:
        """Send fence ``number``. Raises OSError."""
        self._missing = set(self.listeners)
        self.send(frames.raw(frames.BROADCAST, frames.FENCE_SOURCE, number))

    def heard(self, where: str) -> bool:
        """The fence came in somewhere; whether it has now been heard by all."""
        self._missing.discard(where)
        return not self._missing


Fence = QueueFence | ShaperFence


def cross_queues(
    fences: Sequence[Fence],
    number: Callable[[], int],
    wait: Callable[[dict[int, Fence], float], None],
) -> None:
    """Send a frame through each queue, and wait until every listener has heard it. Raises FenceLost.

    ``wait`` removes from a mapping the fences that were heard, until a deadline (time.monotonic()). A full queue drops
    a fence: then another is sent, which proves the same.
    """
    deadline = time.monotonic() + DEADLINE
    patience = PATIENCE
    missing = list(fences)
    while missing:
        sent: dict[int, Fence] = {}
        for fence in missing:
            mine = number()
            sent[mine] = fence
            try:
                fence.start(mine)
            except OSError as error:
                # No room in a backlog (veth_xmit), or for what still waits of ours (sock_alloc_send_pskb).
                if error.errno not in (errno.ENOBUFS, errno.EAGAIN):
                    raise
        wait(sent, min(time.monotonic() + patience, deadline))
        missing = list(sent.values())
        if missing and time.monotonic() >= deadline:
            ports = ", ".join(fence.port for fence in missing)
            raise FenceLost(f"a frame through the queue of {ports} was not heard by all in {DEADLINE:g} s")
        patience *= 2
