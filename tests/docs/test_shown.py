"""What README.zh-CN.md shows: its commands are run, their output is real, its figures are those of the claims."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .shown import ROOT, Shown, blocks

PAGE = "README.zh-CN.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
COMMANDS = [one for block in blocks(PAGE) for one in block if not one.command.startswith("make ")]


@pytest.mark.parametrize("shown", COMMANDS, ids=lambda shown: shown.command)
def test_a_command_writes_what_is_shown(shown: Shown, tmp_path: Path) -> None:
    """Run in a folder with the page's files it ends with 0 and writes what the page shows below it."""
    for name, text in re.findall(r"^```yaml\n# (\S+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(text, "utf-8")
    program, *words = shlex.split(shown.command)
    assert program == "netlab"
    done = subprocess.run(
        [sys.executable, "-m", "netlab", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert shown.missing(done.stdout) == []


def test_what_is_not_written_is_noticed() -> None:
    """A line that is not there, or stands elsewhere, is told; durations don't count, and ``…`` is anything."""
    written = "one  1.20 s\ntwo\nthree and more\n"
    assert Shown("$", "", ("one  9.99 s", "…", "three …")).missing(written) == []
    assert Shown("$", "", ("two",)).missing(written) == ["two"]
    assert Shown("$", "", ("one  9.99 s", "three …")).missing(written) == ["three …"]
    assert Shown("$", "", ("…", "four")).missing(written) == ["four"]


def test_the_test_passes(tmp_path: Path) -> None:
    """The test that the page shows is one that passes."""
    [code] = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    (tmp_path / "test_it.py").write_text(code, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_claims_are_those_of_the_readme() -> None:
    """The refuted claims are listed, all of them, and the figures are what README.md's table adds up to."""
    table = re.findall(
        r"^\| (\d+b?) \| .* \| (confirmed|refuted)(.*?) \| \[", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )
    refuted = [number for number, verdict, _ in table if verdict == "refuted"]
    assert re.findall(r"^\| (\d+b?) \|", TEXT, re.MULTILINE) == refuted
    confirmed = len(table) - len(refuted)
    stand_in = sum(bool(how) for _, _, how in table)
    said = f"{confirmed} 条成立（其中 {stand_in} 条用替代物验证），{len(refuted)} 条不成立"
    assert f"{len(table)} 条，每条一个拓扑，用 `netlab run` 判定：{said}" in TEXT
