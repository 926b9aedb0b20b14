"""The labs of one process: one agent serves them all, and when it has died, the next lab starts a fresh one."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path

from netlab.client import Agent, CannotRun, LabDied, start
from netlab.testing.blueprint import Blueprint, Source
from netlab.testing.lab import Lab


class Labs:
    """Opens labs. ``folders`` is where names of topology files are looked up first, ``seed`` orders probes.

    ``on`` has them on real machines, over ssh, one at a time: the words of ``netlab run --on``, or the name of a hosts
    file (docs/hosts.md). ``kernel`` has them on another kernel, in a guest: as ``netlab run --kernel`` takes it
    (docs/other-kernels.md). As a context manager, or by `close`, it ends them all. It costs nothing before the first
    `open`.
    """

    def __init__(self, folders: Iterable[Path] = (), seed: int = 0, on: str = "", kernel: str = "") -> None:
        self.folders = tuple(folders)
        self.seed = seed
        self.on = on
        self.kernel = kernel
        self._agent: Agent | None = None
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[Lab] = weakref.WeakSet()

    def __enter__(self) -> Labs:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def open(self, source: Source, folders: Iterable[Path] = (), *, private: bool | None = None) -> Lab:
        """Build a lab in its baseline, settled and ready.

        ``source`` is a `Topology` (or a host or container of one), the text of a topology file, or the path or name of
        one. ``private`` says, in the place of the topology's own, whether hosts have processes and folders of their own
        that don't say it themselves. Raises TopologyError (with every fault), BuildError (the kernel refuses a part of
        it), CannotRun (this machine can't run labs at all).
        """
        blueprint = Blueprint.read(source, (*folders, *self.folders), private=private)
        try:
            lab = Lab(self.agent(), blueprint, self.seed)
        except LabDied:
            # The agent had died before; that it had shows only now.
            lab = Lab(self.agent(), blueprint, self.seed)
        self._open.add(lab)
        return lab

    def agent(self) -> Agent:
        """The agent, started where there is none that lives. Raises CannotRun."""
        with self._lock:
            if self._pid != os.getpid():
                # A forked child: the agent is its parent's.
                self._agent, self._pid = None, os.getpid()
            if self._agent is None or not self._agent.alive or self._agent.lent:
                if self._agent is not None and not self._agent.lent:
                    self._agent.close()
                self._agent = self._crew() if self.on else self._start()
            return self._agent

    def _start(self) -> Agent:
        if not self.kernel:
            return Agent.start()
        from netlab.kernels import Choice, KernelError

        try:
            return start(Choice.read(self.kernel))
        except KernelError as error:
            raise CannotRun(str(error), error.fix) from error

    def _crew(self) -> Agent:
        from netlab.client.hosts import HostsClient, parse

        given = parse(self.on)
        return HostsClient(lambda hosts: {host: given[host] for host in hosts if host in given})

    @property
    def up(self) -> list[Lab]:
        """The labs that are up."""
        return [lab for lab in self._open if not lab.closed]

    def close(self) -> None:
        """End every lab, and the agent."""
        with self._lock:
            if self._agent is not None and self._pid == os.getpid():
                self._agent.close()
            self._agent = None
