"""Completion in real shells, as somebody types."""

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

BASH, ZSH, FISH = map(shutil.which, ("bash", "zsh", "fish"))

#: The shells in which lines are typed; why one can't be asked.
SHELLS = [
    pytest.param(
        "bash",
        marks=pytest.mark.skipif(
            BASH is None or subprocess.run([BASH, "-c", "((BASH_VERSINFO[0] >= 5))"]).returncode != 0,
            reason="no bash 5 here",
        ),
    ),
    pytest.param("zsh", marks=pytest.mark.skipif(ZSH is None, reason="no zsh here")),
]
#: How each is started, and what it is told first: no more than somebody has who has set up nothing else.
START = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}
SETUP = {
    "bash": 'bind "set enable-bracketed-paste off"; bind "set bell-style none"; bind "set page-completions off"; '
    'eval "$(netlab completion bash)"; stty -echo; echo READY""\n',
    "zsh": "unset zle_bracketed_paste; unsetopt beep prompt_sp prompt_cr auto_remove_slash; "
    'autoload -Uz compinit; compinit -u -D; eval "$(netlab completion zsh)"; echo READY""\n',
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with topologies of one's own, with other files and a folder."""
    (tmp_path / "bridge.yaml").write_text(TWO)
    (tmp_path / "mine.yaml").write_text(TWO)
    (tmp_path / "mine.txt").write_text("no topology")
    (tmp_path / "reports").mkdir()
    return tmp_path


def environment() -> dict[str, str]:
    """With `netlab` at hand, as these tests run it."""
    return {**os.environ, "PATH": f"{Path(NETLAB).parent}:{os.environ['PATH']}", "PS1": "$ ", "TERM": "dumb"}


@pytest.fixture
def typed(folder: Path, shell: str) -> Iterator[Callable[[str], list[str]]]:
    """Type a line with tabs into an interactive shell; returns the words that have become of it.

    Not what is on the screen: the line is made one of printf's arguments, and what that prints is read.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(shell, START[shell], {**environment(), "INPUTRC": "/dev/null"})

    def until(pattern: bytes) -> re.Match[bytes]:
        got = b""
        while (found := re.search(pattern, got)) is None:
            got += os.read(terminal, 65536)
        return found

    def type_(line: str) -> list[str]:
        os.write(terminal, f"{line}\x01printf '<%s>' SAID \x05 DONE\n".encode())
        return re.findall(r"<([^>]*)>", until(rb"<SAID>(.*)<DONE>").group(1).decode())

    os.write(terminal, SETUP[shell].encode())
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
        ("netlab run vepa-hairpin --layers=icmp,tc\t", "--layers=icmp,tcp"),
        ("netlab run mine.yaml --report-dir rep\t", "reports/"),
        ("netlab run mine.yaml --report-dir=rep\t", "--report-dir=reports/"),
    ],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_word_is_completed(typed: Callable[[str], list[str]], line: str, last: str) -> None:
    """Commands, topologies that ship and files of one's own, endpoints behind a colon, rules, steps, layers, folders:
    as far as what is typed decides."""
    words = typed(line)
    assert words[:-1] == line.split()[:-1]
    assert words[-1] == last


@pytest.mark.parametrize("shell", SHELLS[:1])
def test_bash_completes_files_that_may_be_topologies(typed: Callable[[str], list[str]]) -> None:
    """Where no name fits bash is left to complete files, of any kind."""
    assert typed("netlab run min\t") == ["netlab", "run", "mine."]


def fish(folder: Path, line: str) -> list[str]:
    """What fish would offer in place of a line's last word, each with what it says of it behind a tab."""
    script = "netlab completion fish | source; complete -C $argv[1]"
    run = subprocess.run(
        ["fish", "--no-config", "-c", script, line], cwd=folder, env=environment(), text=True, capture_output=True
    )
    assert run.stderr == ""
    return run.stdout.splitlines()


@pytest.mark.skipif(FISH is None, reason="no fish here")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("netlab gra", ["graph"]),
        ("netlab run bridge.", ["bridge.yaml"]),
        ("netlab run bridge-two-n", ["bridge-two-node.yaml", "bridge-two-node-reached.yaml"]),
        ("netlab why bridge-two-node A:ens160.", ["A:ens160.1"]),
        ("netlab why bridge-two-node A B --fix ", ["1", "2", "3", "4", "5", "all"]),
        ("netlab rules arp/any", ["arp/any-interface-answers"]),
        ("netlab run vepa-hairpin -s hairpin-on", ["hairpin-on"]),
        ("netlab run vepa-hairpin --step=hairpin-on", ["--step=hairpin-on"]),
        ("netlab run vepa-hairpin --layers icmp,tc", ["icmp,tcp", "icmp,tcp6"]),
        ("netlab run vepa-hairpin --layers=icmp,tc", ["--layers=icmp,tcp", "--layers=icmp,tcp6"]),
        ("netlab run mine.yaml --report-dir rep", ["reports/"]),
        ("netlab run mine.yaml --report-dir=rep", ["--report-dir=reports/"]),
    ],
)
def test_fish_is_offered_whole_words(folder: Path, line: str, offered: list[str]) -> None:
    """What fish would offer in place of the last word, layers behind a comma and values behind an option included."""
    answers = fish(folder, line)
    assert sorted(answer.partition("\t")[0] for answer in answers) == sorted(offered)


@pytest.mark.skipif(FISH is None, reason="no fish here")
def test_fish_shows_whole_sentences(folder: Path) -> None:
    """What a command does is told to its end, behind a comma, too."""
    [answer] = fish(folder, "netlab dif")
    assert answer.startswith("diff\tCompare two runs: what changed, and")
