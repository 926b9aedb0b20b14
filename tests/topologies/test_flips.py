"""An expectation turned round must fail, or expectations are worth nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netlab import plan
from netlab.contract.types import ExpectPair
from netlab.report import terminal
from netlab.report.style import Style
from tests.topologies.shipped import SMALL

Record = dict[str, Any]


@dataclass(frozen=True)
class Flip:
    """One entry that says reachable: its file, step, line, and the pairs and layers it speaks of."""

    path: Path
    step: str
    line: int
    layers: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.path.stem}:{self.line}"

    def text(self) -> str:
        """The file with this one entry turned round."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        line = lines[self.line - 1]
        lines[self.line - 1] = re.sub(r": (reachable|through-interface)\b", ": unreachable", line)
        assert lines[self.line - 1] != line
        return "\n".join(lines) + "\n"


def flips() -> list[Flip]:
    """Every entry of every small file that says reachable, or reachable through the interface."""
    found: dict[tuple[Path, int], Flip] = {}
    for path in SMALL:
        for step in plan.from_file(path).steps:
            for entry in step.expect:
                if isinstance(entry, ExpectPair) and entry.outcome in ("reachable", "through-interface"):
                    line = entry.where.line
                    first = found.get((path, line))
                    layers = (*(first.layers if first else ()), *entry.layers)
                    pairs = (*(first.pairs if first else ()), *entry.pairs)
                    found[path, line] = Flip(path, step.name, line, layers, pairs)
    return list(found.values())


@pytest.mark.parametrize("flip", flips(), ids=str)
def test_a_flipped_entry_fails(flip: Flip, tmp_path: Path, examine: Callable[..., Record]) -> None:
    """With one "reachable" turned into "unreachable" the exit code is 1 and the report names the pair."""
    edited = tmp_path / flip.path.name
    edited.write_text(flip.text(), encoding="utf-8")
    seen = examine(edited, layers=flip.layers, steps=(flip.step,))
    assert seen["summary"]["exit_code"] == 1
    [step] = seen["steps"]
    # One for each kind of question that the entry asks: as programs do, and as interfaces do.
    entries = [one for one in step["expectations"] if one["verdict"] == "F"]
    [where] = {entry["where"] for entry in entries}
    assert where.endswith(f"{flip.path.name}:{flip.line}:{where.rpartition(':')[2]}")
    named = {(cell["src"], cell["dst"]) for entry in entries for cell in entry["cells"]}
    assert named
    assert named <= set(flip.pairs)
    report = terminal.render(seen, Style(colour=False))
    assert any(source in report and destination in report for source, destination in named)
