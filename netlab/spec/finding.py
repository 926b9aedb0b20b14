"""Where a named topology is: a path first, then among those that ship with the package."""

from __future__ import annotations

from pathlib import Path

from netlab.contract.lacks import SCARCE
from netlab.contract.types import Where
from netlab.errors import CANNOT_RUN, FULL, WRONG, printable
from netlab.spec.problems import Problem, TopologyError

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
            return sorted(folder.glob("*.yaml"), key=lambda path: path.stem)
    return []


def _beside(path: Path) -> list[str]:
    """The topology files, by their endings, in a file's folder."""
    try:
        return [one.name for one in path.parent.iterdir() if one.suffix in (".yaml", ".yml")]
    except (OSError, ValueError):
        return []


def find(name: str) -> Path:
    """The path of a topology: ``-`` (standard input), a file, or one that ships, with or without ``.yaml``.

    Raises TopologyError where there is none.
    """
    if name == "-":
        return STDIN
    path = Path(name)
    folder = False
    try:
        if path.is_file() or path.is_fifo():
            return path
        folder = path.is_dir()
    except (OSError, ValueError) as error:
        code = CANNOT_RUN if getattr(error, "errno", None) in FULL | SCARCE else WRONG
        said = getattr(error, "strerror", None) or error
        raise TopologyError(
            [Problem(Where(printable(name), 1, 1), f"cannot be read: {said}")], exit_code=code
        ) from error
    # A folder (of a run's reports, say) may be called like what ships.
    known = {file.stem: file for file in shipped()}
    stem = name.removesuffix(".yaml")
    if stem in known:
        return known[stem]
    if folder:
        raise TopologyError([Problem(Where(printable(name), 1, 1), "is a folder", "name a file in it")])
    import difflib

    here = _beside(path)
    near = difflib.get_close_matches(path.name, here, n=1, cutoff=0.8)
    near = [str(path.parent / one) for one in near]
    near += difflib.get_close_matches(path.name.removesuffix(".yaml"), known, n=2, cutoff=0.7)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    what = "no such file, and no topology of that name ships"
    raise TopologyError([Problem(Where(printable(name), 1, 1), what, f"{hint}'netlab list' names all that ship")])
