"""Fixes as `netlab why --live` prints them, pasted where it says; and whether a plain program then gets through.

``python -m tests.live.pasted NAME…`` tries scenes of `tests.live.scenes`, also where there is no pytest: in a guest.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from netlab.cli.story import SCREEN
from tests.live.scenes import HOME, OTHERS, SCENES, Scene
from tests.live.world import ROOT, World, world

#: The line above commands: what they are for, and where they are to be run.
_HEAD = re.compile(r"^(By hand|Then|To take that back|Where Docker runs the containers), (?:on|in) (.*):$")
_NETNS = re.compile(r"ip netns exec (\S+) sh")
_OUTCOME = re.compile(r" By the model then (\w)(?: for (\S+) → (\S+))? \(")
_NEWNET = 0x40000000
#: A connection to a port where nothing listens: that it is refused is an answer, too.
_CONNECT = (
    "import socket,sys\n"
    "s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)\n"
    "s.settimeout(float(sys.argv[2]))\n"
    "try: s.connect((sys.argv[1], 7))\n"
    "except ConnectionRefusedError: pass\n"
)

Blocks = tuple[tuple[str | None, str], ...]


@dataclass(frozen=True)
class Printed:
    """One fix of an answer: what it says, the pair to ask of then, where it isn't the same, and what is pasted in which
    namespace; None: in none of this machine."""

    text: str
    letter: str
    pair: tuple[str, str] | None
    paste: Blocks
    undo: Blocks


def printed(text: str) -> Iterator[Printed]:
    """The fixes in what ``--fix all`` printed."""
    _, _, after = text.partition("\nWhat makes it ")
    for part in re.split(r"\n\n(?=  \d  )", after)[1:]:
        says = " ".join(part.partition("\n\n")[0].split()[1:])
        blocks = _blocks(part)
        outcome = _OUTCOME.search(says)
        assert outcome, part
        pair = (_asked(outcome[2]), _asked(outcome[3])) if outcome[2] else None
        yield Printed(says, outcome[1], pair, tuple(blocks["By hand"]), tuple(blocks["To take that back"]))


def _asked(end: str) -> str:
    """An end as one asks of it on the machine: ``host/web:eth0`` is ``web:eth0``, and the machine itself a dot."""
    space, colon, interface = end.partition(":")
    return f"{'.' if space == 'host' else space.rpartition('/')[2]}{colon}{interface}"


def _blocks(part: str) -> dict[str, list[tuple[str | None, str]]]:
    """The lines at the margin below each head."""
    found: dict[str, list[tuple[str | None, str]]] = {"By hand": [], "To take that back": []}
    what = ""
    for paragraph in part.split("\n\n")[1:]:
        lines = paragraph.splitlines()
        told = [line for line in lines if line.startswith("     ")]
        head = _HEAD.match(" ".join(" ".join(told).split()))
        assert head, paragraph
        what = what if head[1] == "Then" else head[1]
        inside = _NETNS.search(head[2])
        netns = inside[1] if inside else HOME if head[2].startswith("this machine") else None
        found.setdefault(what, []).append((netns, "\n".join(lines[len(told) :])))
    return found


def paste(machine: World, blocks: Sequence[tuple[str | None, str]]) -> None:
    """Each block into a shell of its namespace. It fails with the first command that does.

    The machine's own shell sees what ``ip netns add`` makes; one of ``ip netns exec`` has mounts of its own.
    """
    for netns, lines in blocks:
        assert netns is not None, f"not to be run on this machine: {lines}"
        enter = ["nsenter", f"--net=/run/netns/{netns}"] if netns == HOME else ["ip", "netns", "exec", netns]
        machine.run(*enter, "sh", "-ec", lines)


def gets_through(machine: World, source: str, destination: str, layer: str, expected: bool) -> bool:
    """Whether a plain ping, or a connection, from one end to the other is answered, from cold neighbour tables.
    One that is expected to be has more time for it."""
    patience = "5" if expected else "1"
    netns, _, bound = source.partition(":")
    probe, _, size = layer.partition("/")
    version = "6" if probe.endswith("6") else "4"
    address = destination if re.match("[0-9]", destination) else _address(machine, destination, version)
    if probe.startswith("icmp"):
        argv = ["ping", f"-{version}", "-c", "1", "-W", patience, *(["-I", bound] if bound else [])]
        argv += [*(["-M", "do", "-s", str(int(size) - 28)] if size else []), address]
    else:
        argv = [sys.executable, "-c", _CONNECT, address, patience]
    every = ("ip", "-all", "netns", "exec", "ip")
    deadline = time.monotonic() + 10
    while version == "6" and time.monotonic() < deadline:
        # An address that was given a moment ago is nobody's until nobody else has said to have it (RFC 4862, 5.4).
        if "inet6" not in machine.run(*every, "-6", "-o", "address", "show", "tentative", "up").stdout:
            break
    machine.run(*every, "neigh", "flush", "all")
    return machine.run("ip", "netns", "exec", _netns(netns), *argv, ok=False).returncode == 0


def _netns(space: str) -> str:
    return HOME if space == "." else space


def _address(machine: World, end: str, version: str) -> str:
    netns, _, name = end.partition(":")
    argv = ["ip", "-n", _netns(netns), "-j", f"-{version}", "address", "show", "scope", "global"]
    links = json.loads(machine.run(*argv, *(("dev", name) if name else ())).stdout)
    return str(next(one["local"] for link in links for one in link.get("addr_info", [])))


# --- netlab, imported once ----------------------------------------------------------------------------


class Netlab:
    """A process in a world that runs netlab's commands, each in a child of its own: it is imported once only."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, netns: str, *argv: str) -> tuple[int, str]:
        """Status and standard output of a command in one of the world's namespaces."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([netns, argv]) + "\n")
        self._process.stdin.flush()
        status, text = json.loads(self._process.stdout.readline())
        return status, text


@contextmanager
def netlab(machine: World) -> Iterator[Netlab]:
    """netlab in a world."""
    argv = [*machine.enter, "sh", "-c", 'cd "$0" && exec "$@"', str(ROOT), sys.executable, "-m", "tests.live.pasted"]
    with subprocess.Popen([*argv, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Netlab(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    from netlab.cli import main

    libc = ctypes.CDLL(None, use_errno=True)
    for line in sys.stdin:
        netns, argv = json.loads(line)
        read, write = os.pipe()
        if not (child := os.fork()):
            os.dup2(write, 1)
            os.close(read)
            if libc.setns(os.open(f"/run/netns/{netns}", os.O_RDONLY), _NEWNET):
                os._exit(99)
            sys.argv = ["netlab", *argv]
            sys.exit(main())
        os.close(write)
        with open(read) as output:
            text = output.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([status, text]), flush=True)


# --- a scene ------------------------------------------------------------------------------------------


def tried(scene: Scene) -> list[str]:
    """Ask of a scene, and paste each fix that is printed: all that isn't as it must be."""
    with world() as machine:
        machine.ip(scene.base)
        machine.run("sh", "-ec", scene.made)
        with netlab(machine) as asking:
            return list(_wrong(machine, asking, scene))


