"""The labs of one pytest process, and what is kept of them when a test fails."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from netlab.client import BuildError, CannotRun, Exhausted, LabError
from netlab.contract.lacks import SCARCE_IN_LABS
from netlab.errors import NetlabError, ReportError
from netlab.report.folder import Folder
from netlab.testing.artefacts import save
from netlab.testing.lab import Lab
from netlab.testing.labs import Labs
from netlab.testing.staying import leave_up

if TYPE_CHECKING:
    from netlab.pytest_plugin.bench import Bench
    from netlab.testing.blueprint import Source

#: Errnos of a build, by name, that say what there is too little of.
_SCARCE = {errno.errorcode[number] for number in SCARCE_IN_LABS}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Keeper:
    """One agent for all labs of this process (under xdist: of this worker), and one for each other kernel."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.seed: int = config.getoption("--netlab-seed")
        self._labs: dict[str, Labs] = {}
        self._benches: dict[str, Bench] = {}

    def close(self) -> None:
        """End every lab."""
        for labs in self._labs.values():
            labs.close()

    def labs(self, kernel: str) -> Labs:
        """The labs on a kernel, by what ``--netlab-kernel`` says ('': the machine's own)."""
        if kernel not in self._labs:
            self._labs[kernel] = Labs([self.config.rootpath / "topologies"], self.seed, kernel=kernel)
        return self._labs[kernel]

    def bench(self, kernel: str) -> Bench:
        """What examines topology files on a kernel."""
        from netlab.pytest_plugin.bench import Bench

        if kernel not in self._benches:
            self._benches[kernel] = Bench(self.labs(kernel), self.seed)
        return self._benches[kernel]

    def open(self, source: Source, folder: Path | None = None, private: bool | None = None, *, kernel: str = "") -> Lab:
        """Open a lab, or skip the test where this machine can't run it."""
        try:
            return self.labs(kernel).open(source, [folder] if folder else [], private=private)
        except LabError as error:
            skip_or_raise(error, self.config)

    def report(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Add to a test's report what was observed and where; to a failed test's also where its labs' artefacts are."""
        if report.when == "call":
            report.netlab_seen = getattr(item, "seen", None)  # type: ignore[attr-defined]
            where = [getattr(item, "where", None) or {}, *map(self._where, self._up())]
            places = [(f"netlab.{name}", value) for one in where for name, value in one.items()]
            report.netlab_where = places  # type: ignore[attr-defined]
        if not report.failed or report.when == "teardown":
            return
        for lab in self._up():
            folder = self.artefacts(item.nodeid) / _UNSAFE.sub("-", lab.plan.name)
            try:
                said = save(lab, folder)
            except ReportError as error:
                said = f"nothing could be kept: {error}" + (f"\n{error.fix}" if error.fix else "")
            if self.config.getoption("--netlab-keep-on-failure"):
                said += f"\n{left_up(partial(leave_up, lab, item.name))}"
            report.sections.append((f"netlab: {lab.plan.name}", said))

    def _up(self) -> list[Lab]:
        return [lab for labs in self._labs.values() for lab in labs.up]

    def _where(self, lab: Lab) -> dict[str, str]:
        agent = lab.handle.agent
        kernel = os.uname().release if agent.substrate == "netns" else str(agent.info()["kernel"])
        return {"topology": lab.plan.name, "kernel": kernel, "substrate": agent.substrate, "seed": str(self.seed)}

    def artefacts(self, nodeid: str) -> Folder:
        """The folder for what is kept of a failed test."""
        name = _UNSAFE.sub("-", nodeid.replace("::", "-")).strip("-")[-120:]
        named: str | None = self.config.getoption("--netlab-report")
        if named:
            return Folder(Path(named).absolute(), ("failed", name), "--netlab-report DIR")
        factory: Any = self.config._tmp_path_factory  # type: ignore[attr-defined]
        base: Path = factory.getbasetemp()
        return Folder(base, ("netlab", name))


def left_up(leave: Callable[[], list[str]]) -> str:
    """What is said of a lab that was left up, or why it was not."""
    try:
        return "\n".join(leave())
    except (LabError, NetlabError, OSError) as error:
        return f"it can't stay up: {error}"


def skip_or_raise(error: LabError, config: pytest.Config) -> NoReturn:
    """Skip the test where the machine can't run it (for a missing link kind the kernel says EOPNOTSUPP).

    A shortage that may pass is an error. So is everything if the suite requires labs.
    """
    lacks = isinstance(error, CannotRun) or (isinstance(error, BuildError) and error.exit_code == CannotRun.exit_code)
    scarce = isinstance(error, Exhausted) or (isinstance(error, BuildError) and error.errno in _SCARCE)
    if lacks and not scarce and not config.getini("netlab_required"):
        pytest.skip(f"{error}; {error.fix}" if error.fix else str(error))
    if error.fix and error.fix not in getattr(error, "__notes__", ()):
        error.add_note(error.fix)
    raise error
