"""Labs of an ordinary user that has a range of users: programs in them change to another user, as daemons do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.plugin.project import Project
from tests.plugin.test_private import INSIDE, THREE

needs_range = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("newuidmap") is None,
    reason="only root can give a user a range for one command, and newuidmap (package uidmap) maps it",
)

CHANGES = """\
    import os
    import pytest

    @pytest.mark.topology("three.yaml")
    def test_users(lab):
        a = lab["A"]
        words = ["setpriv", "--reuid=33", "--regid=33", "--groups=4,33"]
        assert a.run(*words, "id", "-u").stdout == "33\\n"
        assert a.run(*words, "id", "-G").stdout.split() == ["33", "4"]
        a.run("install", "-d", "-o", "33", "-g", "33", "-m", "750", "/run/daemon")
        a.run(*words, "touch", "/run/daemon/mine")
        a.write("/run/daemon/file", "x", owner="nobody")
        assert a.run("stat", "-c", "%u", "/run/daemon/file").stdout == "65534\\n"
        assert lab["C"].run(*words, "id", "-u").stdout == "33\\n"
        # Folders of the machine's other users are those users' in the lab.
        for shelf in ("/etc", "/var", "/var/cache", "/var/lib", "/var/log", "/var/spool"):
            for name in os.listdir(shelf):
                stat = os.lstat(f"{shelf}/{name}")
                if os.path.isdir(f"{shelf}/{name}") and not os.path.islink(f"{shelf}/{name}") and stat.st_uid:
                    said = a.run("stat", "-c", "%u %g", f"{shelf}/{name}").stdout
                    assert said == f"{stat.st_uid} {stat.st_gid}\\n", name
"""


@needs_range
def test_a_range(open_project: Project) -> None:
    """With a range in /etc/subuid programs change to other users and groups, files have other owners; all that a
    private host has holds, too, where /etc can't be an overlay (something is mounted in it)."""
    open_project.write("three.yaml", THREE)
    open_project.write("beside.conf", "beside\n")
    open_project.write("test_inside.py", INSIDE)
    open_project.write("test_users.py", CHANGES)
    outcome = open_project.pytest(prefix=open_project.ranged())
    assert outcome.count("passed") == 2, outcome.output


def _doctor(prefix: tuple[str, ...]) -> str:
    done = subprocess.run([*prefix, sys.executable, "-m", "netlab", "doctor"], capture_output=True, text=True)
    return " ".join(done.stdout.split())


@needs_range
def test_the_doctor(open_project: Project) -> None:
    """The doctor counts the users, and where there is root alone it says what is lacking and the line that fixes it."""
    open_project.write("subid", "")
    assert "users root and 65535 others" in _doctor(())
    assert "users root and 65535 others" in _doctor(open_project.ranged())
    said = _doctor(open_project.ordinary())
    assert "root alone: /etc/subuid has no range for nobody" in said
    assert "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 nobody" in said


@needs_range
def test_a_range_that_is_refused(open_project: Project) -> None:
    """Where newuidmap refuses the range, a lab has one user, as without, and the doctor says what it said."""
    ranged = open_project.ranged()
    # The range has the user itself in it: no user can be two.
    (open_project.root / "subid").write_text("nobody:65530:100\n")
    assert "root alone: newuidmap refuses: newuidmap: write to uid_map failed" in _doctor(ranged)
    open_project.write("three.yaml", THREE)
    open_project.write("beside.conf", "beside\n")
    open_project.write("test_inside.py", INSIDE)
    outcome = open_project.pytest(prefix=ranged)
    assert outcome.count("passed") == 1, outcome.output
