"""The recipes in examples/daemons, with the real daemons: as root, and as an ordinary user with a range of users."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.plugin.project import Project
from tests.plugin.test_users import needs_range

ROOT = Path(__file__).parents[2]
#: Folders in which daemons leave their files.
PLACES = ("/etc", "/run", "/var/lib", "/var/log", "/var/tmp", "/var/cache", "/var/spool")


def _there() -> set[str]:
    """The paths of all files of the machine in these folders, with the time of their last change."""
    return {
        f"{folder}/{name}"
        for place in PLACES
        for folder, _, names in os.walk(place)
        for name in names
        if any(
            word in f"{folder}/{name}"
            for word in ("frr", "avahi", "dnsmasq", "nginx", "bird", "keepalived", "dhc", "netif", "netavark")
        )
    }


@pytest.mark.timeout(600)
@pytest.mark.parametrize("user", ["as it is", pytest.param("ranged", marks=needs_range)])
def test_the_recipes(open_project: Project, user: str) -> None:
    """Each daemon works as it is shipped, several side by side; where one isn't installed its recipe is skipped with
    the reason; and no file of theirs is left on the machine."""
    shutil.copytree(ROOT / "examples/daemons", open_project.root, dirs_exist_ok=True)
    before = _there()
    outcome = open_project.pytest(prefix=open_project.ranged() if user == "ranged" else ())
    assert set(outcome.tests.values()) <= {"passed", "skipped"}, outcome.output
    if user == "ranged":
        assert "netlab doctor" not in outcome.output
    assert _there() == before
