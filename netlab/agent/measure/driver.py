"""One measurement: start the server, wait until it listens, start the client, wait for both to end."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from netlab.agent import system
from netlab.agent.jobs import Child, Job
from netlab.agent.measure.listening import free_port, listens
from netlab.agent.netns import Netns
from netlab.contract.dataclass import dataclass
from netlab.contract.lacks import install
from netlab.contract.measures import Traffic

#: Seconds within which a server must listen, and in which a connection must come about.
READY, CONNECT = 5.0, 3.0
#: How many seconds a measurement may exceed its duration; for a number of bytes, the lowest rate in bits per second.
GRACE, SLOWEST = 4.0, 10_000_000
#: Seconds that the other end has to notice that one has died.
AFTERMATH = 0.5
#: Seconds between two signs of life.
BEAT = 1.0

_ENDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ends.py")
#: Where an end's temporary files go: not /tmp, in which programs and their libraries may be.
_SCRATCH = "/dev/shm"


@dataclass(frozen=True)
class Ends:
    """The ends: the client's namespace, interface and address, and the server's namespace and address.

    ``within`` starts a process in a thread of a namespace; a lab's processes are among its programs. ``vrf`` is the VRF
    that the server's address belongs to: only what is bound to it has that address (inet_bind).
    """

    client: Netns
    device: str
    source: str
    server: Netns
    destination: str
    within: Callable[[Netns, Callable[[], subprocess.Popen[bytes]]], subprocess.Popen[bytes]] = Netns.in_thread
    vrf: str = ""


@dataclass
class Running:
    """A process of a measurement, and where its output is kept."""

    child: Child
    out: int
    err: int

    def texts(self) -> tuple[str, str]:
        """Its standard output and error."""
        return _read(self.out), _read(self.err)

    def close(self) -> None:
        """Forget its output."""
        os.close(self.out)
        os.close(self.err)


def measure(job: Job, ends: Ends, traffic: Traffic) -> dict[str, Any]:
    """Measure once. Returns ``status``, ``detail``, ``tool`` and, of either end, ``status``, ``cpu``, ``out``, ``err``.

    ``status`` says how it ended here: ``ok`` (both ends ended by themselves, or were no longer needed),
    ``server-died``, ``client-died``, ``timed-out``, ``no-tool``, ``failed``. What the tool itself says stands in
    ``out``. Raises OSError, and Cancelled.
    """
    tool = choose(traffic)
    if not tool:
        why = "plain sockets measure TCP at full speed only" if traffic.engine == "auto" else "it was asked for"
        detail = f"iperf3 is not installed, and {why} (to fix it: {install('iperf3')})"
        return {"status": "no-tool", "detail": detail, "tool": ""}
    port = traffic.port or free_port(ends.server, ends.destination, ends.vrf)
    serve, connect = commands(tool, ends, traffic, port)
    processes: dict[str, Running] = {}
    try:
        server = processes["server"] = start(job, ends, ends.server, serve)
        if why := await_server(job, ends, traffic, tool, port, server.child):
            return report("failed", why, tool, processes, job)
        job.tell(phase="listening")
        client = processes["client"] = start(job, ends, ends.client, connect)
        status, detail = _run(job, server.child, client.child, traffic, tool)
        return report(status, detail, tool, processes, job)
    finally:
        for process in processes.values():
            job.end(process.child)
            process.close()


def choose(traffic: Traffic) -> str:
    """``iperf3``, ``sockets`` (our own), or nothing where the file asks for what isn't there."""
    if traffic.metric == "latency" or traffic.engine == "sockets":
        return "sockets"
    needed = traffic.engine == "iperf3" or traffic.protocol == "udp" or traffic.bitrate is not None
    # From 3.16 on iperf3 looks only now and then whether all bytes are sent, and counts the time until it does.
    if shutil.which("iperf3") and (needed or traffic.bytes is None):
        return "iperf3"
    return "" if needed else "sockets"


def await_server(job: Job, ends: Ends, traffic: Traffic, tool: str, port: int, server: Child) -> str:
    """Wait until the server listens; why it does not, or ''."""
    protocol = "tcp" if tool == "iperf3" else traffic.protocol
    listening = job.wait(
        lambda: server.status is not None or listens(ends.server, protocol, ends.destination, port),
        time.monotonic() + READY,
        every=0.001,
    )
    if listening:
        return "" if server.status is None else "the server ended at once"
    return f"the server does not listen after {READY:g} s"


def _run(job: Job, server: Child, client: Child, traffic: Traffic, tool: str) -> tuple[str, str]:
    """Wait for the client, then for the server; how it went."""
    begun = time.monotonic()
    deadline = begun + CONNECT + GRACE + traffic.omit + longest(traffic)
    next_beat = begun + BEAT

    def over() -> bool:
        nonlocal next_beat
        now = time.monotonic()
        if now >= next_beat:
            job.tell(phase="running", elapsed=round(now - begun, 3))
            next_beat = now + BEAT
        return client.status is not None or _gone(server, now)

    if not job.wait(over, deadline, every=BEAT):
        return "timed-out", f"not over after {time.monotonic() - begun:.1f} s"
    if client.status is None or killed(server):
        return "server-died", end_of("server", server)
    if killed(client):
        return "client-died", end_of("client", client)
    # A datagram server never ends by itself. If it was killed, the client may notice before its parent does.
    if not (client.status == 0 and tool == "sockets" and traffic.protocol == "udp"):
        job.wait(lambda: server.status is not None, time.monotonic() + AFTERMATH)
    return ("server-died", end_of("server", server)) if killed(server) else ("ok", "")


