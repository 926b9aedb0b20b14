"""Debian's packages of kernels, downloaded and unpacked by apt, which checks them, and dpkg. No root is needed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from netlab.errors import printable
from netlab.kernels.facts import KernelError
from netlab.kernels.tools import need

#: Is told what is being done, and how much of it (0 to 1, or None).
Tell = Callable[[str, float | None], None]

UML = "user-mode-linux"


def download(package: str, into: Path, tell: Tell) -> tuple[Path, str]:
    """Download a package into a folder, unless it is there; its file and its version. Raises KernelError."""
    need("apt-get", "apt-cache", "dpkg-deb")
    version = candidate(package)
    into.mkdir(parents=True, exist_ok=True)
    there = _found(into, package, version)
    if there is None:
        _apt(package, into, tell)
        there = _found(into, package, version)
    if there is None:
        raise KernelError(f"apt-get has downloaded {package}, but no file of version {version}")
    return there, version


def candidate(package: str) -> str:
    """The version that apt would download. Raises KernelError where there is none."""
    done = subprocess.run(
        ["apt-cache", "policy", package], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}
    )
    found = re.search(r"Candidate: (\S+)", done.stdout)
    if found is None or found[1] == "(none)":
        fix = "netlab kernel build VERSION --source a folder or archive of its source (kernel.org)"
        if package.startswith(UML):
            fix = "netlab kernel build VERSION"
        raise KernelError(f"apt knows no package {package}", fix=f"sudo apt-get update, or {fix}")
    return found[1]


def unpack(package: Path, into: Path) -> None:
    """Unpack a package's files. Raises KernelError."""
    done = subprocess.run(["dpkg-deb", "-x", package, into], capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise KernelError(f"{package}: {printable(done.stderr.strip())}", fix=f"rm {package}")


def _found(folder: Path, package: str, version: str) -> Path | None:
    """A package's file, as apt names it: the colon of an epoch becomes %3a."""
    name = f"{package}_{version.replace(':', '%3a')}_"
    return next((path for path in folder.iterdir() if path.name.startswith(name) and path.suffix == ".deb"), None)


def _apt(package: str, into: Path, tell: Tell) -> None:
    """Run apt-get; what it says of its progress is passed on (README.progress-reporting of apt)."""
    tell(f"downloading {package}", None)
    read, write = os.pipe()
    process = subprocess.Popen(
        ["apt-get", "-qq", "-o", f"APT::Status-Fd={write}", "download", package],
        cwd=into,
        pass_fds=(write,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    os.close(write)
    with process, os.fdopen(read) as status:
        for line in status:
            if found := re.match(r"dlstatus:[^:]*:([\d.]+):", line):
                tell(f"downloading {package}", float(found[1]) / 100)
        said = process.stderr.read() if process.stderr is not None else ""
    if process.returncode != 0:
        lines = [line for line in said.splitlines() if line.startswith("E:")] or said.splitlines()
        raise KernelError(f"apt-get download {package}: {printable(lines[-1]) if lines else 'it has failed'}")
