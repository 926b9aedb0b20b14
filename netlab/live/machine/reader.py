"""Enters the network namespaces of this machine, one after the other, and reads what the kernel says of each.

Nothing is changed: every request is a dump, every file is opened for reading, and no request is sent that makes the
kernel load a module.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pyroute2.netns import setns

from netlab.live.machine import rows
from netlab.live.machine.netlink import Socket
from netlab.live.machine.rulesets import ruleset
from netlab.live.machine.settings import OF_NAMESPACE
from netlab.live.machine.spaces import Candidate, Spaces, owner
from netlab.live.machine.values import End, Ip, Space, as_given


def read(spaces: Spaces) -> tuple[list[Space], list[str]]:
    """What can be read of the namespaces, and what can't, with the reason."""
    candidates = list(spaces.found.values())
    found: dict[str, Space] = {}
    unread: list[str] = []
    #: those that another user namespace owns, which must be entered first
    behind: dict[str, tuple[int, list[Candidate]]] = {}
    for one in candidates:
        if one.home:
            found[one.key] = _space(one, candidates)
            continue
        try:
            with Inside(one.fd):
                found[one.key] = _space(one, candidates)
        except PermissionError:
            owned = owner(one.fd)
            if owned is None or owned[0] == _user_namespace():
                unread.append(f"{_called(one)}: only root may look into it")
            else:
                behind.setdefault(owned[0], (owned[1], []))[1].append(one)
    for fd, those in behind.values():
        for one, got in zip(those, _through(fd, those, candidates), strict=True):
            if isinstance(got, Space):
                found[one.key] = got
            else:
                unread.append(f"{_called(one)}: {got}")
    return [found[one.key] for one in candidates if one.key in found], unread


def _called(one: Candidate) -> str:
    return one.names[0] if one.names else f"the namespace {one.key.partition(':')[2]}"


def _user_namespace() -> str:
    status = os.stat("/proc/self/ns/user")
    return f"{status.st_dev}:{status.st_ino}"


class Inside:
    """The calling thread in another network namespace, for a while."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> None:
        self._back = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(self._fd)
        except OSError:
            os.close(self._back)
            raise

    def __exit__(self, *_exception: object) -> None:
        setns(self._back)
        os.close(self._back)


def _through(user: int, those: Sequence[Candidate], candidates: Sequence[Candidate]) -> list[Space | str]:
    """What a process reads that enters their user namespace first, where its user is root (as rootless Podman's)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(pickle.dumps(_entered(user, those, candidates)))
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(text) if text else ["its user namespace could not be read" for _ in those]


def _entered(user: int, those: Sequence[Candidate], candidates: Sequence[Candidate]) -> list[Space | str]:
    try:
        setns(user)
    except OSError:
        return ["only root may look into it" for _ in those]
    found: list[Space | str] = []
    for one in those:
        try:
            with Inside(one.fd):
                found.append(_space(one, candidates))
        except OSError as error:
            found.append(str(error.strerror))
    return found


# --- one namespace, from inside ------------------------------------------------------------------------


def _space(one: Candidate, candidates: Sequence[Candidate]) -> Space:
    """The namespace that this thread is in."""
    unread: list[str] = []
    rtnl = Socket()
    try:
        addresses: dict[int, list[Ip]] = {}
        for message in rtnl.addresses():
            if (got := rows.address(message)) is not None:
                addresses.setdefault(got[0], []).append(got[1])
        messages = rtnl.links()
        numbers = {number for m in messages if (number := m.get_attr("IFLA_LINK_NETNSID")) is not None}
        keys = _known_by_number(rtnl, numbers, one, candidates)

        def end(index: int, number: int | None) -> End:
            return (one.key if number is None else keys.get(number)), index

        devices = [rows.device(m, end, as_given(addresses.get(m["index"], ()))) for m in messages]
        entries = rtnl.fdb() if any(one.master or one.kind == "vxlan" for one in devices) else []
        tagged = rtnl.vlans() if any(one.data.get("vlan_filtering") for one in devices) else []
        space = Space(
            key=one.key,
            names=tuple(dict.fromkeys(one.names)),
            home=one.home,
            netns=one.netns,
            pid=one.pids[0] if one.pids else None,
            engine=one.engine,
            devices=tuple(devices),
            routes=tuple(filter(None, map(rows.route, rtnl.routes()))),
            rules=tuple(filter(None, map(rows.rule, rtnl.rules()))),
            neighbors=tuple(filter(None, map(rows.neighbor, rtnl.neighbors()))),
            fdb=tuple(filter(None, map(rows.static_entry, entries))),
            vlans=tuple(row for message in tagged for row in rows.vlans(message)),
            tunnels=tuple(filter(None, map(rows.tunnel_entry, entries))),
            sysctls=_files(OF_NAMESPACE),
        )
    finally:
        rtnl.close()
    text, why = ruleset()
    unread += why
    return replace(space, ruleset=text, unread=tuple(unread))


def _known_by_number(
    rtnl: Socket, numbers: set[int], one: Candidate, candidates: Sequence[Candidate]
) -> dict[int, str]:
    """By which numbers this namespace knows which others. Those most often meant are asked for first."""
    found: dict[int, str] = {}
    for other in sorted(candidates, key=lambda other: -_met.get(other.key, int(other.home))):
        if numbers <= found.keys():
            break
        if other is not one and (number := rtnl.nsid(other.fd)) is not None:
            found[number] = other.key
            _met[other.key] = _met.get(other.key, 0) + (number in numbers)
    return found


#: How often a namespace was the other end: an order to try them in, nothing more.
_met: dict[str, int] = {}


def _files(paths: Iterable[str]) -> dict[str, str]:
    """Sysctls of the namespace that this thread is in; without those that this kernel hasn't got."""
    found = {}
    for path in paths:
        try:
            fd = os.open(f"/proc/sys/{path}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            found[path] = os.read(fd, 4096).decode().strip()
        finally:
            os.close(fd)
    return found