def end_of(role: str, child: Child) -> str:
    """How an end came to its end, in words."""
    status = child.status or 0
    how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended by itself with status {status}"
    return f"the {role} {how}"


def _gone(server: Child, now: float) -> bool:
    """Whether the server was killed, or has ended for longer than its client needs to notice."""
    return killed(server) or (server.status is not None and now > server.ended + AFTERMATH)


def killed(child: Child) -> bool:
    """Whether a signal has ended it."""
    return child.status is not None and child.status < 0


def longest(traffic: Traffic) -> float:
    """How many seconds the traffic itself may take."""
    if traffic.count is not None:
        return 10.0 + traffic.count * 0.2
    if traffic.bytes is not None:
        return 10.0 + traffic.bytes * 8 / SLOWEST
    return traffic.duration


def report(status: str, detail: str, tool: str, processes: dict[str, Running], job: Job) -> dict[str, Any]:
    """What came of it; the ends are over, or ended here."""
    job.finish()
    found: dict[str, Any] = {"status": status, "detail": detail, "tool": tool}
    for role, process in processes.items():
        out, err = process.texts()
        found[role] = {
            "status": process.child.status,
            "cpu": process.child.cpu,
            "out": out,
            "err": err,
        }
    return found


# --- processes --------------------------------------------------------------------------------------


def start(job: Job, ends: Ends, ns: Netns, argv: list[str]) -> Running:
    """Start a process in the namespace of one end. Its output and temporary files are in memory: nothing is left."""
    out = os.memfd_create("out", os.MFD_CLOEXEC)
    err = os.memfd_create("err", os.MFD_CLOEXEC)

    def popen() -> subprocess.Popen[bytes]:
        # iperf3 makes its buffer as a file in TMPDIR. Where none can be mounted the machine's own is used.
        scratch = {}
        with contextlib.suppress(OSError):
            system.mount("tmpfs", _SCRATCH, "tmpfs", system.MS_NOSUID | system.MS_NODEV)
            scratch = {"TMPDIR": _SCRATCH}
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            env={**os.environ, **scratch, "LC_ALL": "C"},
            cwd="/",
        )

    try:
        child = job.spawn(lambda: ends.within(ns, popen))
    except BaseException:
        os.close(out)
        os.close(err)
        raise
    return Running(child, out, err)


def commands(tool: str, ends: Ends, traffic: Traffic, port: int) -> tuple[list[str], list[str]]:
    """The server's command and the client's."""
    if tool == "iperf3":
        return _iperf3(ends, traffic, port)
    config = {
        "metric": traffic.metric,
        "protocol": traffic.protocol,
        "from": ends.source,
        "to": ends.destination,
        "device": ends.device,
        "vrf": ends.vrf,
        "port": port,
        "duration": traffic.duration,
        "bytes": traffic.bytes,
        "streams": traffic.streams,
        "mss": traffic.mss,
        "omit": traffic.omit,
        "length": traffic.length,
        "reverse": traffic.reverse,
        "count": traffic.count,
    }
    server, client = (
        [sys.executable, "-I", "-S", _ENDS, json.dumps({**config, "role": role})] for role in ("server", "client")
    )
    return server, client


def _iperf3(ends: Ends, traffic: Traffic, port: int) -> tuple[list[str], list[str]]:
    server = ["iperf3", "--server", "--one-off", "--port", str(port), "--bind", ends.destination]
    server += ["--bind-dev", ends.vrf] if ends.vrf else []
    client = [
        "iperf3", "--client", ends.destination, "--port", str(port), "--bind", ends.source, "--bind-dev", ends.device,
        "--json", "--connect-timeout", str(int(CONNECT * 1000)), "--parallel", str(traffic.streams),
    ]  # fmt: skip
    if traffic.protocol == "udp":
        client += ["--udp"]
    client += ["--bitrate", str(traffic.bitrate or 0)]
    if traffic.bytes is not None:
        # At the ends of intervals 3.16 and later see that they are over; without, they never do.
        client += ["--bytes", str(traffic.bytes), "--interval", "0.1"]
    else:
        client += ["--time", str(int(traffic.duration)), "--interval", "0"]
    if traffic.omit:
        client += ["--omit", str(int(traffic.omit))]
    for option, value in (("--set-mss", traffic.mss), ("--length", traffic.length)):
        if value is not None:
            client += [option, str(value)]
    if traffic.reverse:
        client += ["--reverse"]
    return server, client


def _read(fd: int) -> str:
    size = os.fstat(fd).st_size
    return os.pread(fd, size, 0).decode("utf-8", "replace")
