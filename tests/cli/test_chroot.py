"""In a chroot, whose root is a folder and no mount."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import NETLAB, Done
from tests.ordinary import needs_another_user

#: Bind what the machine has into a folder, go there, and run; what is mounted outside, before and after.
SCRIPT = """
set -e
mount --make-rshared /
root=$1; shift
for each in /*; do
    if [ -L "$each" ]; then cp -P "$each" "$root/"
    elif [ -d "$each" ]; then mkdir -p "$root$each"; mount --rbind "$each" "$root$each"
    fi
done
before=$(cat /proc/self/mountinfo)
code=0
chroot "$root" "$@" || code=$?
[ "$before" = "$(cat /proc/self/mountinfo)" ] || { echo "mounts are left"; exit 99; }
exit $code
"""


def inside(files: Path, *argv: str) -> Done:
    """Run a command in a chroot, and in a mount namespace that passes on what is mounted."""
    root = files / "root"
    root.mkdir()
    # Private at first: what is shared with the machine would be mounted there, too.
    outer = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", str(root)]
    return subprocess.run(
        [*outer, "sh", "-c", 'cd "$0" && exec "$@"', str(files), *argv], capture_output=True, text=True, check=False
    )


pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root enters a chroot (unshare, chroot)"
)


def test_root(files: Path) -> None:
    """Root has the whole run in a chroot, and leaves no mount outside."""
    done = inside(files, NETLAB, "run", "two.yaml", "--no-report", "-l", "icmp")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout


@needs_another_user
def test_an_ordinary_user(files: Path) -> None:
    """The kernel gives an ordinary user no namespaces there: a line says so, with what helps, and exit code 3."""
    files.chmod(0o777)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = inside(files, *user, NETLAB, "run", "two.yaml", "--no-report", "-l", "icmp")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "in a chroot" in done.stderr
    assert "systemd-nspawn" in done.stderr
