"""What this machine can do, each finding with the one line that fixes a lack."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netlab.client.agent import Agent
from netlab.client.errors import LabError
from netlab.contract.lacks import PACKAGES, finding, install, installed
from netlab.kernels import cached

#: Binary, what goes without it.
_BINARIES = (
    ("iperf3", "throughput is then measured by a built-in engine, and the report says so"),
    ("ip", "steps with `via: ip` can't run"),
    ("brctl", "steps with `via: brctl` can't run"),
    ("nft", "topologies with `nftables:` can't run"),
    ("qemu-system-x86_64", "--kernel can't take a vmlinuz"),
)


def examine() -> list[dict[str, Any]]:
    """Try everything for real. Each finding: name, ok, detail, fix, required."""
    found = [finding("kernel", True, f"{platform.system()} {platform.release()} {platform.machine()}", required=True)]
    try:
        with Agent.start() as agent:
            info = agent.info()
            who = "an ordinary user, in a user namespace" if info["rootless"] else "root"
            found.append(finding("namespaces", True, f"network, PID and mount namespaces, as {who}", required=True))
            found += agent.request("doctor").result()
    except LabError as error:
        fix = f"{error.fix}   (or without: {_without_namespaces()})"
        found.append(finding("namespaces", False, str(error), fix, required=True))
    found.append(_kernels())
    found += (_binary(*row) for row in _BINARIES)
    found += _commands()
    return found


def _kernels() -> dict[str, Any]:
    """Which other kernels there are for --kernel."""
    names = [f"{one.name} ({one.facts.release})" for one in cached()]
    said = ", ".join(names) or "none yet: netlab kernel build 6.12 makes one, without root"
    return finding("other kernels", True, said, required=False)


def _without_namespaces() -> str:
    """How labs run on a machine that refuses namespaces: in a guest that needs none."""
    fit = [one.name for one in cached() if not one.facts.leaves]
    made = "netlab kernel build 6.12, then netlab run FILE --kernel 6.12"
    return f"netlab run FILE --kernel {fit[-1]}" if fit else made


def _commands() -> Iterator[dict[str, Any]]:
    """Which program a shell here starts as ``netlab``: PyPI's networklab, for one, brings another of that name."""
    path = shutil.which("netlab")
    if path is None:
        return
    said = _version(path)
    if re.fullmatch(r"netlab [0-9][\w.+]*", said):
        yield finding("netlab", True, f"{path} ({said})", required=False)
        return
    head = Path(path).read_bytes()[:4096] if os.access(path, os.R_OK) else b""
    whose = ", that of the package networklab" if b"netsim" in head else ""
    said = f"{path} is another program of that name{whose}"
    yield finding("netlab", False, said, "type netns-lab in its place", required=False)


def _version(path: str) -> str:
    """What a program says of its version, in its first line; nothing where it says none."""
    try:
        done = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()


def _binary(name: str, without: str) -> dict[str, Any]:
    path = installed(name)
    if path is None:
        fix = f"{install(name)}   (or: sudo dnf install {PACKAGES[name]})"
        return finding(name, False, f"not installed: {without}", fix, required=False)
    try:
        done = subprocess.run(
            [path, "-V" if name == "ip" else "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except OSError as error:
        fix = f"sudo apt-get install --reinstall {PACKAGES[name]}"
        return finding(name, False, f"{path}: {error.strerror}", fix, required=False)
    words = (done.stdout or done.stderr).splitlines()
    return finding(name, True, f"{path} ({words[0].strip() if words else 'no version told'})", required=False)
