"""``--keep`` and ``--keep-on-failure``: a run leaves its lab running, in the state in which it ended or failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netlab.cli.output import STDOUT
from netlab.errors import UsageError

if TYPE_CHECKING:
    from netlab.client import Lab
    from netlab.contract.types import Step
    from netlab.report.record import Examined

F = TypeVar("F", bound=Callable[..., Any])


def options(command: F) -> F:
    for option in (
        click.option("--keep-on-failure", is_flag=True, help="Stop at a step that fails, and leave its lab up."),
        click.option("--keep", is_flag=True, help="Leave the lab up when all is examined (see: netlab ps)."),
    ):
        command = option(command)
    return command


class Keep:
    """Told of each step that was examined; whether the run ends with it, because its lab stays."""

    def __init__(self, path: Path, asked: Mapping[str, Any]) -> None:
        elsewhere = [name for name in ("on", "vagrant") if asked.get(name)]
        if elsewhere:
            raise UsageError(f"--keep is for labs on this machine: leave --{elsewhere[0]} out")
        if path == STDOUT:
            raise UsageError("--keep needs the topology again: give a file")
        self._path = path
        self._always: bool = asked["keep"]
        self._on_failure: bool = asked["keep_on_failure"]
        #: What to say of the lab that stays.
        self.told: list[str] = []

    @classmethod
    def asked_for(cls, path: Path, asked: Mapping[str, Any]) -> Keep | None:
        """None where nothing is to stay. Raises UsageError."""
        return cls(path, asked) if asked["keep"] or asked["keep_on_failure"] else None

    def __call__(self, lab: Lab, step: Step, one: Examined, last: bool) -> bool:
        """Have the lab stay, if it is to. Raises LabError, NetlabError."""
        if not (self._always and last) and not (self._on_failure and one.judged.failed):
            return False
        from netlab.testing.memo import leave_run_up

        self.told = leave_run_up(lab, self._path, step)
        return True
