"""The users of a lab that an ordinary user runs: a whole range, where the machine gives this user one.

In a user namespace of one user nothing can change to another: daemons that give up root fail (setgroups(2), chown(2)).
A range is mapped from outside of it, by newuidmap(1) and newgidmap(1), which ask /etc/subuid and /etc/subgid. So a
helper is forked before the namespace is entered. It works while the agent starts; `Mapping.finish` waits for it.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from netlab.agent import system

#: As many users as Linux gives programs in 16 bits, nobody (65534) among them.
RANGE = 65536
_TOOLS = {"uid": "newuidmap", "gid": "newgidmap"}
_FOLDERS = ("/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin")
_INSTALL = "sudo apt-get install uidmap"

#: Folders in which programs have folders of their own.
SHELVES = ("/etc", "/var", "/var/cache", "/var/lib", "/var/log", "/var/spool")

#: A folder with another owner than root: its path, user, group and mode.
Owned = tuple[str, int, int, int]


class Users(NamedTuple):
    """How many users there are besides root, why not more (or ''), and what fixes that; the folders of the machine that
    belong to others than root (they can't be told from inside)."""

    others: int
    lack: str = ""
    fix: str = ""
    owned: tuple[Owned, ...] = ()


#: Those of root, who has them all.
ALL = Users(RANGE - 1)


class Mapping:
    """The mapping of users that is being made for a process's new user namespace."""

    def __init__(self) -> None:
        """Fork the helper where there is a range; call it before the namespace is entered."""
        self.uid, self.gid = os.geteuid(), os.getegid()
        self.helper = 0
        self._lack, self._fix, maps = _maps(self.uid, self.gid)
        if self._lack:
            return
        go, self._go = os.pipe()
        self._said, said = os.pipe()
        target = os.getpid()
        self.helper = os.fork()
        if self.helper == 0:
            os.close(self._go)
            os.close(self._said)
            _help(go, said, target, maps)
        os.close(go)
        os.close(said)

    def begin(self) -> None:
        """The namespace has been entered: the helper may map, or one user is mapped. Raises OSError."""
        if self.helper:
            os.write(self._go, b"!")
            os.close(self._go)
        else:
            self._map_one()

    def finish(self) -> Users:
        """Wait for the mapping, in this process or one that it has forked. Raises OSError."""
        if not self.helper:
            return Users(0, self._lack, self._fix)
        with open(self._said, "rb") as said:
            answer = json.loads(said.read() or b'{"lack": "the helper was killed"}')
        if "lack" in answer:
            self._map_one()
            return Users(0, answer["lack"], _INSTALL)
        return Users(answer["others"], owned=tuple((path, *rest) for path, *rest in answer["owned"]))

    def _map_one(self) -> None:
        """Map this user alone; one of the tools may have mapped more, which stays."""
        for kind, own in (("uid", self.uid), ("gid", self.gid)):
            with open(f"/proc/self/{kind}_map") as file:
                mapped = file.read()
            if not mapped:
                if kind == "gid":
                    system.write("/proc/self/setgroups", "deny")
                system.write(f"/proc/self/{kind}_map", f"0 {own} 1")


def _maps(uid: int, gid: int) -> tuple[str, str, dict[str, list[int]]]:
    """What is lacking for a range and what fixes it (or ''), and for ``uid`` and ``gid`` the words of the tool."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    maps = {}
    for kind, own in (("uid", uid), ("gid", gid)):
        given = next(_ranges(f"/etc/sub{kind}", {name, str(uid)}), None)
        if given is None:
            fix = f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}"
            return f"/etc/sub{kind} has no range for {name}", fix, {}
        start, count = given
        maps[kind] = [0, own, 1, 1, start, min(count, RANGE - 1)]
    for tool in _TOOLS.values():
        if _tool(tool) is None:
            return f"{tool} is not installed", _INSTALL, {}
    return "", "", maps


def _ranges(path: str, names: set[str]) -> Iterator[tuple[int, int]]:
    """The ranges of a user in a file of subuid(5)."""
    try:
        with open(path, errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        name, _, numbers = line.partition(":")
        start, _, count = numbers.partition(":")
        if name in names and start.isdigit() and count.isdigit() and int(count):
            yield int(start), int(count)


def _tool(name: str) -> str | None:
    paths = (f"{folder}/{name}" for folder in _FOLDERS)
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _help(go: int, said: int, target: int, maps: dict[str, list[int]]) -> NoReturn:
    """Run in the forked helper, outside of the new namespace: map, and tell what came of it."""
    answer: dict[str, object] = {}
    try:
        if os.read(go, 1):
            answer = _map(target, maps) or {"others": min(maps["uid"][-1], maps["gid"][-1]), "owned": _owned()}
        os.write(said, json.dumps(answer).encode())
    except OSError as error:
        os.write(said, json.dumps({"lack": str(error)}).encode())
    finally:
        os._exit(0)


def _map(target: int, maps: dict[str, list[int]]) -> dict[str, object]:
    """Run both tools at once; what is lacking, where one of them refuses."""
    started = {}
    for kind, words in maps.items():
        read, write = os.pipe()
        argv = [_tool(_TOOLS[kind]) or "", str(target), *map(str, words)]
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, write, 2)])
        os.close(write)
        started[kind] = pid, read
    lack = ""
    for kind, (pid, read) in started.items():
        with open(read, errors="replace") as stderr:
            refusal = stderr.read().strip()
        if os.waitpid(pid, 0)[1] != 0:
            lack = lack or f"{_TOOLS[kind]} refuses: {refusal}"
    return {"lack": lack} if lack else {}


def _owned() -> list[Owned]:
    found: list[Owned] = []
    for shelf in SHELVES:
        try:
            entries = list(os.scandir(shelf))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                stat = entry.stat(follow_symlinks=False)
                if stat.st_uid or stat.st_gid:
                    found.append((entry.path, stat.st_uid, stat.st_gid, stat.st_mode & 0o7777))
    return found
