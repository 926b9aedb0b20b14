"""Folders for files that netlab names itself: reports, captures, an index.

Such a folder may come with a foreign repository, and a symbolic link in it would make netlab overwrite the link's
target. So below the folder that the user has named, every folder is opened relative to the one above it, with
O_NOFOLLOW (openat(2)), and a file is renamed into place within the last of them. A link is an error, which names it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from netlab.contract.dataclass import dataclass
from netlab.errors import ReportError
from netlab.report.write import failed, make_folder, replace_in


class Linked(ReportError):
    """A symbolic link stands where netlab would write."""


@dataclass(frozen=True)
class Folder:
    """A folder for files with names of netlab's own.

    ``named`` is the folder that the user has named, or the current one: links in it are followed, as usual. Below it,
    through ``inside`` down to the files, no link is followed. ``option`` is the option that names another folder.
    """

    named: Path
    inside: tuple[str, ...] = ()
    option: str = ""

    def __truediv__(self, name: str) -> Folder:
        return replace(self, inside=(*self.inside, name))

    def __str__(self) -> str:
        return str(self.path)

    @property
    def path(self) -> Path:
        """Its path, for people."""
        return self.named.joinpath(*self.inside)

    def make(self) -> None:
        """Make it, and what is above it. Raises ReportError."""
        with self._opened(make=True):
            pass

    def write(self, name: str, data: str | bytes) -> Path:
        """Write a file, whole or not at all (`netlab.report.write.replace_in`). Raises ReportError."""
        path = self.path / name
        with self._opened(make=True) as fd:
            self._refuse_link(fd, name, path)
            replace_in(name, data.encode() if isinstance(data, str) else data, path, fd)
        return path

    @contextlib.contextmanager
    def created(self, name: str) -> Iterator[BinaryIO]:
        """A new file that is written bit by bit, in the place of one that is there. Raises ReportError."""
        path = self.path / name
        with self._opened(make=True) as fd:
            self._refuse_link(fd, name, path)
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
                opened = os.open(name, flags, 0o666, dir_fd=fd)
            except OSError as error:
                raise failed(path, "can't be written", error) from error
        with open(opened, "wb") as file:
            yield file

    def read(self, name: str) -> tuple[bytes, os.stat_result]:
        """What is in a regular file, and its state. Raises OSError: there is none, or a link."""
        with self._opened(make=False) as fd:
            # A FIFO would keep who opens it waiting.
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=fd)
        with open(opened, "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", str(self.path / name))
            return file.read(), state

    def state(self, name: str) -> os.stat_result | None:
        """The state of a regular file in it; None where there is none."""
        with contextlib.suppress(OSError, ReportError), self._opened(make=False) as fd:
            state = os.stat(name, dir_fd=fd, follow_symlinks=False)
            return state if stat.S_ISREG(state.st_mode) else None
        return None

    def names(self) -> list[str]:
        """What is in it, in order; nothing where it isn't there. Raises ReportError: a link."""
        with contextlib.suppress(FileNotFoundError), self._opened(make=False) as fd:
            return sorted(os.listdir(fd))
        return []

    def check(self, *names: str) -> None:
        """Whether files of these names could be written, as far as can be told without writing. Raises ReportError."""
        with contextlib.suppress(FileNotFoundError), self._opened(make=False) as fd:
            if not os.access(".", os.W_OK | os.X_OK, dir_fd=fd):
                raise ReportError(f"{self}: this folder can't be written to")
            for name in names:
                self._refuse_link(fd, name, self.path / name)

    @contextlib.contextmanager
    def _opened(self, *, make: bool) -> Iterator[int]:
        """A descriptor of the folder, for a moment. Raises ReportError, and FileNotFoundError where it isn't made."""
        if make:
            make_folder(self.named)
        path = self.named
        fd = _open(None, str(path), path)
        try:
            for name in self.inside:
                path /= name
                if make:
                    try:
                        os.mkdir(name, dir_fd=fd)
                    except FileExistsError:
                        pass
                    except OSError as error:
                        raise failed(path, "this folder can't be made", error) from error
                # The kernel says of a link that it is no folder (ENOTDIR): it is to be told by its name.
                self._refuse_link(fd, name, path)
                below = _open(fd, name, path)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    def _refuse_link(self, fd: int, name: str, path: Path) -> None:
        """Raises Linked where an entry of a folder is a symbolic link."""
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                other = f", or name another folder ({self.option})" if self.option else ""
                raise Linked(
                    f"{path}: a symbolic link: netlab writes through none that you haven't named",
                    fix=f"remove it (rm {shlex.quote(str(path))}){other}",
                )


def at(folder: Folder | Path) -> Folder:
    """A folder of reports; a path is one that the user has named."""
    return folder if isinstance(folder, Folder) else Folder(folder)


def _open(above: int | None, name: str, path: Path) -> int:
    """Open a folder: through no link where it is below another one. Raises ReportError, FileNotFoundError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if above is None else os.O_NOFOLLOW)
    try:
        return os.open(name, flags, dir_fd=above)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise failed(path, "can't be opened", error) from error
