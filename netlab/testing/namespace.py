"""A host, container or switch of a lab that is up: commands, processes, sockets, interfaces."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from typing import IO, TYPE_CHECKING, Any

from netlab.client import LabDied, LabError
from netlab.contract.dataclass import dataclass
from netlab.contract.types import AnyLink, GivenFile
from netlab.errors import did_you_mean
from netlab.testing.daemon import STOP, Daemon
from netlab.testing.errors import CommandFailed
from netlab.testing.topology import caller

if TYPE_CHECKING:
    from netlab.client import Place, Process
    from netlab.testing.capture import Capture
    from netlab.testing.lab import Lab

#: Seconds that `Namespace.run` waits for the end of a command, unless told otherwise.
TIMEOUT = 60.0


@dataclass(frozen=True)
class Namespace:
    """A network namespace of a lab; ``name`` is as in the topology: ``A``, ``A/c1``, ``lan``."""

    lab: Lab
    name: str

    # --- processes and sockets ----------------------------------------------------------------------

    def run(
        self,
        *argv: str | os.PathLike[str],
        input: str | None = None,
        timeout: float = TIMEOUT,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, given word by word (there is no shell), and wait for its end.

        Returns it with ``stdout`` and ``stderr`` as text. Raises CommandFailed where it ends with another status than
        0 (unless ``check`` is off), SpawnError where it can't be started, subprocess.TimeoutExpired after ``timeout``
        seconds (it is killed then), LabDied. ``env`` replaces the environment, ``cwd`` is the working directory.
        """
        __tracebackhide__ = True
        with self.popen(*argv, env=env, cwd=cwd) as process:
            out, err = process.communicate(input.encode() if input is not None else None, timeout)
        status = process.wait()
        if status < 0 and not self.lab.handle.agent.alive:
            raise LabDied(f"{self.name}: {shlex.join(process.args)}: the agent has ended, and the lab with it")
        stdout, stderr = (data.decode(errors="replace") for data in (out, err))
        if check and status != 0:
            raise CommandFailed(self.name, list(process.args), status, stdout, stderr)
        return subprocess.CompletedProcess(list(process.args), status, stdout, stderr)

    def popen(
        self,
        *argv: str | os.PathLike[str],
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> Process:
        """Start a process inside and go on: much like `subprocess.Popen` with three binary pipes.

        ``stdout`` and ``stderr`` may be an open file, a descriptor or `subprocess.DEVNULL`, and ``stderr``
        `subprocess.STDOUT`, in the place of a pipe.

        As a context manager it kills the process at the end of the block; whatever still runs ends with the lab. Raises
        SpawnError where it can't be started.
        """
        __tracebackhide__ = True
        words = [os.fspath(word) for word in argv]
        where = None if cwd is None else os.fspath(cwd)
        self.lab.touched = True
        return self.lab.handle.spawn(self.name, words, env=env, cwd=where, stdout=stdout, stderr=stderr)

    def daemon(
        self,
        *argv: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        ready: str | re.Pattern[str] | None = None,
        port: int | str | None = None,
        stop: int = STOP,
        timeout: float = 10,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> Daemon:
        """Start a program that goes on, in the foreground, and wait until it is ready: until its output matches
        ``ready``, or a ``port`` (``80``, ``"udp/53"``) is open.

        ``argv`` is one list, or words. Where it dies, its last lines are in what a failing question says; its whole
        output is kept with a failed test. ``stop`` is the signal by which `Daemon.stop` ends it. Raises DaemonFailed
        (with its last lines) where it ends before it is ready or isn't after ``timeout`` seconds, SpawnError.
        """
        __tracebackhide__ = True
        given = [one for part in argv for one in ([part] if isinstance(part, (str, os.PathLike)) else part)]
        words = [os.fspath(word) for word in given]
        handle = self.lab.handle
        made = Daemon(
            self.name, words,
            lambda: self.popen(*words, env=env, cwd=cwd, stderr=subprocess.STDOUT),
            stop, lambda port: handle.listens(self.name, port),
        )  # fmt: skip
        self.lab.daemons.append(made)
        made.start(ready, port, timeout)
        return made

    def socket(self, family: int = AF_INET, type: int = SOCK_STREAM, proto: int = 0) -> socket:
        """A socket that was opened inside and belongs to this process: with threads, asyncio, whatever you like.

        It lives in that namespace for good, and is closed with the lab. Raises LabError where the kernel refuses it.
        """
        __tracebackhide__ = True
        self.lab.touched = True
        return self.lab.kept.socket(self.lab.handle.socket(self.name, family, type, proto))

    # --- files, and a way in for other tools --------------------------------------------------------

    def write(self, path: str, text: str, *, mode: int = 0o644, owner: str = "") -> None:
        """Write a file into a private host, its folders made, in the place of one that is there.

        ``owner`` is a user or ``user:group``. No link is followed. Raises LabError where the host isn't private, or the
        path isn't in one of its own folders (/etc, /var, /run, /tmp).
        """
        __tracebackhide__ = True
        from netlab.spec import scalars

        try:
            file = GivenFile(scalars.file_path(path), text, mode, owner)
        except scalars.Wrong as wrong:
            raise LabError(f"{self.name}: {wrong}", wrong.hint) from None
        self.lab.handle.put(self.name, [file])

    @property
    def dir(self) -> Path:
        """The root folder of a private host, as seen from here: ``lab["A"].dir / "run/frr/zebra.pid"``.

        Links in it that begin with ``/`` lead to this machine's folders, not to the host's: write with `write`. Raises
        LabError where the host isn't private.
        """
        place = self._place()
        if not place.private:
            raise LabError(f"{self.name} has no folders of its own", "give it 'private: true'")
        return Path(f"/proc/{place.pid}/root")

    @property
    def netns(self) -> Path:
        """A path of the network namespace for tools that take one (``nsenter --net=…``, CNI plugins).

        It is good until the lab is closed. An ordinary user enters it from inside of the lab's user namespace alone:
        ``nsenter --user --target=…`` of `pid`.
        """
        return Path(f"/proc/{os.getpid()}/fd/{self._place().network}")

    @property
    def pid(self) -> int:
        """The first process of the host's PID namespace, as seen from here: ``nsenter --all --target=…`` enters a
        private host by it, and of another all namespaces but the network's."""
        return self._place().pid

    def _place(self) -> Place:
        __tracebackhide__ = True
        return self.lab.kept.place(self.lab.handle, self.name)

    # --- interfaces ---------------------------------------------------------------------------------

    def interface(self, name: str) -> Interface:
        """One of its interfaces, by the topology's name for it. Raises KeyError, with those there are."""
        __tracebackhide__ = True
        known = [link.name for link in self._links()]
        if name not in known:
            listed = ", ".join(known) or "none"
            raise KeyError(f"no interface {name!r} in {self.name}{did_you_mean(name, known)}: {listed}")
        return Interface(self.lab, f"{self.name}:{name}")

    @property
    def interfaces(self) -> list[Interface]:
        """Every interface, in the order in which they were made."""
        return [Interface(self.lab, link.id) for link in self._links()]

    @property
    def addresses(self) -> tuple[IPv4Interface | IPv6Interface, ...]:
        """Every address of every interface, with its prefix, as the topology says."""
        return tuple(address for interface in self.interfaces for address in interface.addresses)

    @property
    def ip(self) -> str:
        """The address by which others know it: the first v4 address, else the first v6 one, without its prefix.

        Raises LookupError where it has none.
        """
        found = sorted(self.addresses, key=lambda address: address.version)
        if not found:
            raise LookupError(f"{self.name} has no address")
        return str(found[0].ip)

    @property
    def mac(self) -> str:
        """The MAC of its first interface that has an address (of its first, where none has)."""
        addressed = [interface for interface in self.interfaces if interface.addresses]
        first = next(iter(addressed or self.interfaces), None)
        if first is None:
            raise LookupError(f"{self.name} has no interface")
        return first.mac

    def _links(self) -> Iterator[AnyLink]:
        return self.lab.state.links_of(self.name)


@dataclass(frozen=True)
class Interface:
    """An interface of a lab; ``id`` is ``A:eth0``."""

    lab: Lab
    id: str

    @property
    def name(self) -> str:
        """Its name as in the topology: ``eth0``."""
        return self._link.name

    @property
    def ifname(self) -> str:
        """The kernel's name: the same, unless that is longer than 15 bytes (then it is an altname)."""
        return self._link.ifname

    @property
    def ifindex(self) -> int:
        """The kernel's number of it: no other interface of the lab has the same."""
        return self._link.ifindex

    @property
    def mac(self) -> str:
        """Its MAC, as read back when the step had settled."""
        return str(self.lab.links[self.id]["mac"])

    @property
    def addresses(self) -> tuple[IPv4Interface | IPv6Interface, ...]:
        """Its addresses with their prefixes, as the topology says."""
        return tuple(ip_interface(str(address)) for address in self._link.addresses)

    @property
    def up(self) -> bool:
        """Whether it is up (its admin state), as the topology says."""
        return self._link.up

    def set(self, **settings: Any) -> None:
        """Change it, in the words of topology files: ``state="down"``, ``mtu=1400``, ``port={"hairpin": True}``, …

        It is a step of its own: prediction and proof go by it from then on. Raises TopologyError and BuildError.
        """
        __tracebackhide__ = True
        self.lab.set(self.id, settings, caller())

    def capture(self) -> Capture:
        """Capture at this interface while a ``with`` block runs; see `Lab.capture`."""
        return self.lab.capture(self.id)

    @property
    def _link(self) -> AnyLink:
        return self.lab.state.link(self.id)
