"""Where a named topology is: a path first, then among those that ship with the package."""

from __future__ import annotations

from pathlib import Path

from netlab.plan.types import Where
from netlab.spec.problems import Problem, TopologyError, did_you_mean

STDIN = Path("-")


def _folders() -> list[Path]:
    package = Path(__file__).resolve().parent.parent
    checkout = package.parent / "topologies"
    installed = package / "topologies"
    # Inside of the package in an installed wheel, beside it in a source checkout, and nowhere else.
    return [installed, checkout] if (package.parent / "pyproject.toml").exists() else [installed]


def shipped() -> list[Path]:
    """The topologies that ship with the package, by name."""
    for folder in _folders():
        if folder.is_dir():
            return sorted(folder.glob("*.yaml"))
    return []


def find(name: str) -> Path:
    """The path of a topology: ``-`` (standard input), a file, or one that ships, with or without ``.yaml``.

    Raises TopologyError where there is none.
    """
    if name == "-":
        return STDIN
    path = Path(name)
    try:
        if path.is_file() or path.is_fifo():
            return path
        if path.is_dir():
            raise TopologyError([Problem(Where(name, 1, 1), "is a folder", "name a file in it")])
    except (OSError, ValueError) as error:
        raise TopologyError([Problem(Where(name, 1, 1), f"cannot be read: {error}")]) from error
    known = {file.name: file for file in shipped()}
    for candidate in (name, f"{name}.yaml"):
        if candidate in known:
            return known[candidate]
    hint = did_you_mean(path.name, [*known, *(file.stem for file in known.values())], "shipped")
    raise TopologyError([Problem(Where(name, 1, 1), "no such file, and no topology of that name ships", hint)])
