"""Completion in a real bash, as somebody types."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import NETLAB, TWO

BASH = shutil.which("bash")

pytestmark = [
    pytest.mark.skipif(
        BASH is None or subprocess.run([BASH, "-c", "((BASH_VERSINFO[0] >= 5))"]).returncode != 0,
        reason="no bash 5 here",
    )
]

#: What a shell of somebody who has set up nothing else is told first.
SETUP = (
    'bind "set enable-bracketed-paste off"; bind "set bell-style none"; bind "set page-completions off"; '
    'eval "$(netlab completion bash)"; stty -echo; echo READY""\n'
)


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Callable[[str], list[str]]]:
    """Type a line with tabs into an interactive bash; returns the words that have become of it.

    Not what is on the screen: the line is made one of printf's arguments, and what that prints is read.
    """
    (tmp_path / "bridge.yaml").write_text(TWO)
    (tmp_path / "mine.yaml").write_text(TWO)
    (tmp_path / "mine.txt").write_text("no topology")
    (tmp_path / "reports").mkdir()
    environment = {
        **os.environ,
        "PATH": f"{Path(NETLAB).parent}:{os.environ['PATH']}",
        "PS1": "$ ",
        "TERM": "dumb",
        "INPUTRC": "/dev/null",
    }
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve(BASH or "", ["bash", "--norc", "--noprofile", "-i"], environment)

    def until(pattern: bytes) -> re.Match[bytes]:
        got = b""
        while (found := re.search(pattern, got)) is None:
            got += os.read(terminal, 65536)
        return found

    def type_(line: str) -> list[str]:
        os.write(terminal, f"{line}\x01printf '<%s>' SAID \x05 DONE\n".encode())
        return re.findall(r"<([^>]*)>", until(rb"<SAID>(.*)<DONE>").group(1).decode())

    os.write(terminal, SETUP.encode())
    until(rb"READY\r\n")
    yield type_
    os.write(terminal, b"exit\n")
    os.waitpid(pid, 0)
    os.close(terminal)


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("netlab gra\t", "graph"),
        ("netlab run bridge-two-node-\t", "bridge-two-node-reached.yaml"),
        ("netlab run bridge-two-n\t", "bridge-two-node"),
        ("netlab run bridge.\t", "bridge.yaml"),
        ("netlab run bri\t", "bridge"),
        ("netlab run min\t", "mine."),
        ("netlab run reports bri\t", "bridge"),
        ("netlab why bridge-two-node A:\t", "A:ens160"),
        ("netlab why bridge-two-node A:ens160.\t", "A:ens160.1"),
        ("netlab why bridge-two-node A:ens160 B:\t", "B:ens160"),
        ("netlab why mine.yaml B\t", "B:eth0"),
        ("netlab rules macv\t", "macvlan/"),
        ("netlab rules arp/any\t", "arp/any-interface-answers"),
        ("netlab run vepa-hairpin --step=hairpin-on\t", "--step=hairpin-on"),
        ("netlab run vepa-hairpin -s hair\t", "hairpin-o"),
        ("netlab run vepa-hairpin --layers icmp,tc\t", "icmp,tcp"),
        ("netlab run mine.yaml --report-dir rep\t", "reports/"),
    ],
)
def test_a_word_is_completed(typed: Callable[[str], list[str]], line: str, last: str) -> None:
    """Commands, topologies that ship and files of one's own, endpoints behind a colon, rules, steps, layers, folders:
    as far as what is typed decides."""
    words = typed(line)
    assert words[:-1] == line.split()[:-1]
    assert words[-1] == last
