"""The page of evidence: which lines of a check are kept, and where its row goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import evidence

HEAD = "# Evidence\n\n| how | what | seen | when |\n|---|---|---|---|\n"


@pytest.mark.parametrize(
    ("name", "output", "lines"),
    [
        ("fuzz", "12 of 86 rules\n2000 topologies, 9 pairs, 0 disagreements, 0 s\n",
         ["2000 topologies, 9 pairs, 0 disagreements, 0 s"]),
        ("stress", "40 topologies x 50: 7 pass, 0 wrong, 0 inconclusive, 1 skip, 9 s\n",
         ["40 topologies x 50: 7 pass, 0 wrong, 0 inconclusive, 1 skip, 9 s"]),
        ("mutate", "killed   a: 1 of 2 mutants\n86 rules, 0 survivors\n", ["86 rules, 0 survivors"]),
        ("crash", "200 kills have hit, nothing was left; others: none\n\x1b[32m==== 9 passed in 3.20s ====\x1b[0m\n",
         ["200 kills have hit, nothing was left; others: none", "9 passed in 3.20s"]),
        ("bench", "two hosts\n  netlab      0.1 0.1 0.2 s     9.0 × as fast as mininet\n  mininet    1 1 1 s\n",
         ["netlab 0.1 0.1 0.2 s 9.0 × as fast as mininet"]),
        ("test-vagrant", "[   1.0 s] libvirt\n[  88.1 s] 2 providers: all as expected\n",
         ["[ 88.1 s] 2 providers: all as expected"]),
        ("playground", "fetching Pyodide by npm …\nfirst paint 0.1 s, first answer 8 s, an edit 0.3 s\n",
         ["first paint 0.1 s, first answer 8 s, an edit 0.3 s"]),
    ],
)  # fmt: skip
def test_the_lines_that_are_kept(name: str, output: str, lines: list[str]) -> None:
    """Of what a check prints its summaries are kept, without colours, rulers and padding."""
    assert evidence.kept(output, evidence.CHECKS[name].summary) == lines


def test_a_row_takes_the_place_of_the_one_before() -> None:
    """A check has one row, the newest; the others stay, and a bar in what it said breaks no table."""
    check = evidence.CHECKS["fuzz"]
    page = evidence.placed(HEAD, "fuzz", evidence.row("fuzz", check, "old", "then"))
    page = evidence.placed(page, "crash", evidence.row("crash", evidence.CHECKS["crash"], "9 passed", "then"))
    page = evidence.placed(page, "fuzz", evidence.row("fuzz", check, "a|b", "now"))
    rows = page.splitlines()[4:]
    assert [one.split(" | ")[0] for one in rows] == ["| `make fuzz`", "| `make crash`"]
    assert rows[0].endswith(r" | a\|b | now |")


def test_a_check_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so in its row, with what it has counted, and its exit code is the tool's."""
    page = tmp_path / "evidence.md"
    page.write_text(HEAD, encoding="utf-8")
    monkeypatch.setattr(evidence, "PAGE", page)
    bad = evidence.Check(
        ("sh", "-c", "echo 3 topologies, 1 differences; exit 7"), "Nothing.", "no time", r"\d+ topologies.*"
    )
    monkeypatch.setattr(evidence, "CHECKS", {"bad": bad})
    assert evidence.main(["bad"]) == 7
    assert "**failed** (exit code 7) 3 topologies, 1 differences" in page.read_text(encoding="utf-8")
    assert evidence.main(["strange"]) == 2
