"""The kernels of this user: a folder for each, with the program, what it is and where it is from."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import OWN, parse
from netlab.errors import did_you_mean
from netlab.kernels.facts import KINDS, Facts, KernelError, ask, from_plain
from netlab.kernels.machine import Vmlinuz, is_vmlinuz, read

#: In place of a kernel's name: one that has what the topology asks for.
AUTO = "auto"
#: The guest's memory in MiB: taken from the machine only as it is used.
MEMORY = 1024
#: With less it may hang while it starts; a small lab has room.
LEAST = 96
_UNITS = {"": 1, "m": 1, "g": 1024}
PROGRAM, MODULES, TOLD = "linux", "modules", "kernel.json"


@dataclass(frozen=True)
class Cached:
    """A kernel that can be run: its name here, its program and its folder of modules (None: all is built in), where it
    is from, and what it is; of a kernel for machines, which is no program but an image, more of that."""

    name: str
    program: Path
    modules: Path | None
    source: str
    facts: Facts
    vmlinuz: Vmlinuz | None = None


@dataclass(frozen=True)
class Choice:
    """What ``--kernel`` says: a kernel (a name in the cache, a version, a path, `AUTO` or `OWN`), and the guest's
    memory."""

    kernel: str
    memory: int = MEMORY
    virtual_time: bool = False

    @classmethod
    def read(cls, text: str, *, virtual_time: bool = False) -> Choice:
        """From ``6.12`` or ``6.12,mem=512M``. Raises KernelError."""
        kernel, *more = text.split(",")
        choice = cls(kernel, virtual_time=virtual_time)
        if kernel == OWN and more:
            raise KernelError(f"--kernel {text}: this machine's own kernel is in no guest", fix="--kernel own")
        for word in more:
            found = re.fullmatch(r"mem=(\d+)([mg]?)", word.strip().lower())
            if found is None:
                raise KernelError(f"--kernel {text}: {word!r} is not understood", fix="--kernel 6.12,mem=512M")
            choice = replace(choice, memory=int(found[1]) * _UNITS[found[2]])
            if choice.memory < LEAST:
                raise KernelError(f"--kernel {text}: a guest needs {LEAST} MiB", fix=f"--kernel {kernel},mem={LEAST}M")
        return choice

    def told(self, kernel: Cached) -> dict[str, Any]:
        """What the agent's stand-in is to be told of a kernel. Raises KernelError."""
        facts = kernel.facts
        arguments = ["seccomp=on"] if facts.seccomp else []
        if self.virtual_time:
            if not facts.time_travel:
                raise KernelError(
                    f"Linux {facts.release} has no clock of its own (a User-Mode Linux's UML_TIME_TRAVEL_SUPPORT)",
                    fix=f"netlab kernel build {facts.version}",
                )
            arguments.append("time-travel=inf-cpu")
        return {
            "name": f"Linux {facts.release}",
            "program": str(kernel.program),
            "modules": str(kernel.modules or ""),
            "memory": self.memory,
            "arguments": arguments,
            "leaves": facts.leaves and not kernel.vmlinuz,
            "early": list(kernel.vmlinuz.early) if kernel.vmlinuz else None,
        }


def folder() -> Path:
    """Where kernels are kept."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "netlab" / "kernels"


def cached() -> list[Cached]:
    """All that are there, the newest last."""
    return sorted(_cached(), key=lambda one: (_release(one.facts.release), one.modules is None))


def choose(word: str) -> Cached:
    """The kernel of a name, a version (the newest release of it; own builds before others) or a path.

    Raises KernelError.
    """
    if os.sep in word:
        program = Path(word).expanduser().absolute()
        if not program.is_file():
            raise KernelError(f"there is no kernel {program}", fix="--kernel takes a version, or a path")
        if is_vmlinuz(program):
            found = read(program)
            return Cached(word, program, found.modules, str(program), found.facts, found)
        beside = program.parent.parent / "lib" / "uml" / "modules"
        return Cached(word, program, beside if beside.is_dir() else None, str(program), ask(program))
    if word == OWN:
        raise KernelError("own is this machine's kernel, and not among the cached", fix="netlab doctor tells of it")
    known = cached()
    for one in known:
        if one.name == word:
            return one
    fits = [one for one in known if one.facts.release == word or str(one.facts.version) == word]
    if fits:
        return max(fits, key=lambda one: (one.modules is None, _release(one.facts.release)))
    try:
        version: str | None = str(parse(word))
    except ValueError:
        version = None
    names = [one.name for one in known]
    raise KernelError(
        f"there is no kernel {word!r} in {folder()}" + ("" if version else did_you_mean(word, names)),
        fix=f"netlab kernel build {version}" if version else "netlab kernel list says which there are",
    )


def having(kinds: Iterable[str]) -> Cached:
    """The newest kernel that has these kinds of links. Raises KernelError."""
    wanted = {kind for kind in kinds if kind in KINDS}
    known = cached()
    for one in reversed(known):
        if wanted <= set(one.facts.kinds):
            return one
    lack = f"none of the kernels in {folder()} has {', '.join(sorted(wanted))}" if known else "no kernel is cached"
    raise KernelError(f"--kernel auto: {lack}", fix="netlab kernel build 6.12")


def _cached() -> Iterator[Cached]:
    try:
        folders = sorted(folder().iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for place in folders:
        try:
            told = json.loads((place / TOLD).read_text())
            facts = from_plain(told["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            # Not a kernel, or one that is still being made.
            continue
        modules = place / MODULES
        yield Cached(place.name, place / PROGRAM, modules if modules.is_dir() else None, told["source"], facts)


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))
