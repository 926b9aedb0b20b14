"""What a private host has of its own besides its network: its name, its processes, and folders that programs change.

/run, /tmp and /dev/shm are its own and empty at first. Of /etc and /var it has a copy on write: it sees what the
machine has there, and what it changes is its own (overlayfs, Documentation/filesystems/overlayfs.rst). All of it is
memory, and gone with the host.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence

from netlab.agent import system
from netlab.contract.types import GivenFile, Private
from netlab.contract.types.parts import OWN_FOLDERS

_FLAGS = system.MS_NOSUID | system.MS_NODEV
#: Folders that are empty at first, with their modes.
_EMPTY = {"/run": "755", "/tmp": "1777", "/dev/shm": "1777"}
#: Folders that are copied on write.
_COPIED = ("/etc", "/var")
#: Those in which other programs' folders stand.
_SHELVES = ("/etc", "/var", "/var/cache", "/var/lib", "/var/log", "/var/spool")
#: The longest hostname, in bytes (__NEW_UTS_LEN, include/uapi/linux/utsname.h).
_HOSTNAME = 64


class Refused(OSError):
    """A file that can't be given."""


def dress(ns_id: str, private: Private, *, rootless: bool) -> None:
    """Make the calling thread's UTS and mount namespaces, which are new, those of a private host. Raises OSError."""
    socket.sethostname(private.hostname.encode()[:_HOSTNAME].decode(errors="ignore"))
    # Changes of the copied folders are kept in a tmpfs that the host's own /tmp then hides.
    system.mount("tmpfs", "/tmp", "tmpfs", _FLAGS, "mode=700")
    for folder in _COPIED:
        changes, work = f"/tmp{folder}", f"/tmp/work{folder}"
        for path in (changes, work):
            os.makedirs(path)
        closed: list[str] = []
        if rootless:
            # Another user can't copy a folder of root's (ovl_copy_up): an own one is merged with it.
            for path in (path for shelf in _SHELVES if shelf.startswith(folder) for path in _folders(shelf)):
                os.mkdir(f"/tmp{path}")
                if not os.access(path, os.R_OK | os.X_OK):
                    closed.append(path)
        # In a user namespace only attributes of users can be set, and overlayfs notes deleted folders by such.
        options = f"lowerdir={folder},upperdir={changes},workdir={work}" + (",userxattr" if rootless else "")
        system.mount("overlay", folder, "overlay", _FLAGS, options)
        for path in closed:
            # What this user may not see of the machine's is empty.
            system.mount("tmpfs", path, "tmpfs", _FLAGS, "mode=755")
    for folder, mode in _EMPTY.items():
        if os.path.isdir(folder):
            system.mount("tmpfs", folder, "tmpfs", _FLAGS, f"mode={mode}")
    os.mkdir("/run/lock")
    os.chmod("/run/lock", 0o1777)
    # The lab's name of a host is its id for software, too: the same in every run, and another in every host.
    from hashlib import md5

    given = {file.path for file in private.files}
    own = {
        "/etc/hostname": f"{private.hostname}\n",
        "/etc/machine-id": f"{md5(ns_id.encode(), usedforsecurity=False).hexdigest()}\n",
        "/etc/resolv.conf": "# No name server: the names of the lab are in /etc/hosts.\n",
    }
    put([GivenFile(path, text) for path, text in own.items() if path not in given])
    put(private.files)


def put(files: Sequence[GivenFile]) -> None:
    """Write files into the calling thread's private folders, each in the place of one that is there. Raises OSError."""
    for file in files:
        os.close(_write(file))


def names_file(text: str) -> int:
    """Write /etc/hosts, and return a descriptor of it: where a program puts another in its place, that stays."""
    return _write(GivenFile("/etc/hosts", text))


def rewrite(fd: int, text: str) -> None:
    """Replace a file's text. Raises OSError."""
    os.ftruncate(fd, 0)
    os.pwrite(fd, text.encode(), 0)


def _write(file: GivenFile) -> int:
    """A descriptor of the file as it has been written. No component of its path is followed as a link."""
    try:
        with contextlib.closing(_Folder(file.path)) as folder:
            fd = folder.create()
            try:
                os.write(fd, file.text.encode())
                os.fchmod(fd, file.mode)
                user, _, group = file.owner.partition(":")
                if file.owner:
                    _chown(fd, user, group)
            except BaseException:
                os.close(fd)
                raise
            return fd
    except LookupError as error:
        raise OSError(errno.EINVAL, f"no such user or group: {file.owner}", file.path) from error
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} {_why(error)}".rstrip(), file.path) from error


def _chown(fd: int, user: str, group: str) -> None:
    """Raises KeyError where there is no such user or group."""
    import grp
    import pwd

    os.fchown(fd, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid if group else -1)


def _why(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "(no link is followed, and every folder on the way must be one)"
    return ""


class _Folder:
    """The folder of a path, made where it isn't there, and the path's last component in it."""

    def __init__(self, path: str) -> None:
        root = next((own for own in OWN_FOLDERS if path.startswith(own + "/")), None)
        parts = path.split("/")
        if root is None or ".." in parts or path.endswith("/"):
            raise OSError(errno.EACCES, f"not below {', '.join(OWN_FOLDERS)}", path)
        *folders, self.name = [part for part in path[len(root) :].split("/") if part not in ("", ".")]
        self.fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in folders:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=self.fd)
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                inner = os.open(name, flags, dir_fd=self.fd)
                os.close(self.fd)
                self.fd = inner
        except BaseException:
            os.close(self.fd)
            raise

    def create(self) -> int:
        """A new file, in the place of whatever has that name."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.name, dir_fd=self.fd)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.name, flags, 0o600, dir_fd=self.fd)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self.fd)


def _folders(shelf: str) -> Iterator[str]:
    """The folders in a folder; none where it isn't there or may not be read."""
    with contextlib.suppress(OSError), os.scandir(shelf) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield entry.path
