"""What there is on this machine, and which of its NICs must not be touched."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

from netlab.agent import readback, sysctl
from netlab.agent.netlink import Socket
from netlab.agent.netns import Netns


class Here(Netns):
    """The machine's own namespace, as one of a lab. Closing it lets go of the descriptor and nothing else."""

    def __init__(self, ns_id: str) -> None:
        self.id = ns_id
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.netlink = Socket()


def facts(here: Netns, connection: str) -> dict[str, Any]:
    """Kernel, Python, processors, every link with its addresses, and the NICs that carry the ssh session."""
    links = readback.read_links(here)
    addresses = readback.read_addresses(here)
    for index, read in links.items():
        read["index"] = index
        read["addresses"] = addresses.get(index, [])
    return {
        # The package has been imported, as everyone's parent; the agent knows no more of it.
        "netlab": sys.modules["netlab"].__version__,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "hostname": platform.node(),
        "cpus": len(os.sched_getaffinity(0)),
        "links": {read["name"]: read for read in links.values()},
        "management": management(links, connection),
        "hardware": hardware(),
        "iperf3": shutil.which("iperf3") or "",
    }


def management(links: dict[int, readback.Link], connection: str) -> list[str]:
    """The names of the links that the ssh session comes in by, and of those below and above them."""
    words = connection.split()
    ours = {words[2]} if len(words) == 4 else set()
    if len(words) == 4:
        # The answers may leave by another link than the one that has the address.
        family = socket.AF_INET6 if ":" in words[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect((words[0], 9))
                ours.add(sock.getsockname()[0])
            except OSError:
                # No way back to where the session came from: then there is no such link.
                ours.discard("")
    carrying = {
        index for index, read in links.items()
        if any(address.partition("/")[0] in ours for address in read["addresses"])
    }  # fmt: skip
    carrying |= {index for index, read in links.items() if read["master"] in carrying}
    carrying |= {lower for index in carrying if (lower := links[index].get("lower")) in links}
    return sorted(links[index]["name"] for index in carrying if links[index]["name"] != "lo")


def hardware() -> str:
    """Maker and model, by which a hypervisor is known; '' where the machine tells nothing."""
    words = []
    for name in ("sys_vendor", "product_name"):
        path = Path("/sys/class/dmi/id") / name
        if path.exists():
            words.append(path.read_text().strip())
    return " ".join(words)


def sysctls(paths: list[str]) -> dict[str, str | None]:
    """The machine's own values; None where this kernel has no such path."""
    return {path: sysctl.read(path) for path in paths}
