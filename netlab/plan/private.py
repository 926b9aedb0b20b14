"""What hosts and containers have of their own besides the network, and the files that they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from netlab.contract.types import GivenFile, Private, SetFiles

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Box, Lab
    from netlab.spec.belongings import File
    from netlab.spec.schema import Container, Host


def private(lab: Lab, box_id: str, given: Host | Container, path: Path) -> Private | None:
    """What a new host or container has of its own, which stands at ``path`` of the file; None where that is nothing.

    A container is as its host is, unless it says otherwise.
    """
    host, _, container = box_id.partition("/")
    default = bool(lab.boxes[host].private) if container else lab.private
    if given.private is False and given.files:
        where = lab.file.where(*path, "files")
        lab.file.problems.add(where, f"{box_id} shares all folders with the machine", "leave 'private: false' out")
    if not (default if given.private is None else given.private) and not given.files:
        return None
    return Private(container or host, _files(given.files or {}))


def change(lab: Lab, box: Box, given: Mapping[str, File], path: Path) -> list[SetFiles]:
    """Give a private host further files, or files anew."""
    where = lab.file.where(*path)
    if box.private is None:
        lab.file.problems.add(where, f"{box.id} shares all folders with the machine", "give it 'private: true'")
        return []
    new = _files(given)
    paths = {file.path for file in new}
    kept = tuple(file for file in box.private.files if file.path not in paths)
    box.private = replace(box.private, files=(*kept, *new))
    return [SetFiles(namespace=box.id, files=new, where=where)]


def _files(given: Mapping[str, File]) -> tuple[GivenFile, ...]:
    return tuple(
        GivenFile(path, one.text or "", 0o644 if one.mode is None else one.mode, one.owner or "")
        for path, one in given.items()
    )
