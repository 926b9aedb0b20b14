"""In the launcher's place where the agent lives in another kernel: the kernel's process, its life and its stream.

Where the machine allows namespaces the kernel gets some: it can write no file of the machine then (every mount is
read-only there), and the end of PID 1 ends every process of it. Up to Linux 6.1 that is a must: a killed User-Mode
Linux leaves its guest's processes behind, as processes of the machine. Later ones end with their kernel
(PR_SET_PDEATHSIG in start_userspace, arch/um/os-Linux/skas/process.c), so they need no namespaces.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import NoReturn

from netlab.agent import launcher, system
from netlab.agent.guest.carrier import Carrier, Ends
from netlab.agent.users import Mapping
from netlab.contract.wire import READY, Channel, Closed, frame

#: Where the kernel keeps its memory: in the namespaces a tmpfs of its own is mounted there.
SHM = "/dev/shm"
#: How much of what the kernel prints is kept, in bytes.
_PRINTED = 1 << 14
#: Fallback tunnels would be in every namespace; ``lpj``: without it the kernel counts for 60 ms how fast its delay loop
#: is, which hardly anything waits by. The rest: no device that nobody asked for, no words, no second life.
_ARGUMENTS = (
    "rootfstype=hostfs", "ro", "con=null", "con0=null,fd:1", "ssl=null", "quiet", "panic=-1", "noreboot",
    "lpj=28954624", "fb_tunnels=none", "bonding.max_bonds=0", "dummy.numdummies=0", "ifb.numifbs=0",
)  # fmt: skip


@dataclass(frozen=True)
class Kernel:
    """A kernel as the front describes it: its name for messages, the program, its folder of modules (or ''), the
    guest's memory in MiB, further arguments, and whether its processes outlive it."""

    name: str
    program: str
    modules: str
    memory: int
    arguments: list[str]
    leaves: bool


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
    alone = os.getpid() == 1
    if kernel.leaves and not alone:
        raise launcher.CannotEnter(
            f"{kernel.name} must run in a PID namespace, since its processes outlive it when it is killed, and this "
            "machine refuses one",
            "--kernel 6.12, or any later one: they need none",
        )
    memory = _confine() if alone else ""
    with contextlib.ExitStack() as theirs:
        into_read, into_write = os.pipe()
        acknowledged_read, acknowledged_write = os.pipe()
        out_read, out_write = os.pipe()
        printed_read, printed_write = os.pipe()
        given = (into_read, acknowledged_write, out_write)
        for fd in (*given, printed_write):
            theirs.callback(os.close, fd)
        process = subprocess.Popen(
            _command(kernel, *given),
            pass_fds=given,
            stdin=subprocess.DEVNULL,
            stdout=printed_write,
            stderr=printed_write,
            env={**os.environ, "TMPDIR": memory or _room(kernel)},
            preexec_fn=_prepare,
        )
    printed = bytearray()
    ended = os.pidfd_open(process.pid)

    def listen() -> bool:
        printed.extend(os.read(printed_read, 1 << 16))
        del printed[:-_PRINTED]
        return False

    ends = Ends(into_write, acknowledged_read, out_read)

    def release() -> None:
        launcher.silence()
        os.eventfd_write(entered.released, 1)

    carrier = Carrier(front, ends, {ended: lambda: True, printed_read: listen}, release)
    try:
        if not carrier.hear(READY):
            raise _stillborn(kernel, process, bytes(printed))
        carrier.send(frame(_circumstances(kernel, entered)))
        carrier.carry()
        if process.poll() is not None and process.returncode != 0:
            print(f"netlab: {kernel.name} has ended: {_last(bytes(printed))}", file=sys.stderr)
    except Closed:
        return
    finally:
        _end(process)


def _prepare() -> None:
    """Run in the process that becomes the kernel."""
    system.die_with_parent(signal.SIGKILL)
    # The kernel and the process that runs in it take turns, at each system call. On two processors each turn is a
    # wakeup across them, which doubles the time.
    system.stay_on_processor()


def _command(kernel: Kernel, into: int, acknowledged: int, out: int) -> list[str]:
    """The kernel's command line."""
    python = os.path.realpath(sys.executable)
    init = os.path.join(os.path.dirname(os.path.abspath(__file__)), "init.py")
    # Its name for mconsole: nothing is left on a disk of the machine.
    names = SHM if os.getpid() == 1 else os.devnull
    return [
        kernel.program, f"mem={kernel.memory}M", *_ARGUMENTS, *kernel.arguments, f"uml_dir={names}",
        f"ssl0=fd:{into},fd:{acknowledged}", f"ssl1=null,fd:{out}",
        f"init={_quoted(python)}", "--", "-I", "-S", "-B", _quoted(init),
    ]  # fmt: skip


def _quoted(path: str) -> str:
    """A path on a kernel's command line (next_arg, lib/cmdline.c)."""
    if '"' in path:
        raise launcher.CannotEnter(f"a kernel can't be told the path {path}", "install netlab elsewhere")
    return f'"{path}"' if " " in path else path


def _circumstances(kernel: Kernel, entered: launcher.Entered) -> dict[str, object]:
    """What the guest is told first: nothing else feeds its random pool, for one."""
    return {
        "seed": os.urandom(64).hex(),
        "modules": kernel.modules,
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
        system.mount("tmpfs", SHM, "tmpfs", system.MS_NOSUID | system.MS_NODEV, "size=100%")
    except OSError:
        # A kernel before 5.12, or a container's: the guest's own mounts are read-only, but its root may change them.
        return ""
    return SHM


def _room(kernel: Kernel) -> str:
    """A folder for the kernel's memory, a file without a name that it maps executable. Raises CannotEnter."""
    for folder in (os.environ.get("TMPDIR", ""), SHM, "/tmp", "/var/tmp"):
        if folder and os.access(folder, os.W_OK | os.X_OK):
            found = os.statvfs(folder)
            if not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize >= kernel.memory << 20:
                return folder
    raise launcher.CannotEnter(
        f"no folder has room for {kernel.memory} MiB of memory, in a file system without noexec",
        "TMPDIR=FOLDER netlab …, or less memory: --kernel …,mem=256M",
    )


def _stillborn(kernel: Kernel, process: subprocess.Popen[bytes], printed: bytes) -> launcher.CannotEnter:
    """Why a kernel has not started."""
    said = _last(printed) or f"it has ended with status {process.wait()}"
    fix = "netlab kernel info says what it needs"
    if "ptrace" in said:
        fix = "--kernel 7.2, or any later one: they need no ptrace"
    elif "noexec" in said:
        fix = "TMPDIR=FOLDER netlab …, on a file system without noexec"
    return launcher.CannotEnter(f"{kernel.name} doesn't start here: {said}", fix)


def _last(printed: bytes) -> str:
    """The line that says why: the panic's, or the last one."""
    lines = [line.strip() for line in printed.decode(errors="replace").splitlines() if line.strip()]
    return next((line for line in lines if "Kernel panic" in line), lines[-1] if lines else "")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the kernel with all its processes: it leads a process group (setsid in its main)."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(process.pid, signal.SIGKILL)
    process.wait()
