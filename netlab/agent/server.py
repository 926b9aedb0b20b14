"""The requests that PID 1 does for fronts: labs are made, changed, probed, and ended."""

from __future__ import annotations

import contextlib
import os
import platform
import socket
from typing import Any

from netlab.agent import capabilities, garbage, keeping, launcher, sysctl
from netlab.agent.capture import Capture
from netlab.agent.clients import Client, owner
from netlab.agent.errors import BuildFailed, NotDone, in_words
from netlab.agent.inside import Inside
from netlab.agent.lab import Lab
from netlab.agent.launcher import CannotEnter, Entered, crowded
from netlab.agent.loop import LATER, Answer, Loop
from netlab.agent.measure import Ends, measure
from netlab.agent.netns import Home, Netns
from netlab.agent.probe.engine import Prober
from netlab.agent.probe.fence import CpuFence, FenceLost
from netlab.agent.probe.waiting import Unfenced
from netlab.agent.programs import Programs
from netlab.agent.users import ALL, Users
from netlab.contract.lacks import finding
from netlab.contract.measures import Traffic
from netlab.contract.types import Step, Target
from netlab.contract.wire import Channel, Closed, from_plain, to_plain

#: So many closed labs are given to the kernel at a time: one by one the rtnl lock would be held for longer.
PENDING_LABS = 20
#: … or when nothing was asked for this long, in seconds.
IDLE = 0.2


def serve(stream: int, entered: Entered | CannotEnter) -> None:
    """Serve until the front goes."""
    garbage.begin()
    channel = Channel(socket.socket(fileno=stream))
    try:
        if isinstance(entered, CannotEnter):
            raise entered
        users = entered.users()
        Home.remember()
        try:
            server = Server(channel, entered, users)
        except OSError as error:
            raise crowded(error) from error
    except CannotEnter as error:
        channel.send({"event": "cannot", "what": error.what, "fix": error.fix, "scarce": error.scarce})
        return
    with contextlib.suppress(Closed):
        server.loop()


