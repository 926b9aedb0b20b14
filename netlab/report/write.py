"""Reports on disk: whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
from pathlib import Path

from netlab.contract.lacks import SCARCE
from netlab.errors import CANNOT_RUN, FULL, WRONG, ReportError

#: Errors of a file system or kernel without unnamed files (open(2), O_TMPFILE), and of a missing /proc, which is needed
#: to give one a name.
_NO_UNNAMED = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}


def capture_name(place: str) -> str:
    """The file of a capture: ``A~ens160.pcapng``, ``port~A~ens160.pcapng``. No interface may have a ``~``."""
    return re.sub(r"[^\w.+-]+", "~", place).strip("~") + ".pcapng"


def make_folder(path: Path) -> None:
    """Make a folder and its parents. Raises ReportError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failed(path, "this folder can't be made", error) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file under a temporary name and rename it, so that nobody ever reads half of it.

    Where the file system has unnamed files, the temporary name exists only between two system calls, so a killed run
    leaves nothing. A symbolic link stays: its target is replaced. A device, a FIFO or a descriptor (``/dev/stdout``,
    ``>(command)``) isn't replaced but written into. Raises ReportError (disk full, folder not writable).
    """
    data = text.encode()
    file = _replaceable(path)
    if file is None:
        _write_into(path, data)
        return
    replace_in(str(file), data, path)


def replace_in(name: str, data: bytes, path: Path, folder: int | None = None) -> None:
    """Write a file under a temporary name beside it and rename it; ``name`` is within ``folder``, a descriptor, where
    there is one, and ``path`` is its name in messages. A link of that name is replaced itself. Raises ReportError."""
    head, tail = os.path.split(name)
    temporary = os.path.join(head, f".{tail[:200]}.{os.urandom(4).hex()}")
    try:
        if not _write_unnamed(temporary, data, folder):
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
            with open(fd, "wb") as file:
                file.write(data)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise failed(path, "can't be written", error) from error


def check_target(path: Path) -> None:
    """Whether `write_whole` could write there, as far as that can be told without writing. Raises ReportError."""
    file = _replaceable(path)
    if file is None:
        place, wanted = path, os.W_OK
    else:
        place, wanted = file.parent, os.W_OK | os.X_OK
    try:
        if file is not None and not stat.S_ISDIR(place.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(place, wanted):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise failed(path, "can't be written", error) from error


def _replaceable(path: Path) -> Path | None:
    """The file, or the place for one, behind all symbolic links; None for what must be written into.
    Raises ReportError: it is a folder, or can't be looked up."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        # A link may name what isn't there yet.
        return Path(os.path.realpath(path))
    except OSError as error:
        raise failed(path, "can't be written", error) from error
    if stat.S_ISDIR(mode):
        raise ReportError(f"{path}: is a folder; name a file")
    return Path(os.path.realpath(path)) if stat.S_ISREG(mode) and not _is_descriptor(path) else None


def _is_descriptor(path: Path) -> bool:
    """Whether a path leads through /proc/PID/fd, as /dev/stdout does: then it must be written into, not replaced."""
    # No more links than the kernel follows (path_resolution(7)).
    for _ in range(40):
        if os.path.realpath(path.parent).startswith("/proc/"):
            return True
        if not path.is_symlink():
            return False
        path = path.parent / os.readlink(path)
    return False


def _write_into(path: Path, data: bytes) -> None:
    # What was printed before must come before it. It is no error here if the reader of that has gone.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    try:
        # Neither made (it is there) nor cut short: a descriptor's file may hold what was printed.
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
        with open(fd, "wb") as file:
            file.write(data)
    except OSError as error:
        raise failed(path, "can't be written", error) from error


def append(path: Path, text: str) -> None:
    """Add to a file that others write to as well. Raises ReportError."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise failed(path, "can't be written", error) from error


def _write_unnamed(name: str, data: bytes, folder: int | None) -> bool:
    """Fill a file that has no name yet, then name it; False where that isn't to be had here."""
    if not hasattr(os, "O_TMPFILE"):
        return False
    try:
        fd = os.open(os.path.dirname(name) or ".", os.O_TMPFILE | os.O_WRONLY, 0o666, dir_fd=folder)
    except OSError as error:
        if error.errno in _NO_UNNAMED:
            return False
        raise
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        # With a descriptor beside it Python calls linkat(AT_SYMLINK_FOLLOW), else link(), which follows nothing.
        os.link(f"/proc/self/fd/{fd}", name, src_dir_fd=fd, dst_dir_fd=folder, follow_symlinks=True)
    except OSError as error:
        if error.errno in _NO_UNNAMED:
            return False
        raise
    finally:
        os.close(fd)
    return True


def failed(path: Path, what: str, error: OSError) -> ReportError:
    """What couldn't be done with a file or folder: the machine's fault where a disk is full, else the caller's."""
    code = CANNOT_RUN if error.errno in FULL | SCARCE else WRONG
    return ReportError(f"{path}: {what}: {error.strerror}", exit_code=code)