def _wrong(machine: World, asking: Netlab, scene: Scene) -> Iterator[str]:
    source, destination, *more = scene.asked.split()
    layer = more[-1] if more else "icmp"

    def letter(*pair: str) -> str:
        status, text = asking.run(HOME, "why", "--live", *pair, *more)
        return text.splitlines()[1][0] if not status else f"exit {status}"

    _, text = asking.run(HOME, "why", "--live", source, destination, *more, "--fix", "all")
    before = text.splitlines()[1][0]
    reached = before in "RAB"
    if scene.witness and gets_through(machine, source, destination, layer, reached) != reached:
        yield f"{before}, and ping says otherwise"
    _, short = asking.run(HOME, "why", "--live", source, destination, *more)
    if len(short.splitlines()) > SCREEN:
        yield f"an answer of {len(short.splitlines())} lines:\n{short}"
    fixes = list(printed(text))
    said = " | ".join(fix.text for fix in fixes)
    yield from (f"no fix says {words!r}: {said}" for words in scene.fixes if words.lower() not in said.lower())
    for fix in fixes:
        pair = fix.pair or (source, destination)
        if ":" not in source:
            pair = (source, pair[1])
        try:
            paste(machine, fix.paste)
            if (after := letter(*pair)) != fix.letter:
                yield f"{fix.letter} was said, then {after}: {fix.text}"
            if not gets_through(machine, *pair, layer, expected=True):
                yield f"a plain program doesn't get through: {fix.text}"
            paste(machine, fix.undo)
        except AssertionError as error:
            yield f"{error}: {fix.text}"
            return
        if scene.witness and gets_through(machine, source, destination, layer, reached) != reached:
            yield f"not taken back: {fix.text}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        _serve()
    else:
        wrong = [f"{name}: {one}" for name in sys.argv[1:] for one in tried((SCENES | OTHERS)[name])]
        print("\n".join(wrong) or "all right")
        sys.exit(bool(wrong))
