"""Private hosts: processes, a hostname and folders of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import netlab
from netlab import Lab
from tests.plugin.project import TWO_HOSTS, Project

THREE = """\
name: three
private: true
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24, 'fd00::1/64']}}
    files:
      /etc/netlab-test/given.conf: {text: "given\\n", mode: 0640}
      /var/run/netlab-test/beside.conf: {from: beside.conf}
  B:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}
    containers:
      c1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.3/24]}}}
  C: {private: false, interfaces: {eth0: {switch: lan, addresses: [10.0.0.4/24]}}}
"""

INSIDE = """\
    from pathlib import Path

    import pytest

    @pytest.mark.topology("three.yaml")
    def test_private(lab):
        a, b, c1 = lab["A"], lab["B"], lab["B/c1"]
        assert [host.run("hostname").stdout for host in (a, b, c1)] == ["A\\n", "B\\n", "c1\\n"]
        # Each change below would be seen by the other, or by the machine.
        for folder in ("run", "tmp", "var/lib", "etc", "dev/shm"):
            path = f"/{folder}/netlab-own"
            a.run("sh", "-c", f"echo A > {path}")
            b.run("sh", "-c", f"! test -e {path} && echo B > {path}")
            assert a.run("cat", path).stdout == "A\\n"
            assert not Path(path).exists()
        a.run("sh", "-c", "echo x > /etc/resolv.conf.new && mv /etc/resolv.conf.new /etc/resolv.conf")
        assert a.run("cat", "/etc/resolv.conf").stdout == "x\\n"
        assert Path("/etc/resolv.conf").read_text() != "x\\n"
        ids = {host.run("cat", "/etc/machine-id").stdout for host in (a, b, c1)}
        assert len(ids) == 3
        # By name.
        a.run("ping", "-c", "1", "-W", "5", "B")
        a.run("ping", "-c", "1", "-W", "5", "c1.B")
        assert "fd00::1 A" in b.run("cat", "/etc/hosts").stdout.splitlines()
        # A daemon with the same pid file in each; a kill in A is A's.
        asleep = b.popen("sleep", "1000")
        shared = lab["C"].popen("sleep", "1000")
        with a.popen("sh", "-c", "sleep 1000 & echo started; wait") as own:
            assert own.line() == "started"
            assert "sleep" in a.run("ps", "ax").stdout and "sleep" not in c1.run("ps", "ax").stdout
            a.run("sh", "-c", "kill -9 -1", check=False)
            assert own.wait(60) == -9
        assert asleep.poll() is None and shared.poll() is None
        assert a.run("hostname").stdout == "A\\n"
        # The files of the topology, and others.
        given = a.run("cat", "/etc/netlab-test/given.conf", "/run/netlab-test/beside.conf")
        assert given.stdout == "given\\nbeside\\n"
        assert a.run("stat", "-c", "%a", "/etc/netlab-test/given.conf").stdout == "640\\n"
        a.write("/etc/netlab-test/new.conf", "new\\n")
        assert (a.dir / "etc/netlab-test/new.conf").read_text() == "new\\n"
        assert not Path("/etc/netlab-test").exists()
        # Names follow the lab.
        lab.step("moved", set={"B:eth0": {"addresses": ["10.0.0.22/24"]}})
        assert "10.0.0.22 B" in a.run("cat", "/etc/hosts").stdout.splitlines()
        # C shares the machine's folders.
        assert lab["C"].run("hostname").stdout not in ("C\\n", "A\\n")
