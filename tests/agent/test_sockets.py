"""Buffers as small as a machine's may be: what is sent at once fits them, and what was lost is noticed."""

from __future__ import annotations

import errno
import json
import re
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from netlab.agent import sockets
from netlab.agent.errors import BuildFailed
from netlab.agent.netlink import Socket
from netlab.agent.netlink import socket as netlink
from netlab.agent.netlink.constants import NLM_F_REQUEST, RTM_GETLINK
from netlab.agent.probe import frames
from netlab.agent.probe.receivers import Receivers
from netlab.client import Agent, Lab
from netlab.plan import from_file
from tests.agent.conftest import Built

#: What a receive buffer is by default (net.core.rmem_default), sixteen pages, and about the least that there is.
BUFFERS = (212992, 4096 * 16, 4608)


@pytest.fixture(params=BUFFERS)
def held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every buffer of this process is held at so many bytes."""
    size: int = request.param
    monkeypatch.setattr(sockets, "HELD", size)
    return size


@contextmanager
def small(monkeypatch: pytest.MonkeyPatch, size: int) -> Iterator[Agent]:
    """An agent whose every buffer is held at so many bytes."""
    monkeypatch.setenv("NETLAB_HOLD_BUFFERS", str(size))
    with Agent.start() as agent:
        yield agent


def hosts(number: int) -> str:
    """So many hosts on a switch."""
    host = "replicas: %d, interfaces: {eth0: {switch: lan, addresses: [10.26.0.1/20]}}"
    return f"switches: {{lan: {{}}}}\nhosts: {{h: {{{host % number}}}}}\n"


# --- netlink ------------------------------------------------------------------------------------------


def links(index: int, count: int) -> list[bytes]:
    """Requests to tell of a link."""
    return [netlink.header(RTM_GETLINK, NLM_F_REQUEST, struct.pack("=BxHiII", 0, 0, index, 0, 0))] * count


def test_buffers_are_held(held: int) -> None:
    """No socket has more room than that, though more was asked for, and a large one is made where nothing is held."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert sockets.make_room(sock, 1 << 22) == sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == held
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= held


@pytest.mark.parametrize("believed", [netlink.TELLING, 1], ids=["measured", "too small"])
def test_many_answers_fit_the_buffer(monkeypatch: pytest.MonkeyPatch, held: int, believed: int) -> None:
    """A thousand questions are answered without an error, and asked again where answers are larger than believed."""
    monkeypatch.setattr(netlink, "TELLING", believed)
    one = Socket()
    assert one.failures(links(1, 1000)) == []
    # Nothing is left over that another answer could be mistaken for.
    assert len(one.dump(netlink.header(RTM_GETLINK, 0x301, struct.pack("=BxHiII", 0, 0, 0, 0, 0)))) > 0
    one.close()


@pytest.mark.parametrize("believed", [netlink.TELLING, 1], ids=["measured", "too small"])
def test_every_failure_is_told_once(monkeypatch: pytest.MonkeyPatch, held: int, believed: int) -> None:
    """Of 700 requests that fail there are 700 errors, whatever of them was lost and asked for again."""
    monkeypatch.setattr(netlink, "TELLING", believed)
    one = Socket()
    assert Counter(answer.errno for answer in one.failures(links(2**31 - 1, 700))) == {errno.ENODEV: 700}
    one.close()