class Server(Loop):
    """The labs of one front, those of them that stay, and whatever else connects to these."""

    def __init__(self, channel: Channel, entered: Entered, users: Users = ALL) -> None:
        super().__init__(channel)
        self.entered = entered
        self.users = users
        self.labs: dict[int, Lab] = {}
        self.probers: dict[int, Prober] = {}
        self.closing: list[Lab] = []
        self.captures: dict[int, tuple[int, Capture]] = {}
        self.inside = Inside(self._lab, self._ns)
        self.sysctls = sysctl.Sysctls()
        self.files = capabilities.open_files()
        self._fence: CpuFence | None = None
        self._operations = {
            "info": self.info, "enter": self.enter, "probe": self.probe, "close": self.close_lab,
            "verbose": self.set_verbose,
            "doctor": self.doctor, "capture": self.capture, "uncapture": self.uncapture,
            "measure": self.measure, "fence": self.fence_lab, "cancel": self.cancel, **self.inside.operations,
            "keep": self.keep, "about": self.about, "down": self.down,
        }  # fmt: skip

    @property
    def fence(self) -> CpuFence:
        """The fence of the agent, made at its first use."""
        if self._fence is None:
            self._fence = CpuFence()
        return self._fence

    @property
    def patience(self) -> float | None:
        """How long to wait for a request; None: for ever."""
        # A look that is due comes before long, however often something is asked.
        looks = [kept.left for kept in self.kept.values() if kept.listener]
        return min([IDLE, *looks] if self.closing else looks, default=None)

    def idle(self) -> None:
        """Hand closed labs to the kernel, and end labs whose sockets have lost their names."""
        self.bury()
        for kept in [one for one in self.kept.values() if one.lost]:
            self._end_kept(kept)

    def ended(self, pid: int, status: int) -> int | None:
        """A child has ended that no job has started; the request that has started it, if there was one."""
        for lab in self.labs.values():
            lab.programs.reaped(pid)
            lab.daemons.reaped(pid, status)
        return self.inside.reaped(pid, status)

    def leave(self, client: Client) -> None:
        """A front has gone: so do its processes, captures and measurements, and its labs that don't stay."""
        self.clients.remove(client)
        if not self.kept:
            # The last front: everything ends with this process.
            return
        if client.lab is not None:
            # Those of a lab that it has left here go on.
            self.inside.leave(client.number)
        for key in [key for key in self.captures if owner(key) == client.number]:
            self._drop_capture(key)
        self.jobs.cancel(front=client.number)
        if client.lab is None:
            for lab in [lab for lab in self.labs if lab not in self.kept]:
                self.close_lab({"lab": lab})

    def bury(self) -> None:
        """Hand the closed labs to the kernel."""
        if self.jobs.any:
            # A job that was cancelled may still be in a namespace of one of them.
            return
        for lab in self.closing:
            lab.close()
        self.closing.clear()
        garbage.collect()

    # --- requests -----------------------------------------------------------------------------------

    def info(self, _message: dict[str, Any]) -> Answer:
        """What this machine and this agent are."""
        return {
            "kernel": platform.release(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "rootless": self.entered.rootless,
            "users": self.users.others + 1,
            "private_proc": not self.entered.proc_lacks,
            "cpus": len(os.sched_getaffinity(0)),
            "pid": os.getpid(),
        }, []

    def doctor(self, _message: dict[str, Any]) -> Answer:
        """What the kernel can do for us."""
        proc = self.entered.proc_lacks
        return [
            *capabilities.link_kinds(),
            capabilities.sysctls(),
            self._try_fence(),
            finding(
                "private /proc",
                not proc,
                proc or "processes inside a lab see only their own kind",
                "start the container without masked paths (--security-opt systempaths=unconfined)",
                required=False,
            ),
            self._find_users(),
            self.files,
        ], []

    def _find_users(self) -> dict[str, Any]:
        """Whether programs of a lab can change to another user."""
        users = self.users
        said = f"root and {users.others} others" if users.others else f"root alone: {users.lack}"
        return finding("users", bool(users.others), said, users.fix, required=False)

    def _try_fence(self) -> dict[str, Any]:
        """Whether rounds can be made, without which nothing is proved."""
        try:
            self.fence.round()
        except (FenceLost, OSError) as error:
            said = str(error) if isinstance(error, FenceLost) else in_words(error)
            return finding("rounds", False, said, capabilities.READ_ONLY, required=True)
        return finding("rounds", True, "a frame crosses every CPU's backlog and comes back", required=True)

    def set_verbose(self, message: dict[str, Any]) -> Answer:
        """Whether every netlink request is told as a command."""
        self.verbose = bool(message["on"])
        return None, []

    def enter(self, message: dict[str, Any]) -> Answer:
        """Take a lab into a step; a lab's first step makes it."""
        number, kept = message["lab"], self.kept.get(message["lab"])
        self._idle(number)
        lab = self._new_or_known(message)
        self._stop_probing(number)
        if afresh := message.get("afresh", False):
            lab = self._anew(number)
        step = from_plain(Step, message["step"])
        try:
            entered = lab.enter(step)
        except BuildFailed:
            # A lab that stays is there to be looked at, and to be built afresh.
            if kept is None:
                self._stop_capturing(number)
                self.labs.pop(number)
                lab.close()
            raise
        for at, capture in self.captures.values():
            if at == number:
                capture.follow(lab, afresh=afresh)
        if kept is not None:
            kept.memo = message.get("memo", kept.memo)
        return entered, []

    def _anew(self, number: int) -> Lab:
        """An empty lab in the place of one, whose programs end with its namespaces."""
        old = self.labs[number]
        old.programs.end()
        self.closing.append(old)
        lab = self.labs[number] = self._empty()
        return lab

    def _empty(self) -> Lab:
        return Lab(self.sysctls, self.log, Programs(guarded=not self.entered.rootless, owned=self.users.owned))

    def _new_or_known(self, message: dict[str, Any]) -> Lab:
        number = message["lab"]
        if message["new"] and number not in self.labs:
            self.labs[number] = self._empty()
        return self._lab(number)

    def probe(self, message: dict[str, Any]) -> Answer:
        """Probe layers of a lab in the step it is in."""
        number, wire = message["lab"], message["wire"]
        lab = self._lab(number)
        self._idle(number)
        prober = self.probers.get(number)
        if prober is None or (wire and not prober.wire):
            self._stop_probing(number)
            assert lab.state is not None
            prober = self.probers[number] = Prober(lab, lab.state, lab.read, self.fence, wire=wire)
        wanted = None if message["pairs"] is None else [(i, j) for i, j in message["pairs"]]
        aimed = message["targets"]
        targets = None if aimed is None else tuple(from_plain(Target, target) for target in aimed)
        observed = prober.probe(message["layers"], message["seed"], wanted, targets, message["together"])
        return {"layers": [to_plain(one) for one in observed]}, []

    def measure(self, message: dict[str, Any]) -> Answer:
        """Measure throughput or latency between two namespaces; the answer comes when it is over."""
        number = message["lab"]
        self._idle(number)
        # What listens to every frame would slow down what is measured.
        self._stop_probing(number)
        ends = Ends(
            self._ns({"lab": number, "ns": message["client"]}), message["device"], message["source"],
            self._ns({"lab": number, "ns": message["server"]}), message["destination"],
            self._lab(number).programs.within, self._lab(number).vrf_of(message["server"], message["at"]),
        )  # fmt: skip
        traffic = from_plain(Traffic, message["traffic"])
        self.jobs.start(message["id"], number, lambda job: measure(job, ends, traffic))
        return LATER, []

    def cancel(self, message: dict[str, Any]) -> Answer:
        """End a measurement that is going on."""
        self.jobs.cancel(number=message["request"])
        return None, []

    def _idle(self, number: int) -> None:
        if self.jobs.busy(number):
            raise NotDone("usage", message="a measurement is going on in this lab")

    def close_lab(self, message: dict[str, Any]) -> Answer:
        """End a lab, unless it stays."""
        if message["lab"] in self.kept:
            return None, []
        self.jobs.cancel(lab=message["lab"])
        self._stop_probing(message["lab"])
        self._stop_capturing(message["lab"])
        lab = self.labs.pop(message["lab"], None)
        if lab is not None:
            lab.programs.end()
            self.closing.append(lab)
        if len(self.closing) >= PENDING_LABS:
            self.bury()
        return None, []

    def _stop_probing(self, number: int) -> None:
        prober = self.probers.pop(number, None)
        if prober is not None:
            prober.close()

    def capture(self, message: dict[str, Any]) -> Answer:
        """Capture at interfaces and ports into the descriptors of the message; the lab may not exist yet."""
        lab = self._new_or_known(message)
        capture = Capture(message["wanted"], [os.dup(fd) for fd in message["fds"]])
        self.captures[message["id"]] = message["lab"], capture
        capture.follow(lab)
        return message["id"], []

    def uncapture(self, message: dict[str, Any]) -> Answer:
        """Stop a capture, after everything that was sent before has been handled."""
        if message["capture"] not in self.captures:
            raise NotDone("usage", message="this capture has ended with its lab")
        number, capture = self.captures.pop(message["capture"])
        lost = self._cross(self.labs.get(number))
        counts = capture.stop()
        if lost:
            raise NotDone("system", message=f"the capture may lack the last frames: {lost}")
        return counts, []

    def fence_lab(self, message: dict[str, Any]) -> Answer:
        """Wait until what was sent in a lab has been handled; why that isn't known, or ''."""
        lab = self._lab(message["lab"])
        waits = Unfenced(lab.namespaces, lab.state).look() if lab.state else ""
        return self._cross(lab) or waits, []

    def _cross(self, lab: Lab | None) -> str:
        """Cross every queue of a lab, one after the other; why that failed, or ''."""
        try:
            for _ in range(lab.state.hops if lab and lab.state else 0):
                self.fence.round()
        except FenceLost as error:
            return str(error)
        except OSError as error:
            return in_words(error)
        return ""

    def _stop_capturing(self, number: int) -> None:
        for key in [key for key, (lab, _) in self.captures.items() if lab == number]:
            self._drop_capture(key)

    def _drop_capture(self, key: int) -> None:
        # Nobody waits for this capture any more, nor for what became of its file.
        with contextlib.suppress(OSError):
            self.captures.pop(key)[1].stop()

    def _lab(self, number: int) -> Lab:
        if number not in self.labs:
            raise NotDone("closed")
        return self.labs[number]

    def _ns(self, message: dict[str, Any]) -> Netns:
        lab = self._lab(message["lab"])
        if message["ns"] not in lab.namespaces:
            known = ", ".join(lab.namespaces)
            raise NotDone("usage", message=f"there is no namespace {message['ns']!r} in this lab (there are: {known})")
        return lab.namespaces[message["ns"]]

    # --- labs that stay -----------------------------------------------------------------------------

    def keep(self, message: dict[str, Any]) -> Answer:
        """Have a lab stay, with the bound socket that comes along: the front's end is not the agent's any more."""
        self._lab(message["lab"])
        names = ("path", "memo", "look")
        kept = keeping.keep(message["lab"], message["fds"][0], **{name: message[name] for name in names})
        assert kept.listener is not None
        self.clients.watch(kept.listener.fileno())
        self.kept[kept.lab] = kept
        launcher.silence()
        os.eventfd_write(self.entered.released, 1)
        return None, []

    def about(self, message: dict[str, Any]) -> Answer:
        """What is noted of a lab that stays, since when it does, and what it uses."""
        kept = self._kept(message)
        return {"memo": kept.memo, "since": kept.since, **keeping.usage()}, []

    def down(self, message: dict[str, Any]) -> Answer:
        """End a lab that stays. When it was the last, and no front is left, the agent ends."""
        self._end_kept(self._kept(message))
        return None, []

    def _end_kept(self, kept: keeping.Kept) -> None:
        if kept.listener:
            self.clients.forget(kept.listener.fileno())
        kept.end()
        del self.kept[kept.lab]
        self.close_lab({"lab": kept.lab})
        for client in self.clients:
            # It sees the end of the stream, behind an answer that it may still be given.
            client.over = client.over or client.lab == kept.lab

    def _kept(self, message: dict[str, Any]) -> keeping.Kept:
        if message["lab"] not in self.kept:
            raise NotDone("closed")
        return self.kept[message["lab"]]
