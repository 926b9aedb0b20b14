"""What QEMU's guests start from: the archive, and what is said where no guest can start. No kernel is needed."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from netlab.agent.guest import early, initramfs
from tests.guest.kills import HERE
from tests.kernels.image import RELEASE, package


def unpack(data: bytes, into: Path) -> list[str]:
    """Unpack an archive of cpio's newc format into a folder; the paths in it, in their order."""
    at, names = 0, []
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * k : at + 14 + 8 * k], 16) for k in range(13)]
        mode, modified, size, length = fields[1], fields[5], fields[6], fields[11]
        name = data[at + 110 : at + 110 + length - 1].decode()
        at += (110 + length + 3) & ~3
        content = data[at : at + size]
        at += (size + 3) & ~3
        if name == "TRAILER!!!":
            return names
        names.append(name)
        place = into / name
        if stat.S_ISDIR(mode):
            place.mkdir()
        elif stat.S_ISLNK(mode):
            place.symlink_to(content.decode())
        else:
            place.write_bytes(content)
            place.chmod(stat.S_IMODE(mode))
            os.utime(place, (modified, modified))


def packed(modules: list[str]) -> bytes:
    """The archive with these modules."""
    fd = initramfs.pack(modules)
    with os.fdopen(fd, "rb") as file:
        return os.pread(fd, os.fstat(file.fileno()).st_size, 0)


def test_interpreter_runs_by_itself(tmp_path: Path) -> None:
    """In a root folder with nothing but the archive Python starts as the kernel would start it, and imports what mounts
    and loads modules; no program but Python is there."""
    names = unpack(packed([]), tmp_path)
    python = os.path.realpath(sys.executable)
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); import netlab.agent.guest.early, netlab.agent.system"
    unshare, chroot = (shutil.which(name, path="/usr/sbin:/usr/bin") or name for name in ("unshare", "chroot"))
    argv = [*([unshare, "-r"] if os.getuid() else []), chroot, str(tmp_path), python, "-I", "-S", "-B", "-c"]
    done = subprocess.run([*argv, f"{code}; print(1)"], capture_output=True, text=True, env={})
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    programs = [one for one in names if os.access(tmp_path / one, os.X_OK) and (tmp_path / one).is_file()]
    assert [one for one in programs if ".so" not in one] == [python.strip("/")]


def test_modules(tmp_path: Path) -> None:
    """Modules are there in the order in which they are loaded, without their compression."""
    for name, data in (("b.ko", b"one"), ("a.ko.xz", lzma.compress(b"two")), ("c.ko.gz", gzip.compress(b"three"))):
        (tmp_path / name).write_bytes(data)
    root = tmp_path / "root"
    root.mkdir()
    unpack(packed([str(tmp_path / name) for name in ("b.ko", "a.ko.xz", "c.ko.gz")]), root)
    folder = root / early.MODULES.strip("/")
    assert [(folder / name).read_bytes() for name in sorted(os.listdir(folder))] == [b"one", b"two", b"three"]


FAKE = """#!/bin/sh
case "$*" in
    *"accel kvm"*) echo "qemu-system-x86_64: error: no MSR" >&2; exit 1;;
esac
printf '{printed}'
"""


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel as its package unpacks, with a modprobe."""
    return package(tmp_path, monkeypatch)


def run(image: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The end of a run on a kernel for machines."""
    argv = [sys.executable, "-m", "netlab", "run", "bridge-two-node", "--no-report", "--kernel", str(image)]
    return subprocess.run(argv, capture_output=True, text=True, cwd=HERE, env={**os.environ, **env})


def test_no_qemu(image: Path, tmp_path: Path) -> None:
    """Without QEMU: exit 3, and its package."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "modprobe").touch(0o755)
    done = run(image, PATH=str(tools))
    assert done.returncode == 3, done.stderr
    assert "qemu-system-x86_64 isn't installed" in done.stderr
    assert "apt-get install --no-install-recommends qemu-system-x86" in done.stderr


VFS = "[    1.2] Kernel panic - not syncing: VFS\\n[    1.3] Rebooting\\n"
PYTHON = (
    "Traceback\\nOSError: no\\n[    1.2] Kernel panic - not syncing: Attempted to kill init!\\n[    1.3] Rebooting\\n"
)


@pytest.mark.parametrize(
    ("printed", "said"), [(VFS, "[    1.2] Kernel panic - not syncing: VFS"), (PYTHON, "OSError: no")]
)
def test_guest_that_does_not_start(image: Path, tmp_path: Path, printed: str, said: str) -> None:
    """A KVM that doesn't work is done without, which is said; where the kernel panics it is said why: exit 3."""
    fake = tmp_path / "bin" / "qemu-system-x86_64"
    fake.write_text(FAKE.format(printed=printed))
    fake.chmod(0o755)
    config = image.parent / f"config-{RELEASE}"
    config.write_text(config.read_text().replace("=m", "=y"))
    (tmp_path / "lib").rename(tmp_path / "away")
    done = run(image, PATH=f"{fake.parent}:{os.environ['PATH']}")
    assert done.returncode == 3, done.stderr
    note, *rest = done.stderr.splitlines()
    assert note.startswith(f"netlab: booting Linux {RELEASE} by QEMU, without KVM: slow (")
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        assert "error: no MSR" in note
    assert rest[0] == f"netlab: Linux {RELEASE} doesn't start here: {said}"
