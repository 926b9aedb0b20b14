"""Which machine plays which host: what is understood, and what is refused in a line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netlab.client.hosts import Machine, parse, vagrant
from netlab.client.hosts.ssh import explain
from netlab.errors import UsageError


def test_inline() -> None:
    """HOST=USER@MACHINE:NIC, any number of them; an IPv6 address in brackets has colons of its own."""
    assert parse("A=root@host1:eth1,B=user@[fd00::2]:ens3") == {
        "A": Machine("A", "root@host1", (("", "eth1"),)),
        "B": Machine("B", "user@[fd00::2]", (("", "ens3"),)),
    }


def test_file(tmp_path: Path) -> None:
    """A file says more of a machine; a host may be called `no`."""
    path = tmp_path / "hosts.yaml"
    path.write_text(
        "no: {ssh: me@host1, nic: {eth0: ens3, eth1: ens4}, python: /opt/netlab/bin/python, sudo: false}\n"
        "B: {ssh: host2, options: [-p, 2222]}\n"
    )
    assert parse(str(path)) == {
        "no": Machine("no", "me@host1", (("eth0", "ens3"), ("eth1", "ens4")), (), "/opt/netlab/bin/python", False),
        "B": Machine("B", "host2", (), ("-p", "2222")),
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("A: host1", "expected {ssh: user@host, nic: eth1}"),
        ("A: {ssh: host1, nick: eth1}", "no key 'nick' (did you mean 'nic'?)"),
        ("A: {ssh: host1, sudo: perhaps}", "'sudo' is true or false, not 'perhaps'"),
        ("A: {ssh: host1, options: -p 22}", "'options' is a list of words"),
        ("A: {ssh: -oProxyCommand=x}", "is no machine's name"),
        ("A: {ssh: host1, python: 'python3; reboot'}", "is no path of a Python"),
        ("A: {ssh: host1, nic: [eth1]}", "'nic' is a name"),
        ("- A", "expected a mapping of hosts"),
        ("A: {", "hosts.yaml"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, says: str) -> None:
    """What can't be meant is refused with the file's name and what is expected."""
    path = tmp_path / "hosts.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        parse(str(path))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("status", "said", "what", "fix"),
    [
        (1, "sudo: a password is required", "no sudo without a password", "NOPASSWD: ALL"),
        (127, "bash: line 1: python3: command not found", "there is no python3", "apt-get install python3"),
        (1, "/usr/bin/python3: No module named netlab.agent", "has no netlab", "pip install netns-lab"),
        (255, "me@host1: Permission denied (publickey,password).", "ssh may not log in", "ssh-copy-id me@host1"),
        (255, "Host key verification failed.", "its host key isn't known", "ssh me@host1 true"),
        (255, "ssh: connect to host host1 port 22: Connection refused", "ssh can't reach it", "ssh me@host1 true"),
        (75, "netlab: another netlab is using this machine", "another netlab is using it", "wait"),
    ],
)
def test_what_ssh_says(status: int, said: str, what: str, fix: str) -> None:
    """Each way in which a machine can't be used has words of its own, and the line that fixes it."""
    error = explain(Machine("A", "me@host1"), status, said)
    assert str(error).startswith("A (me@host1): ")
    assert what in str(error)
    assert fix in error.fix
    assert error.exit_code == 3


def test_vagrant_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine a of `vagrant ssh-config` plays host A, by the file that ssh itself understands."""
    program = tmp_path / "vagrant"
    program.write_text("#!/bin/sh\nprintf 'Host a\\n  HostName 127.0.0.1\\n  Port 2222\\n\\nHost b\\n  Port 2200\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    config = tmp_path / "config"
    found = vagrant(["A", "B"], config)
    assert found["A"] == Machine("A", "a", (), ("-F", str(config)), "/opt/netlab/bin/python")
    assert "Port 2200" in config.read_text()
    with pytest.raises(UsageError, match="no machine for C"):
        vagrant(["A", "C"], config)
