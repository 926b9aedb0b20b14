"""Take Debian's ready-made User-Mode Linux: no compiler needed, but it starts more slowly, and lacks nftables' IP
families."""

from __future__ import annotations

import shutil
from pathlib import Path

from netlab.kernels.cache import Cached, folder
from netlab.kernels.debian import UML, Tell, download, unpack
from netlab.kernels.facts import KernelError, ask
from netlab.kernels.store import keep


def fetch(version: str | None, tell: Tell) -> Cached:
    """Put it into the cache as ``debian-6.1``. Raises KernelError where apt has none (of this version)."""
    work = folder().with_name("build") / UML
    package, release = download(UML, work, tell)
    tell("unpacking", None)
    files = work / "files"
    shutil.rmtree(files, ignore_errors=True)
    unpack(package, files)
    program = files / "usr" / "bin" / "linux.uml"
    facts = ask(program)
    if version is not None and version not in (str(facts.version), facts.release):
        raise KernelError(f"apt's {UML} is Linux {facts.release}, not {version}", fix=f"netlab kernel build {version}")
    kept = keep(program, f"debian-{facts.version}", f"{UML} {release}", _modules(files, facts.release))
    shutil.rmtree(work)
    return kept


def _modules(files: Path, release: str) -> Path | None:
    """The folder that has the modules of a release in a folder of that name."""
    modules = files / "usr" / "lib" / "uml" / "modules"
    return modules if (modules / release).is_dir() else None
