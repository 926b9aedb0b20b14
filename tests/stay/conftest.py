"""Labs that stay, in a folder of the test's own, and brought down whatever becomes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.ordinary import LACK

NETLAB = str(Path(sys.executable).with_name("netlab"))
TWO = """\
name: two
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      child: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.11/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
steps:
  - name: cut
    set: {"B:eth0": {state: down}}
"""
NOBODY = 65534


@dataclass
class Stay:
    """The command, with labs in a folder of its own."""

    folder: Path
    prefix: tuple[str, ...] = ()
    #: Options of `up`.
    up: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Of every command."""
        return {**os.environ, "XDG_RUNTIME_DIR": str(self.folder), **self.env}

    def __call__(self, *argv: str, code: int | None = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run it to its end; ``code`` is what it must end with (None: whatever)."""
        if "input" not in more:
            more.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(
            [*self.prefix, NETLAB, *argv],
            cwd=self.folder, capture_output=True, text=True, env=self.environment, check=False, timeout=120, **more,
        )  # fmt: skip
        assert code is None or done.returncode == code, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def popen(self, *argv: str, **more: Any) -> subprocess.Popen[bytes]:
        """Start it."""
        return subprocess.Popen([*self.prefix, NETLAB, *argv], cwd=self.folder, env=self.environment, **more)

    @property
    def files(self) -> list[str]:
        """What is in the folder of labs."""
        place = self.folder / "netlab"
        return sorted(path.name for path in place.iterdir()) if place.exists() else []


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: that of a socket is limited."""
    with tempfile.TemporaryDirectory(prefix="stay") as made:
        Path(made, "two.yaml").write_text(TWO)
        yield Path(made)


def _stay(folder: Path, *prefix: str, up: tuple[str, ...] = ()) -> Iterator[Stay]:
    stay = Stay(folder, prefix, up)
    tried = stay("up", "two.yaml", *up, code=None)
    if tried.returncode == 3:
        pytest.skip(tried.stderr)
    assert tried.returncode == 0, tried.stderr
    try:
        yield stay
    finally:
        stay("down", "--all")


@pytest.fixture
def root(folder: Path) -> Iterator[Stay]:
    """As the user that runs the tests, with the lab ``two`` up."""
    yield from _stay(folder)


@pytest.fixture
def guest_lab(folder: Path, kernel: Callable[[str], str]) -> Iterator[Stay]:
    """The same in a guest with another kernel."""
    yield from _stay(folder, up=("--kernel", f"{kernel('6.12')},mem=256M"))


@pytest.fixture(params=["root", "guest_lab"], ids=["own", "guest"])
def either(request: pytest.FixtureRequest) -> Stay:
    """On this machine's kernel, and in a guest."""
    found: Stay = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["as it is", "nobody"])
def own(request: pytest.FixtureRequest, folder: Path) -> Iterator[Stay]:
    """On this machine's kernel, and the same as an ordinary user."""
    yield from _owned(request.param, folder)


def _owned(user: str, folder: Path) -> Iterator[Stay]:
    if user == "as it is":
        yield from _stay(folder)
        return
    if LACK or shutil.which("setpriv") is None:
        pytest.skip(LACK or "only setpriv makes another user")
    for path in (folder, *folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    yield from _stay(folder, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@pytest.fixture(params=["as it is", "nobody", "guest"])
def stay(request: pytest.FixtureRequest, folder: Path) -> Iterator[Stay]:
    """Each of these."""
    if request.param == "guest":
        yield request.getfixturevalue("guest_lab")
    else:
        yield from _owned(request.param, folder)


def until(done: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it has not become so"
        time.sleep(0.02)


def listed(stay: Stay) -> list[dict[str, Any]]:
    """What `ps` tells of each lab, once none is too busy to say what it is."""
    rows: list[dict[str, Any]] = []

    def told() -> bool:
        rows[:] = json.loads(stay("ps", "--json").stdout)
        return not any(row["busy"] for row in rows)

    until(told)
    return rows


def about(stay: Stay) -> dict[str, object]:
    """The one lab."""
    [found] = listed(stay)
    return found
