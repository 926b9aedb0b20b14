"""tools/packages.sh, which `make test` calls first, with an apt-get of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "packages.sh"

#: An apt-get that notes its calls. Its lists are locked the first time, as its archives are; two packages don't exist.
APT = """\
#!/bin/sh
echo "$*" >> "$LOG"
locked() {
    [ -e "$LOG.$1" ] && return
    : > "$LOG.$1"
    echo "E: Could not get lock /var/lib/apt/$1/lock. It is held by process 1 (apt)" >&2
    exit 100
}
case "$*" in
    *update*) locked lists; exit 0 ;;
    *chromium*) echo "E: Unable to locate package chromium" >&2; exit 100 ;;
esac
locked archives
for package in "$@"; do
    case $package in fish|zsh) printf '' > "$HERE/$package"; chmod +x "$HERE/$package" ;; esac
done
"""


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """An environment of a root without any of the tools, but with such an apt-get; a sleep takes no time."""
    here = tmp_path / "bin"
    here.mkdir()
    for name in ("sh", "cat", "date", "grep", "env", "chmod"):
        (here / name).symlink_to(str(shutil.which(name)))
    for name, text in (("apt-get", APT), ("id", "#!/bin/sh\necho 0\n"), ("sleep", "#!/bin/sh\n")):
        (here / name).write_text(text)
        (here / name).chmod(0o755)
    return {"PATH": str(here), "HERE": str(here), "LOG": str(tmp_path / "log")}


def packages(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the script with no more than the environment."""
    return subprocess.run(
        [str(shutil.which("sh")), SCRIPT], env=environment, capture_output=True, text=True, check=False
    )


def test_what_cant_be_had_ends_nothing(tools: dict[str, str]) -> None:
    """Locks are waited for, the packages that exist are installed, and of the others it is said which tests skip."""
    done = packages(tools)
    assert done.returncode == 0, done.stderr
    calls = Path(tools["LOG"]).read_text().splitlines()
    assert all("-o DPkg::Lock::Timeout=300" in call for call in calls)
    assert sum("update" in call for call in calls) == 2
    assert "another apt holds the lock: waiting for it, 300 s at most" in done.stdout
    assert "no chromium (chromium): tests skip that need it for pages in a browser" in done.stdout
    assert "no zsh" not in done.stdout
    assert "no fish" not in done.stdout
    assert "E: Unable to locate package chromium" in done.stderr


def test_a_lock_that_is_never_let_go(tools: dict[str, str]) -> None:
    """Where the time is over the suite goes on without the packages."""
    apt = Path(tools["HERE"]) / "apt-get"
    apt.write_text("#!/bin/sh\necho 'E: Unable to lock directory /var/lib/apt/lists/' >&2\nexit 100\n")
    done = packages({**tools, "NETLAB_APT_WAIT": "0"})
    assert done.returncode == 0
    assert "apt-get update failed: going on with the lists that are there" in done.stdout
    assert "no zsh (zsh): tests skip" in done.stdout


def test_an_ordinary_user_is_told_the_command(tools: dict[str, str]) -> None:
    """Without root and sudo nothing is installed: the command that would do it is told, beside what skips."""
    (Path(tools["HERE"]) / "id").write_text("#!/bin/sh\necho 1000\n")
    done = packages(tools)
    assert done.returncode == 0
    assert "no zsh (zsh): tests skip" in done.stdout
    assert "install them with: sudo apt-get install " in done.stdout
    assert not os.path.exists(tools["LOG"])
