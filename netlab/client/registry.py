"""The labs that stay, by their names: a folder of this user's with a socket and a lock for each.

The socket is the agent's. The lock is held for a moment by a command that brings the lab up or changes it; commands
that probe share it. Both files go with the lab; after a kill, with the next command that looks.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import re
import socket
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from netlab.errors import CANNOT_RUN, NetlabError, UsageError, did_you_mean

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")
_OTHER = re.compile(r"[^A-Za-z0-9_.+-]+")
#: The longest path of a socket (sun_path, unix(7)).
LONGEST = 107
SOCKET, LOCK = ".sock", ".lock"


def checked(name: str) -> str:
    """A name, if a lab can have it. Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't be the name of a lab", fix="letters, digits and _ . + - are allowed, 64 at most (--name)"
        )
    return name


def folder() -> Path:
    """Where this user's labs are; with the first it is made. Raises NetlabError where it isn't the user's alone."""
    found = _place()
    try:
        seen = found.lstat()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise _unusable(found, error.strerror or str(error)) from error
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
        raise _unusable(found, "it isn't a folder of this user's")
    if seen.st_mode & 0o077:
        raise _unusable(found, f"other users may use it (mode {stat.S_IMODE(seen.st_mode):o}, it must be 700)")
    return found


def _place() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # With sudo it may be that of another user.
    if os.path.isabs(runtime) and _owner(runtime) == os.geteuid():
        return Path(runtime, "netlab")
    if os.geteuid() == 0 and os.access("/run", os.W_OK):
        return Path("/run/netlab")
    return Path(tempfile.gettempdir(), f"netlab-{os.geteuid()}")


def _owner(path: str) -> int | None:
    with contextlib.suppress(OSError):
        return os.stat(path).st_uid
    return None


def _unusable(place: Path, why: str) -> NetlabError:
    fix = "set XDG_RUNTIME_DIR to a folder of yours, with mode 700"
    return NetlabError(f"labs that stay can't be kept in {place}: {why}", fix=fix, exit_code=CANNOT_RUN)


def names() -> list[str]:
    """The labs that are up, in the order of their names. What killed ones have left is removed."""
    with contextlib.suppress(FileNotFoundError):
        found = {place.stem for place in folder().iterdir() if place.suffix in (SOCKET, LOCK)}
        return [name for name in sorted(found) if _NAME.fullmatch(name) and _is_up(name)]
    return []


def connect(name: str) -> socket.socket:
    """A connection to the agent of a lab. Raises UsageError where none of that name is up."""
    found = _connected(name)
    if found is None:
        raise unknown(name, names())
    return found


def unknown(name: str, there: Sequence[str]) -> UsageError:
    """That there is no lab of that name, but those."""
    if not there:
        return UsageError(f"no lab {name!r} is up: netlab up FILE brings one up")
    verb = "is" if len(there) == 1 else "are"
    return UsageError(f"no lab {name!r} is up{did_you_mean(name, there)}; there {verb} {', '.join(there)}")


@contextlib.contextmanager
def changing(name: str) -> Iterator[None]:
    """While a lab is changed nobody else changes or probes it; waits for those who do."""
    with _locked(name, fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def looking(name: str) -> Iterator[None]:
    """While a lab is probed nobody changes it; waits for those who do."""
    with _locked(name, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def reserved(name: str) -> Iterator[None]:
    """While a lab is brought up nobody else takes its name. Raises UsageError where it is taken."""
    checked(name)
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder(), error.strerror or str(error)) from error
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_locked(name, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            raise _taken(name) from None
        if (there := _connected(name)) is not None:
            there.close()
            raise _taken(name)
        path(name).unlink(missing_ok=True)
        yield
        if not path(name).exists():
            lock_of(name).unlink(missing_ok=True)


@contextlib.contextmanager
def free(wanted: str) -> Iterator[str]:
    """The same for a lab that must have a name: what can't be in one becomes ``-``, and where it is taken it gets a
    number. Raises NetlabError."""
    plain = _OTHER.sub("-", wanted)[:56].strip("-.") or "lab"
    for number in itertools.count(1):
        name = plain if number == 1 else f"{plain}-{number}"
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(reserved(name))
            except UsageError:
                continue
            yield name
            return


def _taken(name: str) -> UsageError:
    return UsageError(f"a lab {name!r} is up already", fix=f"netlab down {name}, or give this one another --name")


def bind(name: str) -> socket.socket:
    """A socket of that name, at which the agent is to listen. Raises NetlabError, OSError."""
    place = str(path(name))
    if len(os.fsencode(place)) > LONGEST:
        raise _unusable(folder(), f"{place} is too long for the name of a socket")
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.bind(place)
    except OSError:
        sock.close()
        raise
    return sock


def path(name: str) -> Path:
    """Where a lab's socket is."""
    return folder() / (checked(name) + SOCKET)


def lock_of(name: str) -> Path:
    """Where a lab's lock is."""
    return folder() / (checked(name) + LOCK)


def forget(name: str) -> None:
    """Remove what a lab has left that has ended, unless somebody is about to bring up one of that name."""
    with contextlib.suppress(BlockingIOError), _locked(name, fcntl.LOCK_EX | fcntl.LOCK_NB):
        there = _connected(name)
        if there is not None:
            there.close()
            return
        path(name).unlink(missing_ok=True)
        lock_of(name).unlink(missing_ok=True)


def _is_up(name: str) -> bool:
    there = _connected(name)
    if there is None:
        forget(name)
        return False
    there.close()
    return True


def _connected(name: str) -> socket.socket | None:
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(str(path(name)))
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None
    return sock


@contextlib.contextmanager
def _locked(name: str, how: int) -> Iterator[None]:
    place = lock_of(name)
    while True:
        fd = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, how)
            # Its last holder may have removed it meanwhile: then this lock is of no use.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(fd), os.stat(place)):
                    yield
                    return
        finally:
            os.close(fd)
