"""Reports on disk: whole or not at all."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netlab.errors import CANNOT_RUN, ReportError
from netlab.report.write import folder_name, make_folder, write_whole


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    """The file holds the text, an old one is replaced, and no temporary name stays."""
    path = tmp_path / "run.json"
    write_whole(path, "one")
    write_whole(path, "two, ✓")
    assert path.read_text(encoding="utf-8") == "two, ✓"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_without_unnamed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no unnamed files a temporary name does, and it is gone afterwards."""
    monkeypatch.delattr(os, "O_TMPFILE")
    path = tmp_path / "run.json"
    write_whole(path, "one")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("unnamed", [True, False])
def test_what_cannot_be_written_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unnamed: bool
) -> None:
    """A write that the system cuts short is an error, the old file is still whole, nothing else is there."""
    if not unnamed:
        monkeypatch.delattr(os, "O_TMPFILE")
    path = tmp_path / "run.json"
    write_whole(path, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores SIGXFSZ: the write itself fails, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(ReportError, match=r"run\.json: can't be written: File too large"):
            write_whole(path, "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


FULL = """\
import sys
from pathlib import Path
from netlab.errors import ReportError
from netlab.report.write import write_whole
try:
    write_whole(Path(sys.argv[1]) / "run.json", "x" * 1_000_000)
except ReportError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """On a file system of 64 kB a report of 1 MB is an error that says so, with exit code 3, and leaves nothing."""
    unshare = shutil.which("unshare")
    flags = ["-m"] if os.geteuid() == 0 else ["-Urm"]
    if unshare is None or subprocess.run([unshare, *flags, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespace to be had here")
    script = tmp_path / "full.py"
    script.write_text(FULL)
    small = tmp_path / "small"
    small.mkdir()
    command = 'mount -t tmpfs -o size=64k none "$1" && { "$2" "$3" "$1"; code=$?; ls -A "$1"; exit $code; }'
    done = subprocess.run(
        [unshare, *flags, "sh", "-c", command, "sh", str(small), sys.executable, str(script)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == CANNOT_RUN, done.stderr
    assert done.stdout.strip() == f"{small}/run.json: can't be written: No space left on device"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A folder below a file is an error with the path in it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="file/reports: this folder can't be made"):
        make_folder(tmp_path / "file" / "reports")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("bridge-two-node", "bridge-two-node"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("../../etc", "etc"),
        ("..", "topology"),
        (".hidden", "hidden"),
        ("a/b c", "a-b-c"),
        ("é", "topology"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_name_becomes_a_folder(name: str, folder: str) -> None:
    """Whatever a topology is called, its folder's name is harmless and inside of the reports."""
    assert folder_name(name) == folder
