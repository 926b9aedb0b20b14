"""The machine as it is: what the kernel says of its network namespaces, as a topology file.

`read` looks at the kernel, and changes nothing there; `netlab.live.machine.draft` makes a topology of what it found.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netlab.contract.dataclass import dataclass
from netlab.errors import CANNOT_RUN, UsageError, did_you_mean

if TYPE_CHECKING:
    from netlab.live.machine.spaces import Candidate, Spaces
    from netlab.live.machine.values import Machine

__all__ = ["HOME", "Chosen", "interfaces", "names", "read"]

#: What stands for this machine's own namespace.
HOME = "."
#: So many names are shown to one who has asked for another.
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which namespaces are asked for; none named: the own one. All that these are connected to comes along."""

    netns: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    pid: int | None = None
    everything: bool = False
    #: Names that may be of namespaces: where they are, these are asked for.
    mentioned: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = [*self.netns, *self.containers, *([f"process {self.pid}"] if self.pid is not None else [])]
        return ", ".join(named) or "this machine"


def read(chosen: Chosen) -> Machine:
    """What the kernel says. Raises UsageError: there is no such namespace, or it may not be read."""
    from netlab.live.machine.values import Machine

    try:
        from netlab.live.machine import reader
    except ImportError as error:
        raise UsageError(
            f"pyroute2 can't be imported: {error}", exit_code=CANNOT_RUN, fix="pip install pyroute2"
        ) from error
    from netlab.live.machine import spaces

    try:
        found = spaces.find(chosen.pid)
    except FileNotFoundError as error:
        raise UsageError(f"there is no process {chosen.pid}") from error
    except OSError as error:
        raise UsageError(f"process {chosen.pid}: {error.strerror}") from error
    try:
        start = [_asked(found, name).key for name in (*chosen.netns, *chosen.containers)]
        if chosen.pid is not None:
            start += [one.key for one in found.found.values() if one.held]
        start += [named.key for name in chosen.mentioned if (named := found.named(name.partition(":")[0])) is not None]
        if not start or chosen.everything or HOME in {name.partition(":")[0] for name in chosen.mentioned}:
            start += [one.key for one in found.found.values() if one.home]
        read, unread = reader.read(found)
    finally:
        found.close()
    there = {space.key for space in read}
    if lost := [key for key in start if key not in there]:
        names = ", ".join(found.found[key].names[0] if found.found[key].names else key for key in lost)
        raise UsageError(
            f"{names}: only root may look into it", exit_code=CANNOT_RUN, fix="sudo, with the same command"
        )
    return Machine(tuple(read), tuple(dict.fromkeys(start)), (*found.unread, *unread))


def names(kind: str = "") -> list[str]:
    """What namespaces of this machine go by: all names, or those of ``netns``, ``container``, ``pid`` alone."""
    from netlab.live.machine import spaces

    found = spaces.find()
    found.close()
    those = found.found.values()
    if kind == "netns":
        return sorted(one.netns for one in those if one.netns)
    if kind == "container":
        return sorted(name for one in those if one.engine for name in one.names if name != one.netns)
    if kind == "pid":
        return [str(one.pids[0]) for one in those if one.pids and not one.home]
    return list(dict.fromkeys(_names(found)))


def interfaces(space: str) -> list[str]:
    """The interfaces of a namespace, by one of its names; none where there is no such, or it may not be looked into."""
    import socket

    from netlab.live.machine import spaces

    found = spaces.find()
    try:
        from netlab.live.machine import reader

        with reader.Inside(_asked(found, space).fd):
            return [name for _, name in socket.if_nameindex()]
    except (UsageError, OSError, ImportError):
        return []
    finally:
        found.close()


def _asked(found: Spaces, name: str) -> Candidate:
    """The namespace that a name stands for: ``.``, of ``ip netns``, of a container or its id, or a path."""
    if name == HOME:
        return next(one for one in found.found.values() if one.home)
    if (named := found.named(name)) is not None:
        return named
    longer = [one for one in found.found.values() if any(own.startswith(name) for own in one.names) and len(name) > 3]
    if len(longer) == 1:
        return longer[0]
    if "/" in name and os.path.exists(name):
        try:
            return found.add(name)
        except OSError as error:
            raise UsageError(f"{name}: {error.strerror}") from error
    known = _names(found)
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    raise UsageError(
        f"no network namespace or container {name!r}{did_you_mean(name, known)};"
        f" there are {', '.join(known[:_SHOWN])}{more}"
    )


def _names(found: Spaces) -> Sequence[str]:
    return [HOME, *(own for one in found.found.values() for own in one.names)]
