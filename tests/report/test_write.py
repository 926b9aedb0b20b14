"""Reports on disk: whole or not at all."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from netlab.errors import CANNOT_RUN, ReportError
from netlab.report.naming import folder_name
from netlab.report.write import check_target, make_folder, write_whole


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


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    """What a link names is replaced or made, through a chain of links as well; the links stay."""
    target = tmp_path / "target"
    target.write_text("old")
    for name, of in (("link", "target"), ("chain", "link"), ("dangling", "new")):
        (tmp_path / name).symlink_to(of)
    write_whole(tmp_path / "chain", "one")
    write_whole(tmp_path / "dangling", "two")
    assert (target.read_text(), (tmp_path / "new").read_text()) == ("one", "two")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_symlink()) == ["chain", "dangling", "link"]
    assert len(list(tmp_path.iterdir())) == 5


def test_a_fifo_is_written_into(tmp_path: Path) -> None:
    """A FIFO's reader gets the text, and it is still a FIFO."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_text()), daemon=True)
    reader.start()
    write_whole(fifo, "text")
    assert stat.S_ISFIFO(fifo.lstat().st_mode)
    reader.join()
    assert got == ["text"]


def test_a_device_stays_one(tmp_path: Path) -> None:
    """A character device (here one of our own, like /dev/null) takes the text and is a device as before."""
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.close(os.open(device, os.O_WRONLY))
    except PermissionError:
        pytest.skip("this user may not make or open devices here")
    check_target(device)
    write_whole(device, "text")
    assert stat.S_ISCHR(device.lstat().st_mode)


def test_a_descriptor_is_written_into(tmp_path: Path) -> None:
    """``/dev/fd/N``, as in ``>(command)``, reaches who has it open: a pipe's reader, a file behind its first words."""
    read, write = os.pipe()
    write_whole(Path(f"/dev/fd/{write}"), "text")
    os.close(write)
    assert os.read(read, 100) == b"text"
    os.close(read)
    with (tmp_path / "log").open("w") as log:
        print("before", file=log, flush=True)
        write_whole(Path(f"/dev/fd/{log.fileno()}"), "text\n")
        assert (tmp_path / "log").stat().st_ino == os.fstat(log.fileno()).st_ino
    assert (tmp_path / "log").read_text() == "before\ntext\n"


@pytest.mark.parametrize("check", [check_target, lambda path: write_whole(path, "text")])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "is a folder"),
        ("/", "is a folder"),
        ("nowhere/file", "nowhere/file: can't be written: No such file or directory"),
        ("file/below", "file/below: can't be written: Not a directory"),
        ("loop", "loop: can't be written: Too many levels of symbolic links"),
    ],
)
def test_no_place_for_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Callable[[Path], None], name: str, words: str
) -> None:
    """What can't be written is told before and while writing, in the same words."""
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    Path("loop").symlink_to("loop")
    with pytest.raises(ReportError, match=words):
        check(Path(name))
    assert sorted(os.listdir()) == ["file", "loop"]


def test_a_check_leaves_nothing(tmp_path: Path) -> None:
    """Checking a place for a file neither makes nor changes one."""
    (tmp_path / "old").write_text("old")
    for name in ("old", "new"):
        check_target(tmp_path / name)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


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
        ("..", "lab"),
        (".hidden", "hidden"),
        ("a/b c", "a-b-c"),
        ("é", "é"),
        ("e\u0301", "é"),
        ("东京 一", "东京-一"),
        ("हिन्दी", "हिन्दी"),
        ("🚀", "lab"),
        ("", "lab"),
        ("测" * 100, "测" * 66),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_name_becomes_a_folder(name: str, folder: str) -> None:
    """Whatever a topology is called, its folder's name is harmless and inside of the reports."""
    assert folder_name(name, "/somewhere/lab.yaml") == folder
