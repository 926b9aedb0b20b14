"""What is listed, on a terminal of eighty columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from pathlib import Path

import pytest
from rich.cells import cell_len

from netlab import plan, spec

from .conftest import NETLAB

#: Names and descriptions in full-width characters, wherever a file may have them; interfaces are called as usual.
FULL_WIDTH = """\
name: 桥接模式
description: 子接口能和别的机器通信，却不能和自己的父接口通信；这一行（特意）写得长，好看折行。
switches: {交换机: {}}
hosts:
  甲机:
    interfaces:
      ens160: {switch: 交换机, addresses: [192.168.26.149/24]}
      ens160.1: {type: macvlan, parent: ens160, mode: bridge, addresses: [192.168.26.141/24]}
    containers:
      网页: {interfaces: {eth0: {type: macvlan, parent: ens160, mode: bridge, addresses: [192.168.26.142/24]}}}
  乙机: {interfaces: {ens160: {switch: 交换机, addresses: [192.168.26.106/24]}}}
steps:
- name: 拔掉网线
  description: 父接口关闭之后，子接口全都失去连接，彼此也不能通信；这一行同样放不下，非折不可。
  set: {"甲机:ens160": {state: down}}
"""

_COLOUR = re.compile("\x1b\\[[0-9;?]*[a-zA-Z]")


def on_terminal(*argv: str, columns: int = 80, cwd: Path | None = None, code: int = 0) -> list[str]:
    """The lines that a command writes to a terminal of so many columns."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    got = bytearray()

    def read() -> None:
        while True:
            try:
                data = os.read(mine, 65536)
            except OSError:
                # The other end is closed (EIO).
                return
            got.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    done = subprocess.run([NETLAB, *argv], stdin=subprocess.DEVNULL, stdout=theirs, cwd=cwd, check=False)
    os.close(theirs)
    reader.join()
    os.close(mine)
    assert done.returncode == code
    return [_COLOUR.sub("", line) for line in got.decode().splitlines()]


@pytest.mark.parametrize("name", ["bridge-two-node", "use-virtual-router", "source-allowed-macs"])
def test_show(name: str) -> None:
    """No line is wider than the terminal, and all that there is of every link is told."""
    lines = on_terminal("show", name)
    assert max(map(len, lines)) < 80
    text = " ".join(" ".join(lines).split())
    resolved = plan.from_file(spec.find(name))
    for link in resolved.steps[0].state.links:
        known = (link.id, *map(str, link.addresses), *filter(None, [link.mac]), f"index {link.ifindex}")
        assert [one for one in known if one not in text] == []
    for entry in resolved.steps[0].expect:
        assert f"{Path(entry.where.file).name}:{entry.where.line}:" in text


def test_show_on_a_wide_terminal() -> None:
    """Where there is room for it links stand in a table."""
    lines = on_terminal("show", "bridge-two-node", columns=120)
    assert any(line.split()[:3] == ["link", "index", "MAC"] for line in lines)


def test_list() -> None:
    """No line is wider than the terminal, and every topology is named."""
    lines = on_terminal("list")
    assert max(map(len, lines)) < 80
    assert {path.stem for path in spec.shipped()} <= {line.split()[0] for line in lines}


@pytest.fixture
def full_width(tmp_path: Path) -> Path:
    """A folder with such a topology."""
    (tmp_path / "topology.yaml").write_text(FULL_WIDTH, "utf-8")
    return tmp_path


def columns(line: str) -> list[int]:
    """At which columns of the terminal a line's words begin."""
    return [cell_len(line[: word.start()]) for word in re.finditer(r"\S+", line)]


def below(lines: list[str], head: str, rows: list[str]) -> None:
    """Each of the rows that follow a head has something at the columns of the head's words."""
    where = next(k for k, line in enumerate(lines) if line.split() == head.split())
    for row in rows:
        line = next(line for line in lines[where:] if line.strip().startswith(row))
        assert columns(line)[-len(head.split()) :] == columns(lines[where])


MATRIX = "甲机:ens160 甲机:ens160.1 甲机/网页:eth0 乙机:ens160"


def test_full_width_matrices(full_width: Path) -> None:
    """The letters stand below their heads, in both matrices; no line is wider than the terminal, of rich's measure."""
    lines = on_terminal("predict", "topology.yaml", "--layers", "host:icmp,icmp", cwd=full_width)
    assert max(map(cell_len, lines)) < 80
    below(lines, "192.168.26.149 192.168.26.141 192.168.26.142 192.168.26.106", ["甲机 ", "甲机/网页 ", "乙机 "])
    below(lines, MATRIX, ["甲机 ", "甲机/网页 ", "乙机 "])
    below(lines, "1 2 3 4", ["1 甲机:ens160 ", "2 甲机:ens160.1 ", "3 甲机/网页:eth0 ", "4 乙机:ens160 "])


def test_full_width_lines_are_full(full_width: Path) -> None:
    """A description without spaces goes to the line's end, and no line begins with a mark that closes."""
    lines = on_terminal("predict", "topology.yaml", "--layers", "icmp", cwd=full_width)
    assert 77 <= cell_len(lines[1]) <= 79
    assert lines[1] + lines[2] == FULL_WIDTH.splitlines()[1].removeprefix("description: ")
    assert [line for line in lines if line.strip()[:1] in {*"，。；）"}] == []


def test_full_width_show(full_width: Path) -> None:
    """On a terminal of eighty columns no line is wider; where there is room, links stand below their heads."""
    assert max(map(cell_len, on_terminal("show", "topology.yaml", cwd=full_width))) < 80
    lines = on_terminal("show", "topology.yaml", columns=120, cwd=full_width)
    head = next(line for line in lines if line.startswith("link "))
    for link in ("交换机", "甲机/网页:eth0"):
        assert columns(next(line for line in lines if line.startswith(link)))[1:6] == columns(head)[1:6]


def test_full_width_why(full_width: Path) -> None:
    """What becomes of the packet stands in one column behind where it happens."""
    lines = on_terminal("why", "topology.yaml", "甲机", "甲机/网页", cwd=full_width)
    assert max(map(cell_len, lines)) < 80
    hops = [line for line in lines if line.startswith(("  · ", "  ✗ "))]
    assert len({columns(line)[2] for line in hops}) == 1


def test_full_width_runs_and_what_differs(full_width: Path) -> None:
    """A run's matrices, and the difference between two runs, keep within the terminal, letters below their heads."""
    for name, text in (("topology.yaml", FULL_WIDTH), ("other.yaml", FULL_WIDTH.replace("mode: bridge", "mode: vepa"))):
        (full_width / name).write_text(text, "utf-8")
        argv = ("run", name, "--layers", "host:icmp,icmp", "--no-report", "--json", f"{name}.json")
        lines = on_terminal(*argv, cwd=full_width)
        assert max(map(cell_len, lines)) < 80
        below(lines, MATRIX, ["甲机 ", "甲机/网页 ", "乙机 "])
    lines = on_terminal("diff", "topology.yaml.json", "other.yaml.json", cwd=full_width, code=1)
    assert max(map(cell_len, lines)) < 80
    assert any("甲机/网页" in line for line in lines)
