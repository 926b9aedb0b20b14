"""What this machine can do, each finding with the one line that mends a lack."""

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

#: Binary, package, what goes without it.
_BINARIES = (
    ("iperf3", "iperf3", "throughput is then measured by a built-in engine, and the report says so"),
    ("ip", "iproute2", "steps with `via: ip` can't run"),
    ("brctl", "bridge-utils", "steps with `via: brctl` can't run"),
)


def examine() -> list[dict[str, Any]]:
    """Try everything for real. Each finding: name, ok, detail, mend, required."""
    found = [_finding("kernel", True, f"{platform.system()} {platform.release()} {platform.machine()}", required=True)]
    try:
        with Agent.start() as agent:
            info = agent.info()
            who = "an ordinary user, in a user namespace" if info["rootless"] else "root"
            found.append(_finding("namespaces", True, f"network, PID and mount namespaces, as {who}", required=True))
            found += agent.request("doctor").result()
    except LabError as error:
        found.append(_finding("namespaces", False, str(error), error.mend, required=True))
    found += (_binary(*row) for row in _BINARIES)
    found += _commands()
    return found


def _commands() -> Iterator[dict[str, Any]]:
    """Which program a shell here starts as ``netlab``: PyPI's networklab, for one, brings another of that name."""
    path = shutil.which("netlab")
    if path is None:
        return
    said = _version(path)
    if re.fullmatch(r"netlab [0-9][\w.+]*", said):
        yield _finding("netlab", True, f"{path} ({said})")
        return
    head = Path(path).read_bytes()[:4096] if os.access(path, os.R_OK) else b""
    whose = ", that of the package networklab" if b"netsim" in head else ""
    yield _finding("netlab", False, f"{path} is another program of that name{whose}", "type netns-lab in its place")


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


def _binary(name: str, package: str, without: str) -> dict[str, Any]:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        return _finding(
            name,
            False,
            f"not installed: {without}",
            f"sudo apt-get install {package}   (or: sudo dnf install {package})",
        )
    try:
        done = subprocess.run(
            [path, "-V" if name == "ip" else "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except OSError as error:
        return _finding(name, False, f"{path}: {error.strerror}", f"sudo apt-get install --reinstall {package}")
    words = (done.stdout or done.stderr).splitlines()
    return _finding(name, True, f"{path} ({words[0].strip() if words else 'no version told'})")


def _finding(name: str, ok: bool, detail: str, mend: str = "", *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail, "mend": mend, "required": required}
