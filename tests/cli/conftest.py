"""The command as a user has it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

#: The command that was installed beside this Python.
NETLAB = str(Path(sys.executable).with_name("netlab"))

Done = subprocess.CompletedProcess[str]
Netlab = Callable[..., Done]

TWO = """\
name: two
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
expect:
  - A -> B: reachable
"""
RED = TWO.replace("reachable", "unreachable").replace("name: two", "name: red")
WRONG = TWO.replace("switch: lan", "swich: lan").replace("reachable", "reachble")


@pytest.fixture
def netlab(tmp_path: Path) -> Netlab:
    """Run the command in a folder of its own; ``env`` adds to the environment."""

    def run(*argv: str, env: dict[str, str] | None = None, **more: Any) -> Done:
        environment = {**os.environ, **(env or {})}
        return subprocess.run(
            [NETLAB, *argv], cwd=tmp_path, capture_output=True, text=True, env=environment, check=False, **more
        )

    return run


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with ``two.yaml``, ``red.yaml`` and ``wrong.yaml``."""
    for name, text in (("two", TWO), ("red", RED), ("wrong", WRONG)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path
