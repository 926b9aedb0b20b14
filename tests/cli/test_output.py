"""``-o``: the format that a name asks for, standard output, folders."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from .conftest import NETLAB, Netlab


@pytest.fixture
def record(netlab: Netlab, files: Path) -> Path:
    """The folder of a run's record."""
    assert netlab("run", "two.yaml", "-l", "icmp", "-q").returncode == 0
    return files / "reports" / "two"


@pytest.mark.parametrize(
    ("name", "first"),
    [("x.svg", "<svg"), ("x.mmd", "flowchart"), ("x.gv", "graph"), ("plain", "<svg"), ("-", "<svg")],
)
def test_a_graph_by_its_name(netlab: Netlab, files: Path, name: str, first: str) -> None:
    """The suffix decides, without one it is SVG, and ``-`` is standard output and no file."""
    done = netlab("graph", "two.yaml", "-o", name)
    assert done.returncode == 0
    text = done.stdout if name == "-" else (files / name).read_text()
    assert first in text.splitlines()[0]
    assert (files / name).exists() == (name != "-")


def test_a_graph_on_a_terminal(netlab: Netlab, files: Path) -> None:
    """On a terminal stands what can be read there, and how to have a picture; ``-f svg`` is SVG there, too."""
    for argv, first in (((), b"flowchart"), (("-f", "svg"), b"<svg")):
        mine, theirs = pty.openpty()
        done = subprocess.run(
            [NETLAB, "graph", "two.yaml", *argv], cwd=files, stdout=theirs, stderr=subprocess.PIPE, check=True
        )
        os.close(theirs)
        assert os.read(mine, 100).startswith(first)
        os.close(mine)
        assert (b"-o picture.svg" in done.stderr) == (not argv)
    assert netlab("graph", "two.yaml").stdout.startswith("<svg")


def test_a_name_that_asks_for_something_else(netlab: Netlab, record: Path, files: Path) -> None:
    """A suffix of a format that there isn't: exit code 2, those that there are, and nothing is written."""
    before = sorted(files.rglob("*"))
    two = str(record)
    for argv in (
        ("graph", "two.yaml", "-o", "x.png"),
        ("diff", two, two, "-o", "x.json"),
        ("report", two, "-o", "x.pdf"),
    ):
        done = netlab(*argv)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"no format goes by '{Path(argv[-1]).suffix}'; there are " in done.stderr
    assert sorted(files.rglob("*")) == before


def test_a_report_by_its_name(netlab: Netlab, record: Path, files: Path) -> None:
    """A file's suffix is its format; a name without one, or with a number, is a folder; so is what is one already."""
    for name, first in (("x.html", "<!doctype html>"), ("x.md", "## "), ("x.txt", "two")):
        assert netlab("report", str(record), "-o", name).returncode == 0
        assert (files / name).read_text().lower().startswith(first)
    (files / "was.old").mkdir()
    for name in ("folder", "runs-1.2", "was.old"):
        assert netlab("report", str(record), "-o", name).returncode == 0
        assert sorted(path.name for path in (files / name / "two").iterdir()) == ["report.html", "summary.md"]


def test_a_report_on_stdout(netlab: Netlab, record: Path, files: Path) -> None:
    """``-o -`` asks for a format, and with one prints it; no folder of that name is made."""
    done = netlab("report", str(record), "-o", "-")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--format html, markdown or text" in done.stderr
    assert netlab("report", str(record), "-f", "markdown", "-o", "-").stdout.startswith("## ")
    assert netlab("diff", str(record), str(record), "-o", "-").returncode == 0
    assert not (files / "-").exists()


def test_several_reports_into_one_file(netlab: Netlab, record: Path, files: Path) -> None:
    """Two records don't fit into a file: exit code 2 instead of a folder that is called like one."""
    done = netlab("report", str(record), str(record), "-o", "x.html")
    assert done.returncode == 2
    assert "2 records don't go into one file" in done.stderr
    assert not (files / "x.html").exists()
