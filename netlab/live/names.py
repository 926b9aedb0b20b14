"""Names of other tools as the topology file takes them."""

from __future__ import annotations

import re
from collections.abc import Collection

from netlab.live.source import Section
from netlab.spec import scalars
from netlab.spec.scalars import Wrong


def fitting(name: str) -> str:
    """A name with what may not stand in one replaced."""
    fit = re.sub(r"[^\w.+-]", "-", name)[:60].lstrip(".+-") or "unnamed"
    return f"{fit}-1" if fit in ("any", "lo", "all", "default") else fit


def container_name(section: Section, name: str) -> str:
    """The container's name in the file, with a note where it had to be changed."""
    fit = fitting(name)
    if fit != name:
        section.source.assume(f"{name!r} is called {fit} here: what netlab takes as a name")
    return fit


def device_name(value: object) -> str:
    """The name of a network device. Raises Wrong."""
    name = scalars.interface_name(value)
    if name == "lo":
        raise Wrong("lo is there in every host, and no device of a network", "in a topology 'lo: {addresses: […]}'")
    if len(name.encode()) > scalars.IFNAME_BYTES:
        raise Wrong(f"{name!r} is longer than the {scalars.IFNAME_BYTES} bytes of a device's name")
    return name


def derived(name: str) -> str:
    """A name of a network device that a tool derives from a network's: cut where it is too long."""
    return fitting(name).encode()[: scalars.IFNAME_BYTES].decode("utf-8", "ignore")


def unique(name: str, taken: Collection[str]) -> str:
    """The name, or with a number where it is taken."""
    if name not in taken:
        return name
    return next(made for i in range(2, len(taken) + 3) if (made := f"{name}-{i}") not in taken)