"""


def _project(project: Project) -> None:
    project.write("three.yaml", THREE)
    project.write("beside.conf", "beside\n")
    project.write("test_inside.py", INSIDE)


@pytest.mark.parametrize("user", ["root", "ordinary"])
def test_own(open_project: Project, user: str) -> None:
    """Each private host has its own processes, name, folders and files, by name it finds the others, and nothing of it
    is on the machine; as root and as an ordinary user."""
    _project(open_project)
    prefix = open_project.ordinary() if user == "ordinary" else ()
    outcome = open_project.pytest(prefix=prefix)
    assert outcome.count("passed") == 1, outcome.output


def test_nothing_before_the_first_program(lab_factory: Callable[..., Lab]) -> None:
    """A private host in which nothing runs has no process: it costs nothing."""
    with lab_factory(TWO_HOSTS, private=True) as lab:

        def processes() -> int:
            agent = lab.handle.agent.pid
            children = Path(f"/proc/{agent}/task/{agent}/children").read_text().split()
            return sum(len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()) for pid in children)

        before = processes()
        lab["A"].run("true")
        lab["A"].run("true")
        assert processes() == before + 1


def test_entered_by_other_tools(lab_factory: Callable[..., Lab]) -> None:
    """nsenter(1) enters a private host by its pid, and a network namespace by its path."""
    with lab_factory(TWO_HOSTS, private=True) as lab:
        a = lab["A"]
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        entered = ["nsenter", f"--target={a.pid}", *user, "--mount", "--uts", "--net", "--pid"]
        assert subprocess.check_output([*entered, "hostname"], text=True) == "A\n"
        if not user:
            path = f"--net={a.netns}"
            assert "10.0.0.1/24" in subprocess.check_output(["nsenter", path, "ip", "address"], text=True)
            lab["B"].run("true")
            assert "10.0.0.2/24" in subprocess.check_output(
                ["nsenter", f"--net={lab['B'].netns}", "ip", "address"], text=True
            )


def test_no_path_leads_out(lab_factory: Callable[..., Lab]) -> None:
    """A file is written into a host's own folders alone: no other path is taken, no link followed out of them."""
    with lab_factory(TWO_HOSTS, private=True) as lab:
        a = lab["A"]
        for path in ("/usr/x", "/etc/../usr/x", "/root/x", "etc/x", "/etc/", "/etcetera/x", "/run"):
            with pytest.raises(netlab.LabError, match=r"own|path of a file"):
                a.write(path, "x")
        a.run("sh", "-c", "mkdir -p /etc/netlab-test; ln -s / /etc/netlab-test/up; ln -s /usr/share/x /run/file")
        with pytest.raises(netlab.LabError, match="no link is followed"):
            a.write("/etc/netlab-test/up/usr/share/x", "x")
        a.write("/run/file", "mine")
        assert a.run("cat", "/run/file").stdout == "mine"
        assert not Path("/usr/share/x").exists()
    with lab_factory(TWO_HOSTS) as lab, pytest.raises(netlab.LabError, match="private: true"):
        lab["A"].write("/etc/netlab-test", "x")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("/usr/bin/x: y", "no place of a host's own"),
        ("/etc/../x: y", "not the path of a file"),
        ("/etc/x: {mode: 0640}", "a file has contents"),
        ("/etc/x: {from: ../x}", "not beside the topology"),
        ("/etc/x: {from: /etc/passwd}", "not beside the topology"),
        ("/etc/x: {from: out}", "not beside the topology"),
        ("/etc/x: {from: nothing}", "cannot be read: No such file"),
        ("/etc/x: {from: pipe}", "no regular file"),
        ("/etc/x: {from: binary}", "not UTF-8"),
        ("/etc/x: {text: y, mode: rw}", "no file mode"),
        ("/etc/x: {text: y, owner: 'a b'}", "no owner"),
    ],
)
def test_wrong_files(tmp_path: Path, given: str, said: str) -> None:
    """A file that can't be given is an error of the topology at its line, before anything is built."""
    (tmp_path / "out").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    path = tmp_path / "wrong.yaml"
    path.write_text(f"hosts:\n  A:\n    files:\n      {given}\n")
    from netlab import plan

    with pytest.raises(netlab.TopologyError) as caught:
        plan.from_file(path)
    assert f"{path}:4:" in str(caught.value)
    assert said in str(caught.value)


def test_files_of_steps(lab_factory: Callable[..., Lab]) -> None:
    """A step writes files, before and after the host's first program; a host that isn't private has none."""
    with lab_factory(TWO_HOSTS, private=True) as lab:
        lab.step("one", set={"A": {"files": {"/etc/netlab-one": "1"}}})
        assert lab["A"].run("cat", "/etc/netlab-one").stdout == "1"
        lab.step("two", set={"A": {"files": {"/etc/netlab-one": "2", "/run/two": {"text": "2", "owner": "root"}}}})
        assert lab["A"].run("cat", "/etc/netlab-one", "/run/two").stdout == "22"
    with lab_factory(TWO_HOSTS) as lab, pytest.raises(netlab.TopologyError, match="give it 'private: true'"):
        lab.step("one", set={"A": {"files": {"/etc/x": "1"}}})
