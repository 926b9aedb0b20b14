"""What this kernel can do: every link kind is tried in a namespace of its own."""

from __future__ import annotations

import errno
import os
import resource
from typing import Any

from netlab.agent import errors, sysctl
from netlab.agent.links import DRIVERS
from netlab.agent.netlink import Socket, peer
from netlab.agent.netlink import link as request
from netlab.agent.netns import Netns
from netlab.contract.lacks import finding, kind_fix

#: Descriptors that a lab of a hundred hosts needs: namespaces, netlink and packet sockets.
FILES = 2048
READ_ONLY = errors.HINTS[errno.EROFS]


def link_kinds() -> list[dict[str, Any]]:
    """Try to make a link of each kind; ``ok``, what the kernel said, the line that fixes it."""
    found = []
    ns = Netns("doctor")
    try:
        for index, (kind, driver) in enumerate(DRIVERS.items(), 101):
            # Each has a lower device of its own: two drivers can't share one (EBUSY).
            lower, below = (0, ""), None
            if driver.stacked:
                below = index + len(DRIVERS)
                far = {"VETH_INFO_PEER": peer({"IFLA_IFNAME": f"far{index}"}, index=0)}
                lower = _add(ns.netlink, "veth", below, f"lower{index}", far)
            number, words = _add(ns.netlink, kind, index, f"try{index}", driver.trial, below)
            if driver.stacked and lower[0]:
                number, words = lower
            said = words or (os.strerror(number) if number else "")
            detail = f"{said} ({errors.name(number)})" if number else "the kernel has it"
            found.append(finding(f"link kind {kind}", not number, detail, kind_fix(kind), required=driver.required))
    finally:
        ns.close()
    return found


def sysctls() -> dict[str, Any]:
    """Whether a namespace's sysctls can be written: a lab begins with that."""
    ns = Netns("doctor")
    said = ""
    try:
        with ns:
            sysctl.write("net/ipv4/ip_forward", "0")
    except OSError as error:
        said = errors.in_words(error)
    finally:
        ns.close()
    return finding("sysctls", not said, said or "those of a namespace can be written", READ_ONLY, required=True)


def _add(
    netlink: Socket, kind: str, index: int, name: str, data: dict[str, Any] | None, lower: int | None = None
) -> tuple[int, str]:
    info: dict[str, Any] = {"IFLA_INFO_KIND": kind}
    if data is not None:
        info["IFLA_INFO_DATA"] = data
    pairs = {"IFLA_IFNAME": name, "IFLA_LINK": lower, "IFLA_LINKINFO": info}
    answer = netlink.batch([request("add", pairs, f"ip link add dev {name} type {kind}", index=index).message])[0]
    return answer.errno, answer.message


def open_files() -> dict[str, Any]:
    """Raise the soft limit of open files as far as it goes; whether that is enough for a big lab."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 1 << 16)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    enough = wanted >= FILES
    detail = f"{wanted} allowed" + ("" if enough else f"; a lab of a hundred hosts needs {FILES}")
    fix = f"ulimit -n {FILES} (hard limit in /etc/security/limits.conf)"
    return finding("open files", enough, detail, fix, required=False)
