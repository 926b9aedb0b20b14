"""Descriptions that other tools have of a machine's networks, as topology files.

Pure: `read` takes a text and gives a `Reading`, `draft` makes a machine of that, `write` a topology file with comments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netlab.live.machine.values import Machine
    from netlab.live.reading import Reading
    from netlab.live.topology import Draft

__all__ = ["FORMATS", "draft", "read", "write"]

#: What `netlab import` reads → what that is.
FORMATS = {
    "docker": "what 'docker network inspect' prints, or a compose file",
    "podman": "what 'podman network inspect' prints",
    "cni": "a CNI configuration, or a list of plugins (.conflist)",
    "networkd": "the .netdev and .network files of systemd-networkd, or their folder",
    "netplan": "a netplan file, or what 'netplan get' prints",
    "nmstate": "a state of nmstate, or what 'nmstatectl show' prints",
    "containerlab": "a topology of containerlab",
    "ip": "what 'ip -j' prints: -d link, address, route, rule, neigh",
}


def read(form: str, text: str, file: str) -> Reading | Machine:
    """What a text in one of `FORMATS` says; ``file`` stands for it in messages.

    Raises TopologyError, with everything that is wrong in it.
    """
    import importlib

    reading: Reading | Machine = importlib.import_module(f"netlab.live.formats.{form}").read(text, file)
    return reading


def draft(reading: Reading | Machine, host: str, file: str = "") -> Draft:
    """The networks that were read, as they would be on a machine called ``host``; or the machine itself.

    Raises TopologyError or UsageError: there is nothing in them that netlab can express.
    """
    from netlab.live import topology
    from netlab.live.machine.draft import draft as of_machine
    from netlab.live.machine.values import Machine

    if isinstance(reading, Machine):
        return of_machine(reading, file, host)[0]
    return topology.build(reading, host)


def write(draft: Draft) -> str:
    """The topology file, with comments."""
    from netlab.live import writer

    return writer.write(draft)
