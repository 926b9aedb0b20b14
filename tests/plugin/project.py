"""A project of somebody else: files in a folder of their own, and pytest run on them as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from tests.ordinary import LACK

TWO_HOSTS = """\
name: two
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""


@dataclass(frozen=True)
class Outcome:
    """What a run of pytest came to: each test's outcome and properties by its name, the suite's properties, and
    everything that was printed."""

    returncode: int
    output: str
    tests: dict[str, str]
    properties: dict[str, dict[str, str]]
    suite: set[tuple[str, str]]

    def count(self, word: str) -> int:
        """How many tests passed, failed, were skipped or had an error."""
        return sum(outcome == word for outcome in self.tests.values())


@dataclass(frozen=True)
class Project:
    """A folder with tests in it."""

    root: Path

    def write(self, name: str, text: str) -> Path:
        """Write a file, its folders made, its indentation taken away."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def ordinary(self) -> tuple[str, ...]:
        """What makes a command an ordinary user's, in a folder that is now that user's; nothing, where we are one."""
        if os.getuid() != 0:
            return ()
        if LACK:
            pytest.skip(LACK)
        for path in (self.root, *self.root.rglob("*")):
            os.chown(path, 65534, 65534)
        return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent")

    def ranged(self) -> tuple[str, ...]:
        """The same with a range of users, as /etc/subuid gives it; only as root. What is mounted is that command's."""
        ids = self.root / "subid"
        ids.write_text("nobody:100000:65536\n")
        mounted = 'mount --bind $0 /etc/subuid && mount --bind $0 /etc/subgid && exec "$@"'
        return ("unshare", "--mount", "sh", "-c", mounted, str(ids), *self.ordinary())

    def pytest(self, *args: str, env: dict[str, str] | None = None, prefix: tuple[str, ...] = ()) -> Outcome:
        """Run pytest here, as a process of its own, with the plugin as it is installed."""
        if not (self.root / "pytest.ini").exists():
            self.write("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider\n")
        junit = self.root / "junit.xml"
        argv = [*prefix, sys.executable, "-m", "pytest", f"--junitxml={junit}", *args]
        whole = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        for name in ("PYTEST_ADDOPTS", "CI", "BUILD_NUMBER"):  # with the last two, pytest's summary isn't cut to a line
            whole.pop(name, None)
        done = subprocess.run(
            argv, cwd=self.root, env=whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        suites = list(ET.parse(junit).iter("testsuite")) if junit.exists() else []
        cases = [case for suite in suites for case in suite.iter("testcase")]
        mine = {
            (one.get("name", ""), one.get("value", ""))
            for suite in suites
            for one in suite.findall("properties/property")
        }
        tests, properties = {}, {}
        for case in cases:
            name = f"{case.get('classname')}::{case.get('name')}"
            bad = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
            tests[name] = {"failure": "failed", "skipped": "skipped", "error": "error"}.get(bad, bad)
            properties[name] = {one.get("name", ""): one.get("value", "") for one in case.iter("property")}
        return Outcome(done.returncode, done.stdout, tests, properties, mine)
