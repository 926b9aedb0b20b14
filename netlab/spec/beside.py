"""Files of private hosts whose contents are files beside the topology: they are read with it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from netlab.spec.nodes import Node
from netlab.spec.problems import Problems
from netlab.spec.scalars import Wrong

#: The longest file that is read, and all of them together, in bytes.
MAX_FILE = 1 << 20
MAX_ALL = 8 << 20


def take_in(root: Node, file: str, folder: Path | None, problems: Problems) -> None:
    """Put the contents of every file that the tree names by ``from`` in its place; note what can't be had.

    ``folder`` is where the topology is; None where it is no file.
    """
    total = 0
    for given in _given(root):
        if not isinstance(given.value, dict):
            continue
        named = given.value.get("from")
        if ("text" in given.value) == (named is not None):
            problems.add(given.where(file), "a file has contents: 'text', or 'from' a file", "give one of the two")
        if named is None or not isinstance(named.value, str):
            continue
        try:
            text = _read(folder, named.value)
            total += len(text)
            if total > MAX_ALL:
                raise Wrong(f"the files have more than {MAX_ALL >> 20} MiB")
        except Wrong as wrong:
            problems.add(named.where(file), str(wrong), wrong.hint)
            text = ""
        del given.value["from"]
        given.value["text"] = Node(text, named.line, named.column)
        given.keys["text"] = given.keys.pop("from")


def _given(root: Node) -> Iterator[Node]:
    """Every file of a host or container: at the top, and in what steps add and set."""
    tops = [root]
    for step in _items(root.find("steps")):
        tops += filter(None, (step.find("add"),))
        yield from _files(_items(step.find("set")))
    for top in tops:
        hosts = _items(top.find("hosts"))
        yield from _files(hosts)
        for host in hosts:
            yield from _files(_items(host.find("containers")))


def _files(boxes: list[Node]) -> Iterator[Node]:
    for box in boxes:
        yield from _items(box.find("files"))


def _items(node: Node | None) -> list[Node]:
    value = node.value if node is not None else None
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _read(folder: Path | None, name: str) -> str:
    if folder is None:
        raise Wrong("no file can be beside a topology that is none", "give its contents as 'text'")
    root = os.path.realpath(folder)
    path = os.path.realpath(folder / name)
    if os.path.isabs(name) or os.path.commonpath((root, path)) != root:
        raise Wrong(f"{name!r} is not beside the topology", "only files in its folder, or below, are taken")
    try:
        # A pipe would be waited for.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as stream:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Wrong(f"{name!r} is no regular file")
            data = stream.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        said = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise Wrong(f"{name!r} cannot be read: {said}") from error
    if len(data) > MAX_FILE:
        raise Wrong(f"{name!r} is larger than {MAX_FILE >> 20} MiB")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Wrong(f"{name!r} is not UTF-8") from error
