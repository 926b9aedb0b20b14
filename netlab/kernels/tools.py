"""Programs that building and fetching kernels need."""

from __future__ import annotations

import shutil
import subprocess

from netlab.kernels.facts import KernelError

#: The package of each, where it has another name.
_PACKAGES = {"dpkg-deb": "dpkg", "apt-get": "apt", "apt-cache": "apt", "xz": "xz-utils", "strip": "binutils"}


def need(*programs: str) -> None:
    """Raise KernelError where one isn't installed, with what installs all of them."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        packages = dict.fromkeys(_PACKAGES.get(program, program) for program in missing)
        raise KernelError(
            f"not installed: {', '.join(missing)}", fix=f"sudo apt-get install {' '.join(packages)} libc6-dev"
        )


def need_headers() -> None:
    """Raise KernelError where the compiler has none of the C library, with which a User-Mode Linux is built."""
    command = ["gcc", "-xc", "-fsyntax-only", "-"]
    if subprocess.run(command, input=b"#include <stdio.h>\n", capture_output=True).returncode:
        raise KernelError("gcc finds no headers of the C library (stdio.h)", fix="sudo apt-get install libc6-dev")
