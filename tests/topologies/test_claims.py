"""docs/claims.md says what the kernel says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netlab import plan
from tests.topologies.shipped import CLAIMS, FILES, MEASURED, ROOT, SMALL, rows

Record = dict[str, Any]

#: What the article says; 31 and 32 are its last section, on IPvlan.
NUMBERS = {str(number) for number in range(1, 33)}
TRIED = tuple(path for path in SMALL if path.stem not in MEASURED)


@pytest.mark.parametrize("path", TRIED, ids=lambda path: path.stem)
def test_the_table_has_the_verdicts_that_are_found(path: Path, record: Callable[[Path], Record]) -> None:
    """For each claim of a file the table has the words, the verdict and whether it was by a stand-in."""
    found = [
        (claim["number"], claim["says"], claim["verdict"], bool(claim["stand_in"])) for claim in record(path)["claims"]
    ]
    assert found == [(row.number, row.says, row.verdict, bool(row.stand_in)) for row in rows() if row.name == path.stem]


def test_every_claim_is_tried_once() -> None:
    """Each number has one row and one file, in the article's order, and nothing else is claimed."""
    table = [row.number for row in rows()]
    shipped = Counter(claim.number for path in FILES for claim in plan.from_file(path).claims)
    assert {number for number in table if not number.endswith("b")} == NUMBERS
    assert table == sorted(table, key=lambda number: (int(number.rstrip("b")), number))
    assert shipped == Counter(table)


def test_the_links_of_the_table_lead_somewhere() -> None:
    """Each row links to the file of its topology."""
    for row in rows():
        target = (CLAIMS.parent / row.link).resolve()
        assert target.stem == row.name
        assert target.is_file()


def test_the_readme_has_the_same_table() -> None:
    """The claims, verdicts and topologies of the README's table are those of docs/claims.md."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d+b?) \| (.*) \| ([\w, -]+) \| \[([\w-]+)\]\((.*)\) \|$", text, re.MULTILINE)
    assert table == [
        (row.number, row.says, row.verdict + (row.stand_in or ""), row.name, f"topologies/{row.name}.yaml")
        for row in rows()
    ]
