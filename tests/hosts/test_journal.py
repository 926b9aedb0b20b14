"""The journal by itself: what a later agent finds in it, and what it doesn't."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netlab.agent.hosts import journal
from netlab.agent.hosts.journal import Journal


def test_what_was_added_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process finds the lines in order; after `remove` there is neither file nor folder."""
    monkeypatch.setattr(journal, "FOLDER", tmp_path / "netlab")
    one, other = Journal(), Journal()
    assert other.left() == b""
    one.begin()
    one.add(b"first\n")
    one.add(b"second\n")
    assert other.left() == b"first\nsecond\n"
    other.remove()
    assert not (tmp_path / "netlab").exists()


def test_nothing_of_another_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done before a reboot has gone with it: nothing is found, though the file is still there."""
    monkeypatch.setattr(journal, "FOLDER", tmp_path / "netlab")
    boot = tmp_path / "boot_id"
    monkeypatch.setattr(journal, "_BOOT", boot)
    boot.write_text("this\n")
    one = Journal()
    one.begin()
    one.add(b"first\n")
    assert Journal().left() == b"first\n"
    boot.write_text("another\n")
    assert Journal().left() == b""


FULL = """
import subprocess, sys
from pathlib import Path
from netlab.agent.hosts import journal
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", sys.argv[1]], check=True)
journal.FOLDER = Path(sys.argv[1]) / "netlab"
one = journal.Journal()
one.begin()
try:
    while True:
        one.add(b"x" * 999 + b"\\n")
except OSError as error:
    print(error.strerror, set(map(len, one.left().split(b"\\n")[:-1])), one.left()[-1:] == b"\\n")
"""


def test_full_disk(tmp_path: Path) -> None:
    """Where there is no room for a line the caller is told before it acts, and half of a line isn't left behind."""
    if os.geteuid() != 0:
        pytest.skip("a full file system can only be made by root")
    argv = ["unshare", "--mount", sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout == "No space left on device {999} True\n", done.stderr
