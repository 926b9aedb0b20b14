"""The network namespaces that can be found on this machine, and what they are called.

Found are those that ``ip netns`` and Docker have given names, and those of processes. What a container is called is
looked up where its engine keeps it, without asking a daemon.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from netlab.contract.dataclass import dataclass

_NAMED = ("/run/netns", "/run/docker/netns")
#: How engines write a container's id into the cgroup of its processes.
_IN_CGROUP = re.compile(r"(docker|libpod|cri-containerd|crio|containerd|lxc\.payload)[-./]([\w-]+?)(?:\.scope)?(?:/|$)")
_HEX = re.compile(r"[0-9a-f]{64}")
_OWNER = 0xB701  # NS_GET_USERNS (include/uapi/linux/nsfs.h)


@dataclass
class Candidate:
    """A namespace that was found: open at ``fd``, with its names, best first. ``held``: by the process asked for."""

    key: str
    fd: int
    names: list[str] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    home: bool = False
    held: bool = False
    netns: str = ""
    engine: str = ""

    def close(self) -> None:
        """Close it."""
        os.close(self.fd)


class Spaces:
    """All that were found. ``hidden`` counts processes whose namespace may not be looked at."""

    def __init__(self) -> None:
        self.found: dict[str, Candidate] = {}
        self.unread: list[str] = []
        self.hidden = 0

    def add(self, path: str) -> Candidate:
        """The namespace at a path, new or known. Raises OSError."""
        # Most processes are in a namespace that is known: that is seen without opening it.
        known = self.found.get(_key(os.stat(path)))
        if known is not None:
            return known
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        key = _key(os.fstat(fd))
        return self.found.setdefault(key, Candidate(key, fd))

    def close(self) -> None:
        """Close all."""
        for one in self.found.values():
            one.close()

    def named(self, name: str) -> Candidate | None:
        """The one that goes by a name, or whose container's id begins so."""
        return next((one for one in self.found.values() if name in one.names), None)


def _key(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}"


def find(pid: int | None = None) -> Spaces:
    """All namespaces of this machine that this user may look at; of process ``pid`` and its children also those that
    they hold open.

    Raises OSError, if that process can't be looked at.
    """
    spaces = Spaces()
    spaces.add("/proc/self/ns/net").home = True
    for folder in _NAMED:
        _of_folder(spaces, folder)
    _of_processes(spaces)
    if pid is not None:
        _held(spaces, pid)
    for one in spaces.found.values():
        one.names += _names(one)
    return spaces


def _of_folder(spaces: Spaces, folder: str) -> None:
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        spaces.unread.append(f"{folder}: {error.strerror}")
        return
    for name in names:
        path = f"{folder}/{name}"
        try:
            if os.stat(path).st_dev != os.stat("/proc/self/ns/net").st_dev:
                spaces.unread.append(f"{path} is no network namespace")
                continue
            found = spaces.add(path)
        except OSError as error:
            spaces.unread.append(f"{path}: {error.strerror}")
            continue
        if folder == _NAMED[0]:
            found.names.append(name)
            found.netns = found.netns or name


def _of_processes(spaces: Spaces) -> None:
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            found = spaces.add(f"/proc/{pid}/ns/net")
        except (FileNotFoundError, ProcessLookupError):
            continue
        except PermissionError:
            spaces.hidden += 1
            continue
        found.pids.append(pid)
    if spaces.hidden:
        many = spaces.hidden
        spaces.unread.append(
            f"the namespaces of {many} process{'es' * (many > 1)} of other users: root may look at them"
        )


def _held(spaces: Spaces, pid: int) -> None:
    """Those that a process and its children are in, or hold open without being in them, as netlab does with a lab's.

    Children, threads and descriptors may go meanwhile. Raises OSError, if the process can't be looked at.
    """
    os.stat(f"/proc/{pid}/ns/net")
    for one in _family(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            spaces.add(f"/proc/{one}/ns/net").held = True
            for name in os.listdir(f"/proc/{one}/fd"):
                with suppress(FileNotFoundError):
                    path = f"/proc/{one}/fd/{name}"
                    if os.readlink(path).startswith("net:"):
                        spaces.add(path).held = True


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(FileNotFoundError, ProcessLookupError):
                for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
                    yield from _family(int(child))


def owner(fd: int) -> tuple[str, int] | None:
    """The user namespace that a network namespace belongs to: its key, and a descriptor; None where that is hidden."""
    import fcntl

    try:
        owning = fcntl.ioctl(fd, _OWNER)
    except OSError:
        return None
    return _key(os.fstat(owning)), owning


# --- names --------------------------------------------------------------------------------------------


def _names(one: Candidate) -> Iterator[str]:
    """What it is called besides names that ``ip netns`` knows: its container's name and id, or its first process."""
    for pid in one.pids:
        engine, identity = _container(pid)
        if identity:
            one.engine = engine
            yield from _engine_names(identity)
            yield identity[:12] if _HEX.fullmatch(identity) else identity
            return
    if not one.names and not one.home and one.pids:
        try:
            yield f"{Path(f'/proc/{one.pids[0]}/comm').read_text().strip()}-{one.pids[0]}"
        except OSError:
            yield f"process-{one.pids[0]}"


def _container(pid: int) -> tuple[str, str]:
    """Whose container a process is in, and the container's id; empty where it is in none."""
    try:
        text = Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return "", ""
    found = [_IN_CGROUP.search(line.partition("::")[2] or line.rpartition(":")[2]) for line in text.splitlines()]
    return next(((match[1], match[2]) for match in found if match), ("", ""))


def _engine_names(identity: str) -> Iterator[str]:
    """The names that Docker, Podman and containerd's CRI keep for a container's id, as far as they may be read."""
    docker = _json(Path(f"/var/lib/docker/containers/{identity}/config.v2.json"))
    if isinstance(docker, dict) and isinstance(docker.get("Name"), str):
        yield docker["Name"].lstrip("/")
    for store in (Path("/var/lib/containers/storage"), Path.home() / ".local/share/containers/storage"):
        listed = _json(store / "overlay-containers/containers.json")
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, dict) and entry.get("id") == identity:
                yield from (name for name in entry.get("names") or () if isinstance(name, str))
    for root in (Path("/run/containerd/io.containerd.runtime.v2.task"),):
        for space in ("k8s.io", "default", "moby"):
            spec = _json(root / space / identity / "config.json")
            notes = spec.get("annotations") if isinstance(spec, dict) else None
            if isinstance(notes, dict):
                for key in ("io.kubernetes.cri.sandbox-name", "nerdctl/name"):
                    if isinstance(notes.get(key), str):
                        yield notes[key]


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
