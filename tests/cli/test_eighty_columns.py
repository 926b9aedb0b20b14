"""What is listed, on a terminal of eighty columns."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from pathlib import Path

import pytest

from netlab import plan, spec

from .conftest import NETLAB


def on_terminal(*argv: str, columns: int = 80) -> list[str]:
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
    done = subprocess.run([NETLAB, *argv], stdin=subprocess.DEVNULL, stdout=theirs, check=False)
    os.close(theirs)
    reader.join()
    os.close(mine)
    assert done.returncode == 0
    return got.decode().splitlines()


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