def test_without_room_for_a_single_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what was lacking, and in which namespace."""
    one = Socket("A")
    monkeypatch.setattr(one, "_exchange", lambda _requests: ([], False))
    with pytest.raises(OSError, match="no room or memory for the kernel's answer to a netlink request in A"):
        one.failures(links(1, 3))
    one.close()


#: A batch of additions whose acknowledgements don't fit the buffer, in the namespace in which this runs.
ADD = """
import sys
from netlab.agent import sockets
from netlab.agent.netlink import Socket, address, socket
sockets.HELD, socket.ANSWER = 4608, int(sys.argv[1])
requests = [address("add", "A", int(sys.argv[2]), "eth0", f"10.9.0.{n}", 24).message for n in range(1, 65)]
print(*(answer.errno for answer in Socket().batch(requests)))
wrong = [address("add", "A", int(sys.argv[2]), "eth0", f"10.9.1.{n}", 33).message for n in range(1, 65)]
print(*(answer.errno for answer in Socket().batch(wrong)))
"""


@pytest.mark.parametrize("believed", [netlink.ANSWER, 1])
def test_acknowledgements_that_were_lost(build: Callable[[str], Built], believed: int) -> None:
    """64 addresses are added and acknowledged, and 64 refused, though there is room for five acknowledgements only."""
    built = build(hosts(2))
    index = json.loads(built.run("h-1", "ip", "-j", "link", "show", "dev", "eth0"))[0]["ifindex"]
    added, refused = built.run("h-1", sys.executable, "-c", ADD, str(believed), str(index)).splitlines()
    assert added.split() == ["0"] * 64
    there = json.loads(built.run("h-1", "ip", "-j", "address", "show", "dev", "eth0"))[0]["addr_info"]
    assert sum(one["local"].startswith("10.9.0.") for one in there) == 64
    assert refused.split() == [str(errno.EINVAL)] * 64


# --- packet sockets -----------------------------------------------------------------------------------


def test_frames_that_found_no_room_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a datagram socket lost is a loss, once; what it took is none."""
    monkeypatch.setattr(sockets, "HELD", 4608)
    heard: list[bytes] = []
    mine = Receivers(lambda *_: None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.setblocking(False)
        receiver.bind(("127.0.0.1", 0))

        def ready() -> None:
            while True:
                try:
                    heard.append(receiver.recv(64))
                except BlockingIOError:
                    return

        mine.collect(receiver, ready)
        for number in range(20):
            sender.sendto(frames.marked(number), receiver.getsockname())
        mine.drain()
        assert 0 < len(heard) < 20
        assert mine.drops() == 20 - len(heard)
        assert mine.drops() == 0
        mine.close()


def test_an_answer_that_could_not_be_sent_is_a_loss() -> None:
    """It is counted with what found no room, once."""
    mine = Receivers(lambda *_: None)
    mine.unsent += 2
    assert (mine.drops(), mine.drops()) == (2, 0)
    mine.close()


@pytest.mark.parametrize(
    ("room", "at_once"), [(8 << 20, 64), (212992, 64), (65536, 64), (4608, 4), (2304, 2), (100, 1)]
)
def test_no_more_is_sent_at_once_than_fits(room: int, at_once: int) -> None:
    """A batch of small probes is as large as the smallest buffer, and one at least."""
    from netlab.agent.probe.l2 import Unicast

    mine = Receivers(lambda *_: None)
    mine.room = room
    layer = object.__new__(Unicast)
    layer.receivers = mine
    assert layer.at_once() == at_once
    mine.close()


# --- labs ---------------------------------------------------------------------------------------------


def letters(lab: Lab, layer: str, **options: Any) -> Counter[str]:
    """How often each letter was seen."""
    [seen] = lab.probe([layer], **options).result()
    return Counter("".join(seen.rows))


@pytest.mark.parametrize("size", BUFFERS)
def test_a_mesh_of_a_hundred_hosts(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """It is built, and every pair reaches the other: nothing is lost without being probed again."""
    plan = from_file(hosts(100), "test.yaml")
    with small(monkeypatch, size) as agent, agent.lab(plan) as lab:
        assert lab.enter(plan.steps[0]).result().unsettled == ()
        for layer in ("broadcast", "icmp-static") if size == BUFFERS[1] else ("icmp-static",):
            assert letters(lab, layer) == {"R": 9900, ".": 100}


def test_a_switch_without_a_port_left() -> None:
    """The kernel's word for it (EXFULL) comes with the number of ports that a switch can have, and exit code 2."""
    said = BuildFailed(errno.EXFULL, "", "ip link set dev p1024 master lan", "h-1024:eth0", None).plain()
    assert said["hint"].startswith("a switch has 1,023 ports at most")
    assert said["exit_code"] == 2


def test_a_switch_with_a_thousand_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is built and read back where buffers have 64 KiB, and hosts of it reach each other."""
    plan = from_file(hosts(1000), "test.yaml")
    with small(monkeypatch, BUFFERS[1]) as agent, agent.lab(plan) as lab:
        assert lab.enter(plan.steps[0]).result().unsettled == ()
        pairs = [(i, 999 - i) for i in range(0, 1000, 50)]
        assert letters(lab, "icmp-static", pairs=pairs)["R"] == len(pairs)


HALVES = """
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.26.0.1/24]}}
    containers:
      c: {replicas: 12, interfaces: {m: {type: macvlan, parent: eth0, mode: private, addresses: [10.26.0.21/24]}}}
  B: {replicas: 12, interfaces: {eth0: {switch: lan, addresses: [10.26.0.101/24]}}}
"""


@pytest.mark.parametrize("layer", ["broadcast", "unicast", "arp", "icmp", "icmp/1472", "tcp", "udp"])
def test_letters_do_not_depend_on_buffers(
    monkeypatch: pytest.MonkeyPatch, build: Callable[[str], Built], layer: str
) -> None:
    """Private children reach others and not each other, with the smallest buffers as with large ones."""
    large = "".join(build(HALVES).probe(layer).rows)
    plan = from_file(HALVES, "test.yaml")
    with small(monkeypatch, BUFFERS[2]) as agent, agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        for _ in range(3):
            [seen] = lab.probe([layer]).result()
            letters = "".join(seen.rows)
            # A machine that is flooded by others may make some of them unknown, which is no wrong letter.
            if "?" not in letters:
                break
    differing = [(mine, theirs) for mine, theirs in zip(letters, large, strict=True) if mine != theirs]
    assert not [pair for pair in differing if "?" not in pair]
    assert {"R", "U"} <= set(letters)
    assert letters.count("?") < len(letters) / 2


# --- too few descriptors --------------------------------------------------------------------------------


def test_which_socket_could_not_be_opened(tmp_path: Path) -> None:
    """With too few descriptors a run ends with exit code 3, and says which socket it lacked, and where."""
    (tmp_path / "many.yaml").write_text(hosts(100))
    command = f"ulimit -n 250; exec {sys.executable} -m netlab run --no-report -l unicast many.yaml"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert re.search(r"a packet socket in h-\d+ cannot be opened: Too many open files", done.stderr), done.stderr
    assert "ulimit -n" in done.stderr
    assert done.returncode == 3
