"""The programs of hosts and containers: those that the file gives, and what steps do with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from netlab.contract.types import Program, SetProgram
from netlab.spec.problems import did_you_mean

if TYPE_CHECKING:
    from netlab.contract.types.changes import Verb
    from netlab.plan.file import Path
    from netlab.plan.lab import Box, Lab
    from netlab.spec import belongings


def start(lab: Lab, box: Box, given: Mapping[str, belongings.Program], path: Path) -> Iterator[SetProgram]:
    """Start the programs of a new host, in the order of the file."""
    for name, one in given.items():
        if not one.run:
            lab.file.problems.add(lab.file.where(*path, name), f"{name!r} runs nothing", "run: [program, argument, …]")
            continue
        program = Program(name, one.run, one.ready or "", one.port or "", one.stop, tuple((one.env or {}).items()))
        box.programs[name] = program
        yield SetProgram(namespace=box.id, program=program, verb="start", where=lab.file.where(*path, name))


def change(lab: Lab, box: Box, given: Mapping[str, Verb], path: Path) -> Iterator[SetProgram]:
    """Start, stop, restart or kill programs of a host."""
    for name, verb in given.items():
        where = lab.file.where(*path, name)
        if name not in box.programs:
            hint = did_you_mean(name, box.programs, "there are")
            lab.file.problems.add(where, f"no program {name!r} in {box.id}", hint)
            continue
        yield SetProgram(namespace=box.id, program=box.programs[name], verb=verb, where=where)
