"""How the folders of reports are called: by the topology, and no two topologies by one name."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

from netlab.errors import printable
from netlab.report.folder import Folder, at

RECORD = "run.json"
#: Characters of a name that are kept, and bytes: a name in a folder has at most 255 (NAME_MAX, limits.h), and what
#: is written beside it under a temporary name is longer.
_LONGEST, _MOST_BYTES = 100, 200


def folder_name(topology: str, file: str = "") -> str:
    """The topology's name as the name of a folder: nothing that a path, a shell or a URL takes otherwise.

    Letters and digits of any script stay. Where there is none, the file's name stands in.
    """
    return _kept(topology) or _kept(Path(file.strip("<>")).stem) or "topology"


def _kept(name: str) -> str:
    words = "".join(one if _stays(one) else " " for one in unicodedata.normalize("NFC", name)).split()
    short = "-".join(words)[:_LONGEST]
    while len(os.fsencode(short)) > _MOST_BYTES:
        short = short[:-1]
    return short.strip("-.")


def _stays(one: str) -> bool:
    # A mark belongs to the letter before it: without its vowel signs a word in Hindi is none.
    if not (one.isalnum() or one in "._-" or unicodedata.category(one).startswith("M")):
        return False
    try:
        os.fsencode(one)
    except UnicodeEncodeError:
        # The locale's encoding has no such letter.
        return False
    return True


class Folders:
    """The folder of each topology below a folder of reports (None: reports are written nowhere).

    A folder belongs to a file: where another one's topology has the same name, the next gets a number, now and the
    next time.
    """

    def __init__(self, reports: Folder | Path | None = None) -> None:
        self._reports = None if reports is None else at(reports)
        #: The name and the file of each, by its key.
        self._given: dict[object, tuple[str, str]] = {}

    def of(self, topology: str, file: str, key: object = None, note: Callable[[str], object] | None = None) -> str:
        """The name of a topology's folder; ``key`` (by default the file) tells those of one command apart.

        ``note`` is told where it has a number.
        """
        key = file if key is None else key
        if key in self._given:
            return self._given[key][0]
        name = base = folder_name(topology, file)
        number, owner = 1, ""
        while other := self._owner(name, file):
            owner = owner or other
            number += 1
            name = f"{base}-{number}"
        self._given[key] = name, file
        if owner and note is not None:
            note(f"{printable(file)}: the folder {base}/ is that of {printable(owner)}: this one's is {name}/")
        return name

    def _owner(self, name: str, file: str) -> str:
        """The file, if there still is one, whose report is in a folder; empty where this one's may be written."""
        given = dict(self._given.values())
        if name in given:
            return given[name]
        if self._reports is None or (self._reports / name).state(RECORD) is None:
            return ""
        try:
            found = json.loads((self._reports / name).read(RECORD)[0])["topology"]["file"]
        except (OSError, ValueError, KeyError, TypeError):
            # No record (any more), or one that is just being replaced.
            return ""
        if not isinstance(found, str) or found == file or not os.path.exists(found):
            return ""
        try:
            return "" if os.path.samefile(found, file) else found
        except OSError:
            return found
