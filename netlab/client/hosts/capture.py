"""A capture on several machines: each captures by itself, and its files are fetched when the capture stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netlab.client.capture import Counts
from netlab.client.errors import LabError
from netlab.client.hosts.relay import ask, pieces, write
from netlab.client.hosts.ssh import Remote


class HostsCapture:
    """A capture into open files, which stay open until `stop`: one for each interface, or one for all.

    A file for all has one pcapng section for each machine, with times of that machine's clock.
    """

    def __init__(
        self, remotes: Mapping[str, Remote], lab: int, wanted: Mapping[str, Mapping[str, int]], fds: Sequence[int]
    ) -> None:
        """``wanted``: by host the interfaces there, each with the place of its file among ``fds``."""
        self._remotes = remotes
        self._lab = lab
        self._wanted = wanted
        self._fds = list(fds)
        #: By host: the number of its capture.
        self._numbers: dict[str, int] = {}

    def _files(self, host: str) -> list[int]:
        """The numbers of the files that a machine has a part in, in its own order."""
        return sorted(set(self._wanted[host].values()))

    def start(self) -> int:
        """Start it everywhere. Raises LabError."""
        asked: dict[str, Any] = {}
        for host, mine in self._wanted.items():
            files = self._files(host)
            names = {name: files.index(number) for name, number in mine.items()}
            asked[host] = {"lab": self._lab, "wanted": names, "files": len(files)}
        self._numbers = ask(self._remotes, asked, "capture")
        return 0

    def stop(self) -> Counts:
        """Stop it everywhere, and fetch what each machine has got. Raises LabError; see `Capture.stop`."""
        asked = {host: {"capture": number} for host, number in self._numbers.items()}
        ended = ask(self._remotes, asked, "uncapture")
        for host, one in ended.items():
            for number, pipe in zip(self._files(host), one["pipes"], strict=True):
                for data in pieces(self._remotes[host], pipe):
                    try:
                        write(self._fds[number], data)
                    except OSError as error:
                        raise LabError(str(error)) from error
        return Counts(sum(one["frames"] for one in ended.values()), sum(one["dropped"] for one in ended.values()))
