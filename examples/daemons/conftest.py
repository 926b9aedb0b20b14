"""What the recipes need: a daemon that is installed, and a user to whom it can change."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/lib/frr"


@pytest.fixture
def needs() -> Callable[..., None]:
    """Skip a test where one of these programs isn't installed."""

    def look(*programs: str) -> None:
        for program in programs:
            if shutil.which(program, path=PATH) is None:
                pytest.skip(f"{program} is not installed")

    return look


@pytest.fixture
def other_users(lab: Any) -> None:
    """Skip a test in a lab that has root alone: its daemon changes to another user."""
    if lab["A"].run("cat", "/proc/self/uid_map").stdout.split()[2:] == ["1"]:
        pytest.skip("its daemon changes to another user, and this user has no range of users (netlab doctor)")
