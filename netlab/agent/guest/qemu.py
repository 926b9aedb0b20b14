"""How a kernel for a machine (``vmlinuz``) is started: by QEMU, with KVM where that works.

The root folder is the machine's by 9p, which QEMU itself keeps read-only. The two lines are ports of virtio-serial:
those have a flow control of their own, so the window of `netlab.agent.guest.lines` is never what is waited for.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

from netlab.agent.guest import early, initramfs
from netlab.agent.guest.carrier import Ends
from netlab.agent.guest.kernel import COMMON, Kernel
from netlab.agent.guest.running import Running, prepare, quoted
from netlab.agent.launcher import CannotEnter

PROGRAM = "qemu-system-x86_64"
#: The options of an accelerator, and how many seconds the guest may take to say that it is ready. Without KVM that is
#: 5 to 7 s of a processor, which others may need as well; with it less than 2 s, and nothing is lost where it is ended.
_KVM = ("-accel", "kvm", "-cpu", "max"), 30.0
_TCG = ("-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max,la57=off"), 300.0
#: Nothing of a configuration, no device that is not named, one life.
_MACHINE = ("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "q35", "-smp", "1")
#: No clock to be measured or mistrusted, no defence against guests of this one, no self-tests: each takes its time
#: without KVM.
_ARGUMENTS = (
    "console=ttyS0", "loglevel=4", "mitigations=off", "nokaslr", "random.trust_cpu=on", "no_timer_check",
    "tsc=reliable", "rcupdate.rcu_expedited=1", "cryptomgr.notests",
)  # fmt: skip
_FIXES = {
    "Cannot allocate memory": "less memory: --kernel …,mem=512M",
    "cannot set up guest memory": "less memory: --kernel …,mem=512M",
    "": "netlab kernel info says what it needs",
}


def attempts(kernel: Kernel, tell: Callable[[str], object]) -> Iterator[Running]:
    """The guest with KVM, where there is one, and then without. Raises CannotEnter."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise CannotEnter(
            f"{kernel.name} is a kernel for a machine of its own, and {PROGRAM} isn't installed",
            "sudo apt-get install --no-install-recommends qemu-system-x86   (or: dnf install qemu-system-x86-core)",
        )
    files = initramfs.pack(kernel.early or [])
    lacks = _kvm_lacks()
    if not lacks:
        running = _start(program, kernel, files, *_KVM)
        yield running
        lacks = running.why().removeprefix(f"{PROGRAM}: ")
    tell(f"booting {kernel.name} by QEMU, without KVM: slow ({lacks})")
    yield _start(program, kernel, files, *_TCG)


def _kvm_lacks() -> str:
    """Why there is no KVM here; '' where it may work: that shows when it is tried."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"/dev/kvm: {error.strerror}"
    return ""


def _start(program: str, kernel: Kernel, files: int, accelerator: tuple[str, ...], patience: float) -> Running:
    with contextlib.ExitStack() as theirs:
        into, into_theirs = socket.socketpair()
        out, out_theirs = socket.socketpair()
        printed_read, printed_write = os.pipe()
        for one in (into_theirs, out_theirs):
            theirs.callback(one.close)
        theirs.callback(os.close, printed_write)
        given = (into_theirs.fileno(), out_theirs.fileno())
        process = subprocess.Popen(
            [program, *_command(kernel, files, *given), *accelerator],
            pass_fds=(*given, files),
            stdin=subprocess.DEVNULL,
            stdout=printed_write,
            stderr=printed_write,
            preexec_fn=prepare,
            start_new_session=True,
        )
    line = into.detach()
    return Running(process, Ends(line, line, out.detach()), printed_read, _FIXES, patience)


def _command(kernel: Kernel, files: int, into: int, out: int) -> list[str]:
    """QEMU's command line but for the accelerator."""
    python = os.path.realpath(sys.executable)
    words = [*COMMON, *_ARGUMENTS, *kernel.arguments, f"rdinit={quoted(python)}", "--", "-I", "-S", "-B"]
    return [
        *_MACHINE, "-m", f"{kernel.memory}M",
        "-kernel", kernel.program, "-initrd", f"/proc/self/fd/{files}",
        "-append", " ".join([*words, quoted(os.path.abspath(early.__file__))]),
        "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
        "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device", f"virtio-9p-pci,fsdev=root,mount_tag={early.ROOT}",
        "-device", "virtio-serial-pci",
        "-chardev", f"socket,id=into,fd={into}", "-device", "virtserialport,nr=1,chardev=into",
        "-chardev", f"socket,id=out,fd={out}", "-device", "virtserialport,nr=2,chardev=out",
    ]  # fmt: skip
