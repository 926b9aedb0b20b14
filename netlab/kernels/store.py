"""Put a kernel into the cache, or take one out: all of it or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from netlab.kernels.cache import MODULES, PROGRAM, TOLD, Cached, choose, folder
from netlab.kernels.facts import KernelError, ask


def keep(program: Path, name: str, source: str, modules: Path | None = None) -> Cached:
    """Copy a program (and its folder of modules) into the cache, in the place of one of that name.

    ``source`` says where it is from. Raises KernelError where it is no User-Mode Linux.
    """
    facts = ask(program)
    home = folder()
    home.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=home))
    try:
        place.chmod(0o755)
        shutil.copy2(program, place / PROGRAM)
        if modules is not None:
            shutil.copytree(modules, place / MODULES, symlinks=True)
        told = {"source": source, "sha256": sha256(place / PROGRAM), "facts": facts.plain()}
        (place / TOLD).write_text(json.dumps(told, indent=2) + "\n")
        _replace(place, home / name)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return choose(name)


def remove(name: str) -> Path:
    """Delete a kernel; its folder, which is gone. Raises KernelError where there is none of that name."""
    if os.sep in name:
        raise KernelError(f"{name} is not in {folder()}", fix="netlab kernel list says which there are")
    place = choose(name).program.parent
    shutil.rmtree(place)
    return place


def sha256(path: Path) -> str:
    """A file's checksum."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(new: Path, place: Path) -> None:
    """Put a folder in the place of another: who looks there meanwhile finds the one, the other, or none."""
    old = new.with_name(f"{new.name}.old")
    if place.exists():
        os.rename(place, old)
    os.rename(new, place)
    shutil.rmtree(old, ignore_errors=True)
