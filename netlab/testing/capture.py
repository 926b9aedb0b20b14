"""Captures in a test: the frames that an interface has sent and received while a block was running."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from netlab.testing.frames import Frame, read

if TYPE_CHECKING:
    from netlab.client import Lab as Handle
    from netlab.client.capture import Capture as Running


class Capture:
    """A capture; ``with lab.capture("A:eth0") as capture: …``.

    When the block ends, everything that was sent before has been handled and is in it. ``dropped`` is how many frames
    the kernel had no room for. Wireshark, tcpdump and scapy read what `save` writes.
    """

    def __init__(
        self,
        handle: Handle,
        interfaces: Sequence[str],
        path: Path | None,
        owners: Callable[[], Mapping[str, str]],
    ) -> None:
        """``owners`` maps a MAC to the interface that has it, for `str`."""
        self.interfaces = tuple(interfaces)
        self.path = path
        self.dropped = 0
        self._handle = handle
        self._owners = owners
        self._running: Running | None = None
        self._data = b""
        self._file: BinaryIO | None = None

    def __enter__(self) -> Capture:
        # Without a name, and so without a trace: the kernel forgets it with its last user.
        self._file = os.fdopen(os.memfd_create("netlab-capture", os.MFD_CLOEXEC), "rb")
        self._running = self._handle.capture(self.interfaces, (self._file.fileno(),))
        self._running.begun()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it before the block does; the end of the block changes nothing then. Raises LabError."""
        running, self._running = self._running, None
        if running is not None:
            try:
                self.dropped = running.stop().dropped
            finally:
                self._data, file, self._file = self.data, self._file, None
                if file is not None:
                    file.close()
            if self.path is not None:
                self.save(self.path)

    @property
    def data(self) -> bytes:
        """What has been written so far, in pcapng."""
        if self._file is None:
            return self._data
        return os.pread(self._file.fileno(), os.fstat(self._file.fileno()).st_size, 0)

    @property
    def frames(self) -> list[Frame]:
        """The frames that are in it, in the order of time."""
        return read(self.data)

    def save(self, path: str | Path) -> None:
        """Write it to a pcapng file. Raises OSError."""
        Path(path).write_bytes(self.data)

    def __str__(self) -> str:
        frames, names = self.frames, self._owners()
        return "\n".join(frame.line(frames[0].nanoseconds, names) for frame in frames)
