"""In the launcher's place where the agent lives in another kernel: the kernel's process, its life and its stream.

Where the machine allows namespaces the kernel gets some: it can write no file of the machine then (every mount is
read-only there), and the end of PID 1 ends every process of it. Up to Linux 6.1 that is a must: a killed User-Mode
Linux leaves its guest's processes behind, as processes of the machine. Later ones end with their kernel
(PR_SET_PDEATHSIG in start_userspace, arch/um/os-Linux/skas/process.c), so they need no namespaces.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from typing import NoReturn

from netlab.agent import launcher, system
from netlab.agent.guest import qemu, uml
from netlab.agent.guest.carrier import Carrier
from netlab.agent.guest.kernel import Kernel
from netlab.agent.guest.running import Running
from netlab.agent.users import Mapping
from netlab.contract.wire import READY, Channel, Closed, frame


def launch(front: int, stream: int, kernel: Kernel) -> NoReturn:
    """Start the kernel and pass the stream on until front, kernel or stream end."""

    def run(entered: launcher.Entered | launcher.CannotEnter) -> None:
        sock = socket.socket(fileno=stream)
        try:
            if isinstance(entered, launcher.CannotEnter):
                raise entered
            serve(sock, kernel, entered)
        except launcher.CannotEnter as error:
            said = {"event": "cannot", "what": error.what, "fix": error.fix, "scarce": error.scarce}
            Channel(sock).send(said)

    launcher.launch(front, stream, run, _enter)


def _enter() -> Mapping | None:
    """Enter namespaces where the machine allows it; the users, where that took a user namespace."""
    try:
        return launcher.enter_namespaces()
    except launcher.CannotEnter:
        # What the kernel leaves is then ended by the launcher.
        system.adopt_orphans()
        return None


def serve(front: socket.socket, kernel: Kernel, entered: launcher.Entered) -> None:
    """Run the kernel and carry. Raises CannotEnter where it doesn't start."""
    entered.users()
    why: launcher.CannotEnter | None = None

    def release() -> None:
        launcher.silence()
        os.eventfd_write(entered.released, 1)

    for running in _attempts(front, kernel):
        others = {running.ended: lambda: True, running.printed: running.listen}
        carrier = Carrier(front, running.ends, others, release)
        try:
            if not carrier.hear(READY, running.patience):
                why = running.stillborn(kernel.name)
                continue
            carrier.send(frame(_circumstances(kernel, entered)))
            carrier.carry()
            if running.failed():
                print(f"netlab: {kernel.name} has ended: {running.why()}", file=sys.stderr)
        except Closed:
            pass
        finally:
            running.end()
        return
    assert why is not None
    raise why


def _attempts(front: socket.socket, kernel: Kernel) -> Iterator[Running]:
    """The kernel, started; another time where the time before has come to nothing. Raises CannotEnter."""
    alone = os.getpid() == 1
    if kernel.leaves and not alone:
        raise launcher.CannotEnter(
            f"{kernel.name} must run in a PID namespace, since its processes outlive it when it is killed, and this "
            "machine refuses one",
            "--kernel 6.12, or any later one: they need none",
        )
    memory = _confine() if alone else ""
    if kernel.early is None:
        yield uml.start(kernel, memory)
    else:
        yield from qemu.attempts(kernel, lambda text: Channel(front).send({"event": "note", "text": text}))


def _circumstances(kernel: Kernel, entered: launcher.Entered) -> dict[str, object]:
    """What the guest is told first: nothing else feeds its random pool, for one."""
    return {
        "seed": os.urandom(64).hex(),
        "modules": kernel.modules,
        # Of a machine's kernel all that is needed is loaded already.
        "missing": [] if kernel.early is not None else ["overlay", "ipv6"],
        "simulated": any(word.startswith("time-travel") for word in kernel.arguments),
        "rootless": entered.rootless or os.geteuid() != 0,
        "env": {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ},
    }


def _confine() -> str:
    """Make every mount read-only, with a small tmpfs for the kernel's memory; where that is, or '' where it can't be.

    Guest root may mount the machine's files anew, writable: it is this mount namespace that refuses to write then.
    """
    try:
        system.make_read_only("/")
        system.mount("tmpfs", uml.SHM, "tmpfs", system.MS_NOSUID | system.MS_NODEV, "size=100%")
    except OSError:
        # A kernel before 5.12, or a container's: the guest's own mounts are read-only, but its root may change them.
        return ""
    return uml.SHM
