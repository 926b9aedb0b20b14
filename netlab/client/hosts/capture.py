"""A capture on several machines: each listens by itself, and hands its files over when it is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netlab.client.capture import Capture, Counts
from netlab.client.errors import LabError
from netlab.client.hosts.relay import pieces, write

if TYPE_CHECKING:
    from netlab.client.hosts.crew import CrewLab


class CrewCapture(Capture):
    """A capture into open files, which stay open until `stop`: one for each interface, or one for all.

    In one for all there is a section of pcapng for each machine, by that machine's clock.
    """

    def __init__(self, lab: CrewLab, wanted: Sequence[str], fds: Sequence[int]) -> None:
        self._crew = lab
        self._fds = list(fds)
        #: By host: what is wanted there, and the number of its file.
        self._wanted: dict[str, dict[str, int]] = {}
        for k, name in enumerate(wanted):
            self._wanted.setdefault(lab.host_of(name), {})[name] = k if len(fds) > 1 else 0
        #: By host: the number of its capture.
        self._numbers: dict[str, int] = {}
        super().__init__(lab, lab.later(self._start))

    def _files(self, host: str) -> list[int]:
        """The numbers of the files that a machine has a part in, in its own order."""
        return sorted(set(self._wanted[host].values()))

    def _start(self) -> int:
        asked: dict[str, Any] = {}
        for host, mine in self._wanted.items():
            files = self._files(host)
            names = {name: files.index(number) for name, number in mine.items()}
            asked[host] = {"lab": self._crew.number, "wanted": names, "files": len(files)}
        self._numbers = self._crew.crew.ask(asked, "capture")
        return 0

    def stop(self) -> Counts:
        """Stop it everywhere, and fetch what each machine has got. Raises LabError; see `Capture.stop`."""
        counts: Counts = self._crew.later(self._stop).result()
        return counts

    def _stop(self) -> Counts:
        asked = {host: {"capture": number} for host, number in self._numbers.items()}
        ended = self._crew.crew.ask(asked, "uncapture")
        for host, one in ended.items():
            for number, pipe in zip(self._files(host), one["pipes"], strict=True):
                for data in pieces(self._crew.crew.remotes[host], pipe):
                    try:
                        write(self._fds[number], data)
                    except OSError as error:
                        raise LabError(str(error)) from error
        return Counts(sum(one["frames"] for one in ended.values()), sum(one["dropped"] for one in ended.values()))
